"""Commands of the profile Local Auth List Management (OCPP 1.6, 5.10 and 5.15)."""

from typing import TYPE_CHECKING

from ocpptrio.protocol import local_auth_list

if TYPE_CHECKING:
    from ocpptrio.simulator.charge_point import SimulatedChargePoint


def get_local_list_version(
    charge_point: "SimulatedChargePoint", _request: local_auth_list.GetLocalListVersion
) -> local_auth_list.GetLocalListVersionResponse:
    enabled = charge_point.configuration.flag("LocalAuthListEnabled")
    version = charge_point.authorizer.local_list.version if enabled else -1
    return local_auth_list.GetLocalListVersionResponse(list_version=version)


def send_local_list(
    charge_point: "SimulatedChargePoint", request: local_auth_list.SendLocalList
) -> local_auth_list.SendLocalListResponse:
    configuration = charge_point.configuration
    entries = request.local_authorization_list or ()
    if not configuration.flag("LocalAuthListEnabled"):
        status = local_auth_list.UpdateStatus.NOT_SUPPORTED
    elif len(entries) > configuration.number("SendLocalListMaxLength"):
        status = local_auth_list.UpdateStatus.FAILED
    else:
        status = charge_point.authorizer.local_list.update(
            request.update_type,
            request.list_version,
            entries,
            configuration.number("LocalAuthListMaxLength"),
        )
    return local_auth_list.SendLocalListResponse(status=status)

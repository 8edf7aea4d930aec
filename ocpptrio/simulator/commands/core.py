"""Commands of the profile Core (OCPP 1.6, 5.2 to 5.18)."""

from functools import partial
from typing import TYPE_CHECKING, Final

from ocpptrio.errors import ErrorCode, RemoteProtocolError
from ocpptrio.protocol import core
from ocpptrio.protocol.datatypes import ChargingProfilePurposeType
from ocpptrio.simulator.commands.known import check_connector

if TYPE_CHECKING:
    from ocpptrio.simulator.charge_point import SimulatedChargePoint


VENDOR_ID: Final = "org.ocpptrio"  # whose DataTransfer `echo` is answered with its own data


def change_availability(
    charge_point: "SimulatedChargePoint", request: core.ChangeAvailability
) -> core.ChangeAvailabilityResponse:
    check_connector(charge_point, request.connector_id)
    operative = request.type is core.AvailabilityType.OPERATIVE
    status = charge_point.station.change_availability(request.connector_id, operative)
    return core.ChangeAvailabilityResponse(status=status)


def change_configuration(
    charge_point: "SimulatedChargePoint", request: core.ChangeConfiguration
) -> core.ChangeConfigurationResponse:
    status = charge_point.configuration.change(request.key, request.value)
    if status is core.ConfigurationStatus.ACCEPTED:
        charge_point.configuration_changed(request.key)
    return core.ChangeConfigurationResponse(status=status)


def clear_cache(
    charge_point: "SimulatedChargePoint", _request: core.ClearCache
) -> core.ClearCacheResponse:
    if not charge_point.configuration.flag("AuthorizationCacheEnabled"):
        return core.ClearCacheResponse(status=core.ClearCacheStatus.REJECTED)
    charge_point.authorizer.cache.clear()
    return core.ClearCacheResponse(status=core.ClearCacheStatus.ACCEPTED)


def data_transfer(
    _charge_point: "SimulatedChargePoint", request: core.DataTransfer
) -> core.DataTransferResponse:
    if request.vendor_id.casefold() != VENDOR_ID:
        return core.DataTransferResponse(status=core.DataTransferStatus.UNKNOWN_VENDOR_ID)
    if request.message_id != "echo":
        return core.DataTransferResponse(status=core.DataTransferStatus.UNKNOWN_MESSAGE_ID)
    return core.DataTransferResponse(status=core.DataTransferStatus.ACCEPTED, data=request.data)


def get_configuration(
    charge_point: "SimulatedChargePoint", request: core.GetConfiguration
) -> core.GetConfigurationResponse:
    most = charge_point.configuration.number("GetConfigurationMaxKeys")
    if len(request.key or ()) > most:
        raise RemoteProtocolError(
            ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION, f"at most {most} keys at a time"
        )
    return charge_point.configuration.report(request.key)


def remote_start_transaction(
    charge_point: "SimulatedChargePoint", request: core.RemoteStartTransaction
) -> core.RemoteStartTransactionResponse:
    if request.connector_id is not None:
        check_connector(charge_point, request.connector_id)
    profile = request.charging_profile
    sound = profile is None or (
        profile.charging_profile_purpose is ChargingProfilePurposeType.TX_PROFILE
        and profile.transaction_id is None
    )
    place = charge_point.card_reader.place_for(request.id_tag, request.connector_id)
    if not sound or place is None or not charge_point.link.registration.accepted:
        return core.RemoteStartTransactionResponse(status=core.RemoteStartStopStatus.REJECTED)
    charge_point.link.afterwards(
        partial(
            charge_point.card_reader.start_remotely, request.connector_id, request.id_tag, profile
        )
    )
    return core.RemoteStartTransactionResponse(status=core.RemoteStartStopStatus.ACCEPTED)


def remote_stop_transaction(
    charge_point: "SimulatedChargePoint", request: core.RemoteStopTransaction
) -> core.RemoteStopTransactionResponse:
    connector = charge_point.station.with_transaction_id(request.transaction_id)
    if connector is None or not charge_point.link.registration.accepted:
        return core.RemoteStopTransactionResponse(status=core.RemoteStartStopStatus.REJECTED)
    charge_point.station.stop(connector, core.Reason.REMOTE)
    return core.RemoteStopTransactionResponse(status=core.RemoteStartStopStatus.ACCEPTED)


def reset(charge_point: "SimulatedChargePoint", request: core.Reset) -> core.ResetResponse:
    if request.type is core.ResetType.HARD:
        charge_point.link.afterwards(charge_point.reset_hard)
    else:
        charge_point.link.afterwards(charge_point.reset_soft)
    return core.ResetResponse(status=core.ResetStatus.ACCEPTED)


def unlock_connector(
    charge_point: "SimulatedChargePoint", request: core.UnlockConnector
) -> core.UnlockConnectorResponse:
    try:
        connector = charge_point.station.connector(request.connector_id)
    except KeyError:  # not a CALLERROR (errata 3.87)
        return core.UnlockConnectorResponse(status=core.UnlockStatus.NOT_SUPPORTED)
    return core.UnlockConnectorResponse(status=charge_point.station.unlock(connector))

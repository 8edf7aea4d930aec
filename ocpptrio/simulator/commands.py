"""What the central system may ask of a charge point, and how each command is answered.

A handler decides and answers at once. What then has to happen (a reset, a triggered message) it
leaves to `link.afterwards`: the answer goes out first. The table at the end shows them all.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ocpptrio.clock import to_us, whole_seconds
from ocpptrio.composite_schedule import CompositeSchedule, composite_schedule
from ocpptrio.errors import ErrorCode, RemoteProtocolError
from ocpptrio.protocol import core, firmware, local_auth_list, remote_trigger, reservation, security
from ocpptrio.protocol import smart_charging as charging
from ocpptrio.protocol.datatypes import (
    ChargingProfilePurposeType,
    ChargingRateUnitType,
    ChargingSchedule,
    ChargingSchedulePeriod,
    Message,
    Request,
)
from ocpptrio.simulator.connector import HARDWARE_A, PHASES, Connector
from ocpptrio.simulator.firmware import FirmwareUpdate
from ocpptrio.simulator.meter import NOMINAL_VOLTAGE_V
from ocpptrio.simulator.remote_trigger import trigger
from ocpptrio.simulator.reservation import Reservation
from ocpptrio.simulator.smart_charging import LONGEST_SCHEDULE_S

if TYPE_CHECKING:
    from ocpptrio.simulator.charge_point import SimulatedChargePoint

Handler = Callable[["SimulatedChargePoint", Any], Message]
"""Any: takes the request of its row in the table, returns the response to it."""

VENDOR_ID: Final = "org.ocpptrio"  # whose DataTransfer `echo` is answered with its own data


def answer(charge_point: "SimulatedChargePoint", request: Request[Message]) -> Message:
    """Answer a command.

    Raises:
        RemoteProtocolError: it has to be refused with a CALLERROR.
    """
    handler = COMMANDS.get(type(request))
    if handler is None:
        raise RemoteProtocolError(ErrorCode.NOT_SUPPORTED, "not supported by this charge point")
    return handler(charge_point, request)


# Core.


def change_availability(
    charge_point: "SimulatedChargePoint", request: core.ChangeAvailability
) -> core.ChangeAvailabilityResponse:
    _known(charge_point, request.connector_id)
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
        _known(charge_point, request.connector_id)
    profile = request.charging_profile
    sound = profile is None or (
        profile.charging_profile_purpose is ChargingProfilePurposeType.TX_PROFILE
        and profile.transaction_id is None
    )
    connector = charge_point.card_reader.place_for(request.id_tag, request.connector_id)
    if not sound or connector is None or not charge_point.link.registration.accepted:
        return core.RemoteStartTransactionResponse(status=core.RemoteStartStopStatus.REJECTED)
    charge_point.link.afterwards(
        partial(charge_point.card_reader.start_remotely, connector, request.id_tag, profile)
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


# Firmware management.


def get_diagnostics(
    charge_point: "SimulatedChargePoint", request: firmware.GetDiagnostics
) -> firmware.GetDiagnosticsResponse:
    file_name = charge_point.diagnostics.get_diagnostics(request)
    return firmware.GetDiagnosticsResponse(file_name=file_name)


def update_firmware(
    charge_point: "SimulatedChargePoint", request: firmware.UpdateFirmware
) -> firmware.UpdateFirmwareResponse:
    if charge_point.credentials.security_profile > 0:  # white paper, L01.FR.20
        raise RemoteProtocolError(ErrorCode.NOT_SUPPORTED, "use SignedUpdateFirmware")
    charge_point.firmware.update(
        FirmwareUpdate(
            location=request.location,
            retrieve_date=request.retrieve_date,
            retries=request.retries or 0,
            retry_interval_s=request.retry_interval or 0,
        )
    )
    return firmware.UpdateFirmwareResponse()


# Local authorization list.


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


# Reservation.


def cancel_reservation(
    charge_point: "SimulatedChargePoint", request: reservation.CancelReservation
) -> reservation.CancelReservationResponse:
    if charge_point.station.reservations.cancel(request.reservation_id):
        charge_point.station.update()
        status = reservation.CancelReservationStatus.ACCEPTED
    else:
        status = reservation.CancelReservationStatus.REJECTED
    return reservation.CancelReservationResponse(status=status)


def reserve_now(
    charge_point: "SimulatedChargePoint", request: reservation.ReserveNow
) -> reservation.ReserveNowResponse:
    _known(charge_point, request.connector_id)
    station = charge_point.station
    status = station.reservations.reserve(
        Reservation(
            request.reservation_id,
            request.connector_id,
            request.id_tag,
            request.parent_id_tag,
            to_us(request.expiry_date),
        ),
        in_service=station.operative and station.in_service,
    )
    station.update()
    return reservation.ReserveNowResponse(status=status)


# Smart charging.


def clear_charging_profile(
    charge_point: "SimulatedChargePoint", request: charging.ClearChargingProfile
) -> charging.ClearChargingProfileResponse:
    status = charge_point.station.power.profiles.clear(request)
    charge_point.station.update()
    return charging.ClearChargingProfileResponse(status=status)


def get_composite_schedule(
    charge_point: "SimulatedChargePoint", request: charging.GetCompositeSchedule
) -> charging.GetCompositeScheduleResponse:
    if request.connector_id > len(charge_point.station.connectors) or request.duration <= 0:
        return charging.GetCompositeScheduleResponse(
            status=charging.GetCompositeScheduleStatus.REJECTED
        )
    schedule = composite_schedule(
        charge_point.station.power.installation(),
        request.connector_id,
        whole_seconds(charge_point.device.clock.now_us()),
        min(request.duration, LONGEST_SCHEDULE_S),
        request.charging_rate_unit or ChargingRateUnitType.A,
    )
    connectors = 1 if request.connector_id else len(charge_point.station.connectors)
    return charging.GetCompositeScheduleResponse(
        status=charging.GetCompositeScheduleStatus.ACCEPTED,
        connector_id=request.connector_id,
        schedule_start=schedule.start,
        charging_schedule=_reported(schedule, connectors),
    )


def _reported(schedule: CompositeSchedule, connectors: int) -> ChargingSchedule:
    """Where no profile limits anything, the cables do. startSchedule is left out (errata 3.57)."""
    most = HARDWARE_A * connectors
    if schedule.unit is ChargingRateUnitType.W:
        most *= NOMINAL_VOLTAGE_V * PHASES
    periods: list[ChargingSchedulePeriod] = []
    for period in schedule.periods:
        limit = most if period.limit is None else min(period.limit, most)
        reported = ChargingSchedulePeriod(
            start_period=period.start_s,
            limit=round(limit, 1),
            number_phases=period.number_phases or PHASES,
        )
        before = periods[-1] if periods else None
        if before is None or (before.limit, before.number_phases) != (
            reported.limit,
            reported.number_phases,
        ):
            periods.append(reported)
    return ChargingSchedule(
        duration=schedule.duration_s,
        charging_rate_unit=schedule.unit,
        charging_schedule_period=tuple(periods),
    )


def set_charging_profile(
    charge_point: "SimulatedChargePoint", request: charging.SetChargingProfile
) -> charging.SetChargingProfileResponse:
    _known(charge_point, request.connector_id)
    station, profile = charge_point.station, request.cs_charging_profiles
    status = charging.ChargingProfileStatus.REJECTED
    if profile.charging_profile_purpose is not ChargingProfilePurposeType.TX_PROFILE or (
        request.connector_id > 0
        and _may_take_tx_profile(station.connector(request.connector_id), profile.transaction_id)
    ):
        status = station.power.profiles.set(
            request.connector_id, profile, charge_point.device.now()
        )
        station.update()
    return charging.SetChargingProfileResponse(status=status)


def _may_take_tx_profile(connector: Connector, transaction_id: int | None) -> bool:
    """Only a running transaction, and if the profile names one, that one (OCPP 1.6, 5.16.1)."""
    transaction = connector.transaction
    return transaction is not None and transaction_id in (None, transaction.id.value)


# Remote trigger, plain and extended.


def trigger_message(
    charge_point: "SimulatedChargePoint", request: remote_trigger.TriggerMessage
) -> remote_trigger.TriggerMessageResponse:
    accepted = trigger(charge_point, request.requested_message.value, request.connector_id)
    status = remote_trigger.TriggerMessageStatus
    return remote_trigger.TriggerMessageResponse(
        status=status.ACCEPTED if accepted else status.REJECTED
    )


def extended_trigger_message(
    charge_point: "SimulatedChargePoint", request: security.ExtendedTriggerMessage
) -> security.ExtendedTriggerMessageResponse:
    wanted = request.requested_message.value
    if request.requested_message is security.MessageTriggerEnumType.FIRMWARE_STATUS_NOTIFICATION:
        wanted = "SignedFirmwareStatusNotification"
    accepted = trigger(charge_point, wanted, request.connector_id)
    status = security.TriggerMessageStatusEnumType
    return security.ExtendedTriggerMessageResponse(
        status=status.ACCEPTED if accepted else status.REJECTED
    )


# Security extension.


def certificate_signed(
    charge_point: "SimulatedChargePoint", request: security.CertificateSigned
) -> security.CertificateSignedResponse:
    status = charge_point.certificates.signed(
        request.certificate_chain,
        charge_point.device.now(),
        charge_point.configuration.number("CertificateSignedMaxChainSize"),
    )
    if status is security.CertificateSignedStatusEnumType.REJECTED:
        charge_point.security_event("InvalidChargePointCertificate")
    elif charge_point.credentials.security_profile == 3:
        charge_point.link.afterwards(charge_point.reconnect)
    return security.CertificateSignedResponse(status=status)


def delete_certificate(
    charge_point: "SimulatedChargePoint", request: security.DeleteCertificate
) -> security.DeleteCertificateResponse:
    status = charge_point.certificates.delete(
        request.certificate_hash_data, keep_last_root=charge_point.credentials.security_profile >= 2
    )
    return security.DeleteCertificateResponse(status=status)


def get_installed_certificate_ids(
    charge_point: "SimulatedChargePoint", request: security.GetInstalledCertificateIds
) -> security.GetInstalledCertificateIdsResponse:
    found = charge_point.certificates.installed(request.certificate_type)
    status = security.GetInstalledCertificateStatusEnumType
    return security.GetInstalledCertificateIdsResponse(
        status=status.ACCEPTED if found else status.NOT_FOUND, certificate_hash_data=found or None
    )


def get_log(
    charge_point: "SimulatedChargePoint", request: security.GetLog
) -> security.GetLogResponse:
    file_name, ended_another = charge_point.diagnostics.get_log(request)
    status = security.LogStatusEnumType
    return security.GetLogResponse(
        status=status.ACCEPTED_CANCELED if ended_another else status.ACCEPTED, filename=file_name
    )


def install_certificate(
    charge_point: "SimulatedChargePoint", request: security.InstallCertificate
) -> security.InstallCertificateResponse:
    status = charge_point.certificates.install(
        request.certificate_type,
        request.certificate,
        charge_point.device.now(),
        charge_point.configuration.number("CertificateStoreMaxLength"),
    )
    root = security.CertificateUseEnumType.CENTRAL_SYSTEM_ROOT_CERTIFICATE
    if status is not security.CertificateStatusEnumType.ACCEPTED and (
        request.certificate_type is root
    ):
        charge_point.security_event("InvalidCentralSystemCertificate")
    return security.InstallCertificateResponse(status=status)


def signed_update_firmware(
    charge_point: "SimulatedChargePoint", request: security.SignedUpdateFirmware
) -> security.SignedUpdateFirmwareResponse:
    wanted = request.firmware
    status = charge_point.certificates.check_firmware_signer(
        wanted.signing_certificate, charge_point.device.now()
    )
    if status is not security.UpdateFirmwareStatusEnumType.ACCEPTED:
        charge_point.security_event("InvalidFirmwareSigningCertificate")
        return security.SignedUpdateFirmwareResponse(status=status)
    ended_another = charge_point.firmware.update(
        FirmwareUpdate(
            location=wanted.location,
            retrieve_date=wanted.retrieve_date_time,
            install_date=wanted.install_date_time,
            retries=request.retries or 0,
            retry_interval_s=request.retry_interval or 0,
            request_id=request.request_id,
        )
    )
    if ended_another:
        status = security.UpdateFirmwareStatusEnumType.ACCEPTED_CANCELED
    return security.SignedUpdateFirmwareResponse(status=status)


def _known(charge_point: "SimulatedChargePoint", connector_id: int) -> None:
    """A connector that does not exist is an invalid value of a field (errata 3.39)."""
    connectors = len(charge_point.station.connectors)
    if connector_id > connectors:
        raise RemoteProtocolError(
            ErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
            f"connectorId: there is no connector {connector_id}, only 1 to {connectors}",
        )


COMMANDS: Final[dict[type[Request[Any]], Handler]] = {
    core.ChangeAvailability: change_availability,
    core.ChangeConfiguration: change_configuration,
    core.ClearCache: clear_cache,
    core.DataTransfer: data_transfer,
    core.GetConfiguration: get_configuration,
    core.RemoteStartTransaction: remote_start_transaction,
    core.RemoteStopTransaction: remote_stop_transaction,
    core.Reset: reset,
    core.UnlockConnector: unlock_connector,
    firmware.GetDiagnostics: get_diagnostics,
    firmware.UpdateFirmware: update_firmware,
    local_auth_list.GetLocalListVersion: get_local_list_version,
    local_auth_list.SendLocalList: send_local_list,
    reservation.CancelReservation: cancel_reservation,
    reservation.ReserveNow: reserve_now,
    charging.ClearChargingProfile: clear_charging_profile,
    charging.GetCompositeSchedule: get_composite_schedule,
    charging.SetChargingProfile: set_charging_profile,
    remote_trigger.TriggerMessage: trigger_message,
    security.CertificateSigned: certificate_signed,
    security.DeleteCertificate: delete_certificate,
    security.ExtendedTriggerMessage: extended_trigger_message,
    security.GetInstalledCertificateIds: get_installed_certificate_ids,
    security.GetLog: get_log,
    security.InstallCertificate: install_certificate,
    security.SignedUpdateFirmware: signed_update_firmware,
}

"""Quirks in how commands are carried out (Q52 to Q56)."""

from typing import Final

from ocpptrio.simulator.quirks.messages import OurAnswer, TheirCall
from ocpptrio.simulator.quirks.quirk import Quirk
from ocpptrio.simulator.quirks.wire import Wire

AVAILABILITY_AFTER_S: Final = 30.0  # simulated
WRONG_PROFILES: Final = "Core, Firmware Management , SmartCharging,Core"


class OddProfiles(Quirk):
    """Knows no ChargePointMaxProfile, takes limits in W only and a TxProfile only with its
    transaction; what it accepts, it ignores.

    Grizzl-E (HA#221), steve#1174, HA#2084.
    """

    number = 52
    title = "charging profiles refused or ignored"
    seen = "Grizzl-E"
    configuration = {"ChargingScheduleAllowedChargingRateUnit": "Power"}

    def their_call(self, wire: Wire, call: TheirCall) -> None:
        if call.action != "SetChargingProfile":
            return
        profile = call.payload.get("csChargingProfiles", {})
        purpose = profile.get("chargingProfilePurpose")
        status = "Accepted"
        if profile.get("chargingSchedule", {}).get("chargingRateUnit") != "W":
            status = "Rejected"
        elif purpose == "ChargePointMaxProfile":
            status = "NotSupported"
        elif purpose == "TxProfile" and "transactionId" not in profile:
            status = "Rejected"
        call.answer = {"status": status}


class OddAvailability(Quirk):
    """Rejects ChangeAvailability for connector 0; for others it is always Scheduled, and done half
    a minute later.

    HA#1736, HA#1525.
    """

    number = 53
    title = "ChangeAvailability on 0 rejected, else Scheduled"
    seen = "HA#1736, HA#1525"

    def their_call(self, wire: Wire, call: TheirCall) -> None:
        if call.action != "ChangeAvailability":
            return
        station = self.charge_point.station
        connector_id = call.payload.get("connectorId")
        operative = call.payload.get("type") == "Operative"

        def change() -> None:
            assert isinstance(connector_id, int)
            station.change_availability(connector_id, operative)

        if connector_id in range(1, len(station.connectors) + 1):
            call.answer = {"status": "Scheduled"}
            self.charge_point.device.after(AVAILABILITY_AFTER_S, change)
        else:
            call.answer = {"status": "Rejected"}


class EmptyLists(Quirk):
    """Takes `"key": []` for no keys at all; its lists are empty or null where they should not be.

    libocpp#478, where the log shows steve's `[]`.
    """

    number = 54
    title = "GetConfiguration with empty lists and nulls"
    seen = "libocpp#478"

    def their_call(self, wire: Wire, call: TheirCall) -> None:
        if call.action == "GetConfiguration" and call.payload.get("key") == []:
            call.answer = {"configurationKey": [], "unknownKey": None}

    def our_answer(self, wire: Wire, answer: OurAnswer) -> None:
        if answer.action == "GetConfiguration" and answer.payload is not None:
            answer.payload.setdefault("configurationKey", [])
            answer.payload.setdefault("unknownKey", None)


class WrongFeatureProfiles(Quirk):
    """Its SupportedFeatureProfiles has blanks, a name that does not exist and one twice, and lacks
    most; asked for by name, there is no such key.

    SyncEV; HA (`force_smart_charging`).
    """

    number = 55
    title = "SupportedFeatureProfiles wrong or missing"
    seen = "SyncEV"

    def our_answer(self, wire: Wire, answer: OurAnswer) -> None:
        if answer.action != "GetConfiguration" or not answer.payload:
            return
        name = "SupportedFeatureProfiles"
        keys = answer.payload.get("configurationKey", [])
        if answer.request.get("key"):
            known = [each for each in keys if each["key"] != name]
            if len(known) < len(keys):
                answer.payload["configurationKey"] = known
                answer.payload["unknownKey"] = [*(answer.payload.get("unknownKey") or ()), name]
        for each in keys:
            if each["key"] == name:
                each["value"] = WRONG_PROFILES


class FtpOnly(Quirk):
    """Uploads and downloads with FTP only, and not to a directory: the URL has to name a file.

    steve#746, OpenEVSE#790 and #792.
    """

    number = 56
    title = "files by FTP only, and only with a file name"
    seen = "steve#746, OpenEVSE#790"
    configuration = {"SupportedFileTransferProtocols": "FTP"}

    def their_call(self, wire: Wire, call: TheirCall) -> None:
        location = call.payload.get("location")
        if call.action == "GetDiagnostics" and str(location).endswith("/"):
            # The simulator fails where the URL says so.
            call.payload["location"] = f"{location}UploadFailed"

"""Charge points that nobody here wrote: PyPI `ocpp` and npm `ocpp-rpc`, both validating strictly.

Each plays a whole session and answers every command that a central system can send.
"""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio

from ocpptrio.central_system import CentralSystem
from ocpptrio.protocol import (
    core,
    firmware,
    local_auth_list,
    remote_trigger,
    reservation,
    security,
    smart_charging,
)
from ocpptrio.protocol.actions import ACTIONS, Role
from ocpptrio.protocol.datatypes import (
    AuthorizationStatus,
    ChargingProfile,
    ChargingProfileKindType,
    ChargingProfilePurposeType,
    ChargingRateUnitType,
    ChargingSchedule,
    ChargingSchedulePeriod,
    IdTagInfo,
    Message,
    RecurrencyKindType,
    Request,
)
from ocpptrio.store import deviations, transactions
from tests.clients import test_settings

PEERS = Path(__file__).parent / "peers"
ANSWERS: dict[str, Any] = json.loads((PEERS / "script.json").read_text())["answers"]  # Any: JSON
LATER = datetime(2036, 1, 15, 10, 30, 15, 250_000, tzinfo=UTC)  # fractions must not leave
PEM = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n"
HASH = security.CertificateHashDataType(
    hash_algorithm=security.HashAlgorithmEnumType.SHA256,
    issuer_name_hash="9f86d081884c7d65",
    issuer_key_hash="60303ae22b998861",
    serial_number="FFF",
)


def profile(purpose: ChargingProfilePurposeType, kind: ChargingProfileKindType) -> ChargingProfile:
    recurring = kind is ChargingProfileKindType.RECURRING
    return ChargingProfile(
        charging_profile_id=100,
        stack_level=0,
        charging_profile_purpose=purpose,
        charging_profile_kind=kind,
        recurrency_kind=RecurrencyKindType.DAILY if recurring else None,
        valid_to=LATER,
        charging_schedule=ChargingSchedule(
            duration=86_400,
            start_schedule=LATER if recurring else None,
            charging_rate_unit=ChargingRateUnitType.A,
            charging_schedule_period=(
                ChargingSchedulePeriod(start_period=0, limit=8.1, number_phases=3),
                ChargingSchedulePeriod(start_period=28_800, limit=0.1 + 0.2),
            ),
            min_charging_rate=6.0,
        ),
    )


COMMANDS: list[Request[Message]] = [
    core.ChangeAvailability(connector_id=0, type=core.AvailabilityType.INOPERATIVE),
    core.ChangeConfiguration(key="MeterValueSampleInterval", value="60"),
    core.ClearCache(),
    core.DataTransfer(vendor_id="com.example", message_id="m", data='{"a":1}'),
    core.GetConfiguration(key=("HeartbeatInterval", "NoSuchKey")),
    core.GetConfiguration(),
    core.RemoteStartTransaction(
        connector_id=1,
        id_tag="04A1B2C3",
        charging_profile=profile(
            ChargingProfilePurposeType.TX_PROFILE, ChargingProfileKindType.RELATIVE
        ),
    ),
    core.RemoteStopTransaction(transaction_id=4711),
    core.Reset(type=core.ResetType.HARD),
    core.UnlockConnector(connector_id=1),
    firmware.GetDiagnostics(
        location="ftp://user:secret@192.0.2.1/logs", retries=2, start_time=LATER
    ),
    firmware.UpdateFirmware(location="https://192.0.2.1/fw.bin", retrieve_date=LATER, retries=1),
    local_auth_list.GetLocalListVersion(),
    local_auth_list.SendLocalList(
        list_version=2,
        update_type=local_auth_list.UpdateType.DIFFERENTIAL,
        local_authorization_list=(
            local_auth_list.AuthorizationData(
                id_tag="04A1B2C3",
                id_tag_info=IdTagInfo(
                    status=AuthorizationStatus.ACCEPTED, expiry_date=LATER, parent_id_tag="FLEET"
                ),
            ),
            local_auth_list.AuthorizationData(id_tag="0000GONE"),
        ),
    ),
    remote_trigger.TriggerMessage(
        requested_message=remote_trigger.MessageTrigger.METER_VALUES, connector_id=1
    ),
    reservation.ReserveNow(
        connector_id=1,
        expiry_date=LATER,
        id_tag="04A1B2C3",
        parent_id_tag="FLEET",
        reservation_id=17,
    ),
    reservation.CancelReservation(reservation_id=17),
    smart_charging.SetChargingProfile(
        connector_id=0,
        cs_charging_profiles=profile(
            ChargingProfilePurposeType.CHARGE_POINT_MAX_PROFILE, ChargingProfileKindType.RECURRING
        ),
    ),
    smart_charging.ClearChargingProfile(
        connector_id=1,
        charging_profile_purpose=ChargingProfilePurposeType.TX_DEFAULT_PROFILE,
        stack_level=0,
    ),
    smart_charging.GetCompositeSchedule(
        connector_id=1, duration=600, charging_rate_unit=ChargingRateUnitType.W
    ),
    security.CertificateSigned(certificate_chain=PEM),
    security.DeleteCertificate(certificate_hash_data=HASH),
    security.ExtendedTriggerMessage(
        requested_message=security.MessageTriggerEnumType.SIGN_CHARGE_POINT_CERTIFICATE
    ),
    security.GetInstalledCertificateIds(
        certificate_type=security.CertificateUseEnumType.CENTRAL_SYSTEM_ROOT_CERTIFICATE
    ),
    security.GetLog(
        log=security.LogParametersType(remote_location="ftp://192.0.2.1/", oldest_timestamp=LATER),
        log_type=security.LogEnumType.SECURITY_LOG,
        request_id=7,
    ),
    security.InstallCertificate(
        certificate_type=security.CertificateUseEnumType.MANUFACTURER_ROOT_CERTIFICATE,
        certificate=PEM,
    ),
    security.SignedUpdateFirmware(
        request_id=8,
        firmware=security.FirmwareType(
            location="https://192.0.2.1/fw.bin",
            retrieve_date_time=LATER,
            signing_certificate=PEM,
            signature="c2ln",
        ),
    ),
]


def test_the_commands_here_are_all_that_a_central_system_sends() -> None:
    sent = {type(command).__name__ for command in COMMANDS}
    assert sent == {name for name, spec in ACTIONS.items() if Role.CENTRAL_SYSTEM in spec.senders}
    assert sent == ANSWERS.keys()


@pytest.fixture(scope="session")
def ocpp_rpc() -> list[str]:
    """The command of the npm client, installed beside its package.json where it is missing."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        if os.environ.get("CI"):
            pytest.fail("Node.js and npm are needed here")
        pytest.skip("needs Node.js and npm on this machine")
    if not (PEERS / "node_modules" / "ocpp-rpc").is_dir():
        subprocess.run(["npm", "install", "--silent"], cwd=PEERS, check=True, timeout=300)
    return ["node", str(PEERS / "charge_point.js")]


@pytest.fixture(scope="session")
def pypi_ocpp() -> list[str]:
    return [sys.executable, str(PEERS / "charge_point.py")]


@pytest.mark.parametrize("client", ["pypi_ocpp", "ocpp_rpc"])
async def test_a_foreign_charge_point_charges_and_obeys(
    client: str, request: pytest.FixtureRequest
) -> None:
    command = request.getfixturevalue(client)
    answered: list[str] = []

    async def play(endpoint: str) -> None:
        done = await trio.run_process([*command, endpoint, "FOREIGN"], capture_stdout=True)
        answered.extend(json.loads(done.stdout.splitlines()[-1]))

    with trio.fail_after(60):
        async with (
            CentralSystem(test_settings(), inline_store=True) as central,
            trio.open_nursery() as nursery,
        ):
            host, port = central.addresses[0]
            with central.watch("FOREIGN") as events:
                nursery.start_soon(play, f"ws://{host}:{port}/ocpp/1.6")
                async for numbered in events:
                    if numbered.event.kind == "CertificateRequested":
                        break  # the last message of its session
            point = central.charge_point("FOREIGN")
            for asked in COMMANDS:
                response: Message = await point.call(asked, timeout_s=10)
                spec = ACTIONS[type(asked).__name__]
                assert response == spec.read_response(json.dumps(ANSWERS[spec.name]).encode())
            (transaction,) = await central.store.read(transactions.listed)
            assert (transaction.state, transaction.energy_wh) == ("stopped", 200)
            assert await central.store.read(deviations.everyone) == []
            central.stop()
    assert answered == [type(command).__name__ for command in COMMANDS]

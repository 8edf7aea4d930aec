"""The security extension: certificates, passwords, security profiles, events."""

from datetime import timedelta

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509 import ocsp
from trio.testing import MockClock

from ocpptrio.connection import Transport
from ocpptrio.errors import ErrorCode, NotConnected, RemoteProtocolError
from ocpptrio.protocol import core
from ocpptrio.protocol.core import ConfigurationStatus
from ocpptrio.protocol.datatypes import Message
from ocpptrio.protocol.security import (
    CertificateHashDataType,
    CertificateSigned,
    CertificateSignedStatusEnumType,
    CertificateStatusEnumType,
    CertificateUseEnumType,
    DeleteCertificate,
    DeleteCertificateStatusEnumType,
    ExtendedTriggerMessage,
    GetInstalledCertificateIds,
    GetInstalledCertificateStatusEnumType,
    HashAlgorithmEnumType,
    InstallCertificate,
    MessageTriggerEnumType,
    SecurityEventNotification,
    SignCertificate,
    TriggerMessageStatusEnumType,
)
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from ocpptrio.simulator.link import NotAdmitted
from ocpptrio.simulator.security import hash_data
from tests.simulator.authority import Authority
from tests.simulator.fake_central import START, FakeCentral, simulated, start

Sides = tuple[FakeCentral, SimulatedChargePoint]
CENTRAL = CertificateUseEnumType.CENTRAL_SYSTEM_ROOT_CERTIFICATE
MANUFACTURER = CertificateUseEnumType.MANUFACTURER_ROOT_CERTIFICATE


def events(central: FakeCentral) -> list[str]:
    return [each.type for each in central.all(SecurityEventNotification)]


async def change(central: FakeCentral, key: str, value: str) -> ConfigurationStatus:
    return (await central.call(core.ChangeConfiguration(key=key, value=value))).status


async def ask_for_csr(central: FakeCentral) -> TriggerMessageStatusEnumType:
    answer = await central.call(
        ExtendedTriggerMessage(
            requested_message=MessageTriggerEnumType.SIGN_CHARGE_POINT_CERTIFICATE
        )
    )
    return answer.status


async def install(
    central: FakeCentral, pem: str, use: CertificateUseEnumType = CENTRAL
) -> CertificateStatusEnumType:
    answer = await central.call(InstallCertificate(certificate_type=use, certificate=pem))
    return answer.status


async def installed(
    central: FakeCentral, use: CertificateUseEnumType = CENTRAL
) -> tuple[CertificateHashDataType, ...]:
    answer = await central.call(GetInstalledCertificateIds(certificate_type=use))
    found = answer.status is GetInstalledCertificateStatusEnumType.ACCEPTED
    assert found == (answer.certificate_hash_data is not None)
    return answer.certificate_hash_data or ()


# Its own certificate.


async def test_a_certificate_is_asked_for_signed_and_taken_into_use(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    assert await ask_for_csr(central) is TriggerMessageStatusEnumType.REJECTED  # no CpoName
    await change(central, "CpoName", "Example AG")
    assert await ask_for_csr(central) is TriggerMessageStatusEnumType.ACCEPTED
    csr = (await central.wait(SignCertificate)).csr
    subject = x509.load_pem_x509_csr(csr.encode()).subject
    assert [str(each.value) for each in subject] == ["CP1", "Example AG"]
    chain = Authority().signed_pem(csr)
    answer = await central.call(CertificateSigned(certificate_chain=chain))
    assert answer.status is CertificateSignedStatusEnumType.ACCEPTED
    assert charge_point.certificates.has_own
    pem = charge_point.certificates.own_pem()
    assert pem is not None
    assert pem[0].decode() == chain


async def test_a_certificate_that_does_not_fit_is_rejected_and_an_event(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await change(central, "CpoName", "Example AG")
    await ask_for_csr(central)
    csr = (await central.wait(SignCertificate)).csr
    ours, theirs = Authority("Ours"), Authority("Theirs")
    leaf = ours.signed_pem(csr).removesuffix(ours.root_pem)
    charge_point.configuration.set("CertificateSignedMaxChainSize", "2000")
    for chain in (
        "nonsense",
        ours.certificate_pem("other key"),
        leaf + theirs.root_pem,
        leaf + ours.root_pem * 6,
    ):
        answer = await central.call(CertificateSigned(certificate_chain=chain))
        assert answer.status is CertificateSignedStatusEnumType.REJECTED
    await trio.sleep(1)
    assert events(central).count("InvalidChargePointCertificate") == 4
    assert not charge_point.certificates.has_own


async def test_the_key_comes_from_the_seed(autojump_clock: MockClock) -> None:
    first, second = (
        x509.load_pem_x509_csr(
            simulated().certificates.signing_request("CP1", "Example AG").encode()
        ).public_key()
        for _ in range(2)
    )
    assert first == second


# Roots.


async def test_roots_are_installed_listed_and_deleted(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, _ = sides
    assert await installed(central) == ()
    first, second = Authority("First"), Authority("Second")
    accepted = CertificateStatusEnumType.ACCEPTED
    assert await install(central, first.root_pem) is accepted
    assert await install(central, first.root_pem) is accepted  # there already
    assert await install(central, second.root_pem, MANUFACTURER) is accepted
    (listed,) = await installed(central)
    assert listed == hash_data(first.root, HashAlgorithmEnumType.SHA256)
    assert len(await installed(central, MANUFACTURER)) == 1
    for expected in (
        DeleteCertificateStatusEnumType.ACCEPTED,
        DeleteCertificateStatusEnumType.NOT_FOUND,
    ):
        answer = await central.call(DeleteCertificate(certificate_hash_data=listed))
        assert answer.status is expected
    assert await installed(central) == ()


@pytest.mark.parametrize("algorithm", list(HashAlgorithmEnumType))
async def test_a_root_is_found_by_each_hash(
    sides: Sides, autojump_clock: MockClock, algorithm: HashAlgorithmEnumType
) -> None:
    central, _ = sides
    authority = Authority()
    await install(central, authority.root_pem)
    answer = await central.call(
        DeleteCertificate(certificate_hash_data=hash_data(authority.root, algorithm))
    )
    assert answer.status is DeleteCertificateStatusEnumType.ACCEPTED


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["EC", "RSA", "Ed25519"],
)
@pytest.mark.parametrize(
    ("algorithm", "same"),
    [
        (HashAlgorithmEnumType.SHA256, hashes.SHA256()),
        (HashAlgorithmEnumType.SHA384, hashes.SHA384()),
        (HashAlgorithmEnumType.SHA512, hashes.SHA512()),
    ],
)
def test_hashes_are_those_of_an_ocsp_request(
    key: CertificateIssuerPrivateKeyTypes,
    algorithm: HashAlgorithmEnumType,
    same: hashes.HashAlgorithm,
) -> None:
    root = Authority("Root", key).root
    asked = ocsp.OCSPRequestBuilder().add_certificate(root, root, same).build()
    hashed = hash_data(root, algorithm)
    assert hashed.issuer_name_hash == asked.issuer_name_hash.hex()
    assert hashed.issuer_key_hash == asked.issuer_key_hash.hex()
    assert int(hashed.serial_number, 16) == asked.serial_number


async def test_what_is_no_valid_root_or_one_too_many_is_rejected(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    charge_point.configuration.set("CertificateStoreMaxLength", "1")
    rejected = CertificateStatusEnumType.REJECTED
    authority = Authority()
    assert await install(central, "nonsense") is rejected
    expired = authority.certificate_pem("old", START - timedelta(days=5000))
    assert await install(central, expired) is rejected
    assert await install(central, authority.root_pem) is CertificateStatusEnumType.ACCEPTED
    assert await install(central, Authority("Another").root_pem, MANUFACTURER) is rejected
    await trio.sleep(1)
    assert events(central).count("InvalidCentralSystemCertificate") == 2


async def test_the_last_root_in_use_stays(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    await install(central, Authority().root_pem)
    charge_point.configuration.set("SecurityProfile", "2")
    (listed,) = await installed(central)
    answer = await central.call(DeleteCertificate(certificate_hash_data=listed))
    assert answer.status is DeleteCertificateStatusEnumType.FAILED


# Passwords and security profiles.


async def test_a_new_authorization_key_is_used_at_once(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    key = bytes(range(20))
    assert await change(central, "AuthorizationKey", key.hex()) is ConfigurationStatus.ACCEPTED
    await trio.sleep(1)
    assert central.connects == 2
    assert charge_point.credentials.password == key
    assert len(central.all(core.BootNotification)) == 1
    assert "ReconfigurationOfSecurityParameters" in events(central)


async def test_a_security_profile_only_rises_and_only_with_what_it_takes(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    rejected, accepted = ConfigurationStatus.REJECTED, ConfigurationStatus.ACCEPTED
    assert await change(central, "SecurityProfile", "1") is rejected  # no password
    await change(central, "AuthorizationKey", "ab" * 16)
    await trio.sleep(1)
    assert await change(central, "SecurityProfile", "2") is rejected  # no root
    assert await change(central, "SecurityProfile", "1") is accepted
    await trio.sleep(1)
    assert central.connects == 3
    await install(central, Authority().root_pem)
    assert await change(central, "SecurityProfile", "3") is rejected  # no certificate
    assert await change(central, "SecurityProfile", "0") is rejected
    assert await change(central, "SecurityProfile", "2") is accepted
    assert charge_point.credentials.security_profile == 2


async def test_a_security_profile_that_does_not_work_is_given_up_again(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central = FakeCentral()
    await nursery.start(central.run)
    charge_point = simulated(password="secret")

    async def connect() -> Transport:
        if charge_point.credentials.security_profile > 0:
            raise NotConnected("wrong port")
        return await central.connect()

    nursery.start_soon(charge_point.run, connect)
    await central.wait(core.StatusNotification, 3)
    assert await change(central, "SecurityProfile", "1") is ConfigurationStatus.ACCEPTED
    await trio.sleep(30)
    assert central.connects == 2
    assert charge_point.credentials.security_profile == 0


async def test_events_can_be_switched_off(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    central, _ = await start(nursery, security_events=False)
    await central.call(core.Reset(type=core.ResetType.HARD))
    await central.wait(core.BootNotification, 2)
    await trio.sleep(10)
    assert events(central) == []


async def test_a_refusal_of_our_credentials_is_an_event_but_only_once(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central = FakeCentral()
    await nursery.start(central.run)
    attempts = []

    async def connect() -> Transport:
        attempts.append(trio.current_time())
        if len(attempts) < 5:
            raise NotAdmitted("HTTP 401", "FailedToAuthenticateAtCentralSystem")
        return await central.connect()

    nursery.start_soon(simulated().run, connect)
    await central.wait(SecurityEventNotification, 2)
    assert events(central) == ["StartupOfTheDevice", "FailedToAuthenticateAtCentralSystem"]


async def test_a_central_system_without_the_extension_is_no_error(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides

    def refuse(_request: SecurityEventNotification) -> Message:
        raise RemoteProtocolError(ErrorCode.NOT_IMPLEMENTED, "no such thing")

    central.script[SecurityEventNotification] = refuse
    charge_point.security_event("TamperDetectionActivated")
    await trio.sleep(1)
    assert len(events(central)) == 2
    assert charge_point.statistics.errors == 0

"""Certificates of a charge point (security white paper, A02 and M03 to M05).

Not here: passwords and security profiles (configuration, charge_point), TLS (websocket).
"""

import hashlib
from datetime import datetime
from itertools import pairwise
from random import Random
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from ocpptrio.protocol.security import (
    CertificateHashDataType,
    CertificateSignedStatusEnumType,
    CertificateStatusEnumType,
    CertificateUseEnumType,
    DeleteCertificateStatusEnumType,
    HashAlgorithmEnumType,
    UpdateFirmwareStatusEnumType,
)

_CURVE: Final = ec.SECP256R1()


class Certificates:
    """Roots the charge point trusts, its own certificate, and the key it has asked one for."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._roots: dict[CertificateUseEnumType, list[x509.Certificate]] = {}
        self._asked_key: ec.EllipticCurvePrivateKey | None = None
        self._own_key: ec.EllipticCurvePrivateKey | None = None
        self._own_chain: list[x509.Certificate] = []

    @property
    def has_own(self) -> bool:
        return bool(self._own_chain)

    @property
    def has_central_system_root(self) -> bool:
        return bool(self._roots.get(CertificateUseEnumType.CENTRAL_SYSTEM_ROOT_CERTIFICATE))

    def own_pem(self) -> tuple[bytes, bytes] | None:
        """Chain and private key, for the TLS handshake."""
        if self._own_key is None:
            return None
        chain = b"".join(each.public_bytes(Encoding.PEM) for each in self._own_chain)
        key = self._own_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return chain, key

    def roots_pem(self) -> str:
        """What the central system's certificate has to lead to."""
        roots = self._roots.get(CertificateUseEnumType.CENTRAL_SYSTEM_ROOT_CERTIFICATE, [])
        return "".join(each.public_bytes(Encoding.PEM).decode() for each in roots)

    def signing_request(self, serial_number: str, organization: str) -> str:
        """A new key, and the CSR for it (A02). The key comes from the simulation's randomness."""
        value = self._random.randrange(1, 2**255)
        self._asked_key = ec.derive_private_key(value, _CURVE)
        name = x509.Name(
            [
                x509.NameAttribute(x509.NameOID.COMMON_NAME, serial_number[:64]),
                x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, organization[:64]),
            ]
        )
        builder = x509.CertificateSigningRequestBuilder().subject_name(name)
        request = builder.sign(self._asked_key, hashes.SHA256())
        return request.public_bytes(Encoding.PEM).decode()

    def signed(self, chain: str, now: datetime, max_size: int) -> CertificateSignedStatusEnumType:
        """CertificateSigned: take the certificate into use if it fits the key we asked for."""
        rejected = CertificateSignedStatusEnumType.REJECTED
        certificates = _parse(chain)
        if not certificates or len(chain) > max_size or self._asked_key is None:
            return rejected
        leaf = certificates[0]
        if _public(leaf) != _public_of(self._asked_key) or not _is_valid(leaf, now):
            return rejected
        for child, issuer in pairwise(certificates):
            if not _issued(child, issuer):
                return rejected
        self._own_key, self._own_chain = self._asked_key, certificates
        self._asked_key = None
        return CertificateSignedStatusEnumType.ACCEPTED

    def install(
        self, use: CertificateUseEnumType, pem: str, now: datetime, max_length: int
    ) -> CertificateStatusEnumType:
        """InstallCertificate: one root more, unless it is unsound or there is no room."""
        certificates = _parse(pem)
        installed = self._roots.setdefault(use, [])
        if len(certificates) != 1 or not _is_valid(certificates[0], now):
            return CertificateStatusEnumType.REJECTED
        if certificates[0] in installed:
            return CertificateStatusEnumType.ACCEPTED
        if sum(map(len, self._roots.values())) >= max_length:
            return CertificateStatusEnumType.REJECTED
        installed.append(certificates[0])
        return CertificateStatusEnumType.ACCEPTED

    def installed(self, use: CertificateUseEnumType) -> tuple[CertificateHashDataType, ...]:
        return tuple(
            hash_data(each, HashAlgorithmEnumType.SHA256) for each in self._roots.get(use, ())
        )

    def delete(
        self, wanted: CertificateHashDataType, *, keep_last_root: bool
    ) -> DeleteCertificateStatusEnumType:
        """DeleteCertificate; with `keep_last_root` the one that TLS stands on stays (M04)."""
        for use, certificates in self._roots.items():
            for certificate in certificates:
                if not _same(hash_data(certificate, wanted.hash_algorithm), wanted):
                    continue
                in_use = use is CertificateUseEnumType.CENTRAL_SYSTEM_ROOT_CERTIFICATE
                if in_use and keep_last_root and len(certificates) == 1:
                    return DeleteCertificateStatusEnumType.FAILED
                certificates.remove(certificate)
                return DeleteCertificateStatusEnumType.ACCEPTED
        return DeleteCertificateStatusEnumType.NOT_FOUND

    def check_firmware_signer(self, pem: str, now: datetime) -> UpdateFirmwareStatusEnumType:
        """Whether a firmware signed with this certificate would be taken (L01)."""
        certificates = _parse(pem)
        roots = self._roots.get(CertificateUseEnumType.MANUFACTURER_ROOT_CERTIFICATE, [])
        if (
            not certificates
            or not _is_valid(certificates[0], now)
            # A real one has its manufacturer's root built in; ours trusts all until it gets one.
            or (roots and not any(_issued(certificates[0], root) for root in roots))
        ):
            return UpdateFirmwareStatusEnumType.INVALID_CERTIFICATE
        return UpdateFirmwareStatusEnumType.ACCEPTED


def hash_data(
    certificate: x509.Certificate, algorithm: HashAlgorithmEnumType
) -> CertificateHashDataType:
    """Names a certificate by hashes of its issuer (RFC 6960, 4.1.1). A root is its own issuer."""

    def digest(data: bytes) -> str:
        return hashlib.new(algorithm.value, data).hexdigest()

    return CertificateHashDataType(
        hash_algorithm=algorithm,
        issuer_name_hash=digest(certificate.issuer.public_bytes()),
        issuer_key_hash=digest(_key_bits(certificate)),
        serial_number=f"{certificate.serial_number:x}",
    )


def _key_bits(certificate: x509.Certificate) -> bytes:
    """The key as it stands in the certificate, without algorithm and length (RFC 6960)."""
    # The digest that RFC 5280 defines for key identifiers is over the same bits, but fixed to
    # SHA-1; so they are cut out of the structure: they are the last thing in it.
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    try:
        return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    except ValueError:
        return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _parse(pem: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        return []


def _is_valid(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _issued(child: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        child.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _public(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _public_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _same(one: CertificateHashDataType, other: CertificateHashDataType) -> bool:
    return all(
        str(getattr(one, field)).casefold() == str(getattr(other, field)).casefold()
        for field in ("issuer_name_hash", "issuer_key_hash", "serial_number")
    )

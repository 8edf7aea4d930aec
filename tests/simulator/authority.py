"""A small certificate authority for tests."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificateIssuerPrivateKeyTypes,
    CertificatePublicKeyTypes,
)
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.simulator.fake_central import START


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


class Authority:
    """A self-signed root, and what it signs."""

    def __init__(self, name: str = "Root", key: CertificateIssuerPrivateKeyTypes | None = None):
        self._key = key or ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self.root = self._sign(
            self._name,
            self._key.public_key(),
            START - timedelta(days=1),
            x509.BasicConstraints(ca=True, path_length=None),
        )
        self.root_pem = self.root.public_bytes(Encoding.PEM).decode()

    def _sign(
        self,
        subject: x509.Name,
        key: CertificatePublicKeyTypes,
        since: datetime,
        extension: x509.ExtensionType | None = None,
    ) -> x509.Certificate:
        builder = x509.CertificateBuilder(
            issuer_name=self._name,
            subject_name=subject,
            public_key=key,
            serial_number=x509.random_serial_number(),
            not_valid_before=since,
            not_valid_after=since + timedelta(days=3650),
        )
        if extension is not None:
            builder = builder.add_extension(extension, critical=False)
        takes_hash = isinstance(self._key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
        return builder.sign(self._key, hashes.SHA256() if takes_hash else None)

    def certificate_pem(self, name: str, since: datetime | None = None) -> str:
        """A certificate for a key nobody has."""
        key = ec.generate_private_key(ec.SECP256R1()).public_key()
        certificate = self._sign(_name(name), key, since or START - timedelta(days=1))
        return certificate.public_bytes(Encoding.PEM).decode()

    def server_files(self, directory: Path) -> tuple[Path, Path]:
        """Certificate and key of a server on 127.0.0.1, in one file; and our root in another."""
        key = ec.generate_private_key(ec.SECP256R1())
        since = datetime.now(UTC) - timedelta(days=1)
        address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        certificate = self._sign(_name("127.0.0.1"), key.public_key(), since, address)
        own, root = directory / "server.pem", directory / "root.pem"
        own.write_bytes(
            certificate.public_bytes(Encoding.PEM)
            + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        root.write_text(self.root_pem)
        return own, root

    def signed_pem(self, csr: str) -> str:
        """What a CSR asks for, and our root behind it."""
        request = x509.load_pem_x509_csr(csr.encode())
        assert request.is_signature_valid
        leaf = self._sign(request.subject, request.public_key(), START - timedelta(days=1))
        return leaf.public_bytes(Encoding.PEM).decode() + self.root_pem

"""Certificates for servers and clients of the tests, signed by an authority that nobody else knows."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_NAMES = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))


@dataclass(frozen=True)
class Authority:
    """Signs certificates and keeps them with their keys in a folder; its own is ``ca``."""

    folder: Path
    name: x509.Name
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def in_folder(cls, folder: Path) -> "Authority":
        """A new one."""
        folder.mkdir(parents=True, exist_ok=True)
        authority = cls(folder, _named("Test authority"), ec.generate_private_key(ec.SECP256R1()))
        authority._write("ca", authority.name, authority.key, ())
        return authority

    def sign(self, who: str, names: tuple[x509.GeneralName, ...] = _NAMES) -> tuple[Path, Path]:
        """The files of a certificate for these names, and of its key."""
        return self._write(who, _named(who), ec.generate_private_key(ec.SECP256R1()), names)

    @property
    def ca(self) -> Path:
        """The file of its own certificate."""
        return self.folder / "ca.pem"

    def server_options(self, port: int, *, ask_clients: bool = False) -> tuple[str, ...]:
        """What has a Redis server speak TLS on a port."""
        cert, key = self.sign("server")
        asks = "yes" if ask_clients else "no"
        return (
            "--tls-port", str(port), "--tls-cert-file", str(cert), "--tls-key-file", str(key),
            "--tls-ca-cert-file", str(self.ca), "--tls-auth-clients", asks,
        )  # fmt: skip

    def _write(
        self, who: str, name: x509.Name, key: ec.EllipticCurvePrivateKey, names: tuple[x509.GeneralName, ...]
    ) -> tuple[Path, Path]:
        now = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
        )
        if names:
            made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        cert, secret = self.folder / f"{who}.pem", self.folder / f"{who}.key"
        cert.write_bytes(made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return cert, secret


def _named(who: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, who)])

"""A throw-away certificate authority, with leaves for servers on this machine and for users.

Needs `cryptography`. Nothing made here is meant to be trusted outside of a demo or a test.
"""

from __future__ import annotations

import datetime
import ipaddress
import threading
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from .private import write_private

LIFETIME = datetime.timedelta(days=3650)
PROXY_CERT_INFO = ObjectIdentifier("1.3.6.1.5.5.7.1.14")
INHERIT_ALL = bytes.fromhex("300c300a06082b06010505071501")
"""RFC 3820: a proxy certificate with all rights of its owner."""


@dataclass(frozen=True)
class Leaf:
    """A certificate and its key, each in a PEM file; for a proxy both are the same file."""

    certificate: Path
    key: Path
    subject: str
    """As Rucio knows it: `/O=Rucio/CN=alice`."""


class Authority:
    """A certificate authority in one folder; what was made once is kept and used again."""

    def __init__(self, folder: Path) -> None:
        folder = folder.resolve()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self.certificate = folder / "ca.pem"
        """The certificate that clients trust."""
        self._key_file = folder / "ca.key.pem"
        self._lock = threading.Lock()
        if not self.certificate.exists():
            self._found()

    def server(self) -> Leaf:
        """The leaf of servers at `localhost`, 127.0.0.1 and ::1."""
        names: list[x509.GeneralName] = [x509.DNSName("localhost")]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")]
        return self._issue(
            "localhost",
            x509.SubjectAlternativeName(names),
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        )

    def user(self, user: str) -> Leaf:
        """The client certificate of a user, the key in a file of its own."""
        return self._issue(user, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]))

    def proxy(self, user: str, lifetime: datetime.timedelta = datetime.timedelta(days=365)) -> Leaf:
        """A proxy (RFC 3820) of the user: its certificate, its key and the user's certificate in one file.

        It is made anew on each call; `subject` stays the user's.
        """
        owner = self.user(user)
        issuer = x509.load_pem_x509_certificate(owner.certificate.read_bytes())
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([*issuer.subject, x509.NameAttribute(NameOID.COMMON_NAME, "1234567")])
        certificate = (
            self._builder(subject, key, issuer, lifetime)
            .add_extension(x509.UnrecognizedExtension(PROXY_CERT_INFO, INHERIT_ALL), critical=True)
            .sign(_load_key(owner.key), hashes.SHA256())
        )
        path = self.folder / f"{user}.proxy.pem"
        write_private(path, _public(certificate) + _private(key) + owner.certificate.read_bytes())
        return Leaf(path, path, owner.subject)

    def _issue(self, common_name: str, *extensions: x509.ExtensionType) -> Leaf:
        """The leaf of that name: the one made before, or a new one."""
        leaf = Leaf(
            self.folder / f"{common_name}.pem",
            self.folder / f"{common_name}.key.pem",
            "".join(f"/{part.rfc4514_attribute_name}={part.value!s}" for part in _name(common_name)),
        )
        with self._lock:
            if not leaf.certificate.exists():
                key = ec.generate_private_key(ec.SECP256R1())
                builder = self._builder(_name(common_name), key)
                for extension in extensions:
                    builder = builder.add_extension(extension, critical=False)
                write_private(leaf.key, _private(key))
                leaf.certificate.write_bytes(_public(builder.sign(self._key(), hashes.SHA256())))
        return leaf

    def _key(self) -> ec.EllipticCurvePrivateKey:
        return _load_key(self._key_file)

    def _found(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Throw-away authority")
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            _dated(x509.CertificateBuilder(), LIFETIME)
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(identifier, critical=False)
            .add_extension(x509.AuthorityKeyIdentifier(identifier.digest, None, None), critical=False)
            .sign(key, hashes.SHA256())
        )
        write_private(self._key_file, _private(key))
        self.certificate.write_bytes(_public(certificate))

    def _builder(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        issuer: x509.Certificate | None = None,
        lifetime: datetime.timedelta = LIFETIME,
    ) -> x509.CertificateBuilder:
        issuer = issuer or x509.load_pem_x509_certificate(self.certificate.read_bytes())
        issuer_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return (
            _dated(x509.CertificateBuilder(), lifetime)
            .subject_name(subject)
            .issuer_name(issuer.subject)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier(issuer_id.digest, None, None), critical=False)
        )


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Rucio"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _dated(builder: x509.CertificateBuilder, lifetime: datetime.timedelta) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    early = now - datetime.timedelta(hours=1)  # clocks differ
    return (
        builder.serial_number(x509.random_serial_number())
        .not_valid_before(early)
        .not_valid_after(now + lifetime)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)

"""The one module that knows ``cryptography``: keys of P-256 and certificates, all as PEM."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_AUTHORITY_DAYS = 3650
_SERVER_DAYS = 397  # what clients take at most from a public authority: browsers insist on it
# a clock that is behind ours takes a new certificate at once
_BACKDATED = timedelta(hours=1)


class Identity:
    """A certificate and its private key."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        """``certificate`` is of this key: `read` refuses another one."""
        self._key, self._certificate = key, certificate

    @classmethod
    def authority(cls) -> Self:
        """A new certificate authority; its name holds some random digits, so that two differ."""
        key, serial = ec.generate_private_key(ec.SECP256R1()), x509.random_serial_number()
        name = _named(f"vital-signs authority {serial % 16**6:06x}")
        builder = _builder(name, name, key.public_key(), serial, _AUTHORITY_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        builder = builder.add_extension(_usage(is_authority=True), True)
        return cls(key, builder.sign(key, hashes.SHA256()))

    def issue(self, hosts: Sequence[str]) -> "Identity":
        """A server's certificate for these names and addresses, by this authority, with a new key."""
        key, issuer = ec.generate_private_key(ec.SECP256R1()), self._certificate
        serial = x509.random_serial_number()
        builder = _builder(_named(hosts[0]), issuer.subject, key.public_key(), serial, _SERVER_DAYS)
        from_key = x509.AuthorityKeyIdentifier.from_issuer_public_key
        for extension, is_critical in (
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_usage(is_authority=False), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
            (x509.SubjectAlternativeName([_general(host) for host in hosts]), False),
            (from_key(self._key.public_key()), False),
        ):
            builder = builder.add_extension(extension, is_critical)
        return Identity(key, builder.sign(self._key, hashes.SHA256()))

    @classmethod
    def read(cls, key: bytes, certificate: bytes) -> Self:
        """From PEM; of several certificates the first one.

        Raises ValueError for anything else, and if the two do not belong together.
        """
        found_key = load_pem_private_key(key, None)
        found = x509.load_pem_x509_certificates(certificate)[0]
        if not isinstance(found_key, ec.EllipticCurvePrivateKey):
            raise ValueError("not an elliptic curve's key")  # noqa: TRY004 - as the two others
        if found_key.public_key() != found.public_key():
            raise ValueError("the certificate is of another key")
        return cls(found_key, found)

    @property
    def key(self) -> bytes:
        """PKCS8, not encrypted: Java reads no other form."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def certificate(self) -> bytes:
        """The certificate alone."""
        return self._certificate.public_bytes(Encoding.PEM)

    @property
    def ends(self) -> datetime:
        """When the certificate ends."""
        return self._certificate.not_valid_after_utc

    @property
    def hosts(self) -> set[str]:
        """The names and addresses that the certificate is for."""
        found = self._certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return {str(name.value) for name in found.value}

    def is_by(self, authority: "Identity") -> bool:
        """Whether this authority signed it."""
        try:
            self._certificate.verify_directly_issued_by(authority._certificate)  # noqa: SLF001 - its own kind
        except (ValueError, InvalidSignature):
            return False
        return True


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, serial: int, days: int
) -> x509.CertificateBuilder:
    began = datetime.now(UTC) - _BACKDATED
    builder = x509.CertificateBuilder(issuer, subject, key, serial)
    builder = builder.not_valid_before(began).not_valid_after(began + timedelta(days=days))
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )

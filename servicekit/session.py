"""Who a worker and its orchestrator are to each other: everything both sides derive from one secret per instance.

An instance gets 32 bytes in its environment and nothing else. Both sides derive from them, with HKDF-SHA256 (RFC 5869)
and a label for each use, the key of a certificate authority and a bearer token, and each issues itself a certificate
under that authority. So they authenticate each other by mutual TLS without a certificate being distributed, and a
secret that is stolen opens one instance only.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Final

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SECRET_BYTES: Final = 32

# The labels are part of the protocol between an orchestrator and workers of other versions: never change one.
_AUTHORITY_LABEL = b"spotreel session 1: certificate authority"
_TOKEN_LABEL = b"spotreel session 1: bearer token"
_TOKEN_BYTES = 32
# The order of P-256 (FIPS 186-5, SP 800-186). 48 bytes reduced by it are uniform to within 2**-128 (FIPS 186-5 A.2.1).
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SCALAR_BYTES = 48
# Clocks of rented hosts are wrong by hours, some by more. What ends a session is the end of its instance.
_NOT_BEFORE = datetime(2000, 1, 1, tzinfo=UTC)
_NOT_AFTER = datetime(2099, 12, 31, tzinfo=UTC)
_AUTHORITY_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "spotreel session")])


class Side(Enum):
    """Which end of the connection a certificate is for: its name, which no DNS has (RFC 2606), and its purpose."""

    WORKER = ("worker.spotreel.invalid", ExtendedKeyUsageOID.SERVER_AUTH)
    ORCHESTRATOR = ("orchestrator.spotreel.invalid", ExtendedKeyUsageOID.CLIENT_AUTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A certificate for one side and its private key, both PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


class SessionIdentity:
    """What one side of a session needs; shows nothing of the secret, the keys or the token.

    gRPC enforces the purposes of the certificates on both sides (tried with grpcio 1.85): a worker's certificate opens
    no worker, and an orchestrator's certificate passes for none.
    """

    __slots__ = ("_authority", "_key", "_token")

    def __init__(self, secret: bytes) -> None:
        """Takes the 32 bytes of the session; raises ValueError for any other length, without showing them."""
        if len(secret) != SECRET_BYTES:
            raise ValueError(f"a session secret has {SECRET_BYTES} bytes, not {len(secret)}")
        scalar = int.from_bytes(_derive(secret, _AUTHORITY_LABEL, _SCALAR_BYTES), "big") % (_ORDER - 1) + 1
        self._key = ec.derive_private_key(scalar, ec.SECP256R1())
        self._token = _derive(secret, _TOKEN_LABEL, _TOKEN_BYTES).hex()
        # Signatures are random, so that each side's copy differs in its bytes; what both trust is the key in it.
        self._authority = self._certify(
            _AUTHORITY_NAME,
            self._key.public_key(),
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (_key_usage(signs_certificates=True), True),
        )

    def __repr__(self) -> str:
        return "SessionIdentity(***)"

    @property
    def token(self) -> str:
        """The bearer token that the orchestrator presents with each call: 64 hex digits. Secret."""
        return self._token

    @property
    def authority(self) -> bytes:
        """The certificate, PEM, that the other side's is checked with. Not secret."""
        return self._authority

    @property
    def channel_options(self) -> tuple[tuple[str, str], ...]:
        """What a channel needs besides the credentials: instances are dialled by address, certificates have a name."""
        name, _ = Side.WORKER.value
        return (("grpc.ssl_target_name_override", name),)

    def issue(self, side: Side) -> Leaf:
        """Returns a certificate for one side with a new key, which exists in this process's memory only."""
        name, purpose = side.value
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._certify(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
            key.public_key(),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_key_usage(signs_certificates=False), True),
            (x509.ExtendedKeyUsage([purpose]), True),
            (x509.SubjectAlternativeName([x509.DNSName(name)]), False),
        )
        return Leaf(
            certificate=certificate,
            key=key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )

    def server_credentials(self) -> grpc.ServerCredentials:
        """Returns what a worker's server speaks TLS with: only the orchestrator of this session gets in."""
        leaf = self.issue(Side.WORKER)
        return grpc.ssl_server_credentials(
            [(leaf.key, leaf.certificate)], root_certificates=self._authority, require_client_auth=True
        )

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """Returns what an orchestrator's channel speaks TLS with: it connects to the worker of this session only."""
        leaf = self.issue(Side.ORCHESTRATOR)
        return grpc.ssl_channel_credentials(
            root_certificates=self._authority, private_key=leaf.key, certificate_chain=leaf.certificate
        )

    def _certify(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *extensions: tuple[x509.ExtensionType, bool]
    ) -> bytes:
        builder = x509.CertificateBuilder(
            issuer_name=_AUTHORITY_NAME,
            subject_name=subject,
            public_key=key,
            serial_number=x509.random_serial_number(),
            not_valid_before=_NOT_BEFORE,
            not_valid_after=_NOT_AFTER,
        )
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        own = x509.SubjectKeyIdentifier.from_public_key(key)
        for extension, critical in (*extensions, (issuer, False), (own, False)):
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _derive(secret: bytes, label: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=label).derive(secret)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )

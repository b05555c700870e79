"""What is derived from a session's secret is always the same, and shown to nobody."""

import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from servicekit.logs import mask_secrets
from servicekit.rpc.server import ServerSettings
from servicekit.session import SessionIdentity, Side

SECRET = bytes(range(32))
# Computed once with the function below; a change would cut off every worker that runs.
TOKEN = "56f5da8133df75d60d94bc4476ebb38a211f241b76a96f0cb5518b88270fb848"
AUTHORITY_X = int("56558e14c3f096d2092103ae1e6d2817d0a88a2adad528c00c783b872b03e407", 16)
ORDER = int("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)


def hkdf_sha256(secret: bytes, label: bytes, length: int) -> bytes:
    """RFC 5869 in its own words, without a salt."""
    pseudo_random_key = hmac.digest(bytes(hashlib.sha256().digest_size), secret, "sha256")
    output, block = b"", b""
    for counter in range(1, 256):
        if len(output) >= length:
            break
        block = hmac.digest(pseudo_random_key, block + label + bytes([counter]), "sha256")
        output += block
    return output[:length]


def authority_of(identity: SessionIdentity) -> x509.Certificate:
    return x509.load_pem_x509_certificate(identity.authority)


def public_x(certificate: x509.Certificate) -> int:
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key.public_numbers().x


def test_the_function_above_is_the_one_of_the_rfc() -> None:
    # Test case 3 of RFC 5869: neither salt nor info.
    expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    assert hkdf_sha256(b"\x0b" * 22, b"", 42).hex() == expected


def test_the_token_and_the_authority_follow_from_the_secret() -> None:
    identity = SessionIdentity(SECRET)

    token = hkdf_sha256(SECRET, b"spotreel session 1: bearer token", 32).hex()
    assert identity.token == token == TOKEN
    derived = int.from_bytes(hkdf_sha256(SECRET, b"spotreel session 1: certificate authority", 48), "big")
    key = ec.derive_private_key(derived % (ORDER - 1) + 1, ec.SECP256R1())
    assert public_x(authority_of(identity)) == key.public_key().public_numbers().x == AUTHORITY_X


def test_another_secret_gives_all_else() -> None:
    one, other = SessionIdentity(SECRET), SessionIdentity(SECRET[::-1])
    assert one.token != other.token
    assert public_x(authority_of(one)) != public_x(authority_of(other))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_secret_of_another_length_is_refused_and_not_shown(length: int) -> None:
    secret = b"\xab" * length
    with pytest.raises(ValueError, match=f"32 bytes, not {length}") as caught:
        SessionIdentity(secret)
    assert "ab" not in str(caught.value)
    assert not caught.value.__context__


@pytest.mark.parametrize(
    ("side", "name", "purpose"),
    [
        (Side.WORKER, "worker.spotreel.invalid", ExtendedKeyUsageOID.SERVER_AUTH),
        (Side.ORCHESTRATOR, "orchestrator.spotreel.invalid", ExtendedKeyUsageOID.CLIENT_AUTH),
    ],
)
def test_a_leaf_serves_one_side_only(side: Side, name: str, purpose: x509.ObjectIdentifier) -> None:
    identity = SessionIdentity(SECRET)
    leaf = x509.load_pem_x509_certificate(identity.issue(side).certificate)

    leaf.verify_directly_issued_by(authority_of(identity))
    extensions = leaf.extensions
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [purpose]
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [name]


def test_each_leaf_has_a_key_of_its_own() -> None:
    identity = SessionIdentity(SECRET)
    first, second = identity.issue(Side.WORKER), identity.issue(Side.WORKER)
    assert first.key != second.key
    assert public_x(x509.load_pem_x509_certificate(first.certificate)) != public_x(authority_of(identity))


def test_certificates_bear_clocks_that_are_wrong_by_years() -> None:
    identity = SessionIdentity(SECRET)
    leaves = [x509.load_pem_x509_certificate(identity.issue(side).certificate) for side in Side]
    for certificate in (authority_of(identity), *leaves):
        assert certificate.not_valid_before_utc <= datetime(2001, 1, 1, tzinfo=UTC)
        assert certificate.not_valid_after_utc >= datetime(2090, 1, 1, tzinfo=UTC)


def test_nothing_secret_is_shown() -> None:
    identity = SessionIdentity(SECRET)
    leaf = identity.issue(Side.WORKER)
    settings = ServerSettings(listen="127.0.0.1:0", api_keys=("a key",), session=identity, deployment_key="another")
    shown = [repr(identity), str(identity), f"{identity}", repr(leaf), str([identity]), repr(settings)]
    shown.append(str(mask_secrets(None, "info", {"event": "x", "session": identity, "leaf": leaf})))

    private_part = leaf.key.splitlines()[1].decode()
    for text in shown:
        for secret in (SECRET.hex(), identity.token, private_part, "a key", "another"):
            assert secret not in text

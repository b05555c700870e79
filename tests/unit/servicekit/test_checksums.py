"""The checksums are the published ones."""

import hashlib

from servicekit.checksums import Sha256, crc32c


def test_crc32c_of_the_check_string() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(b"") == 0


def test_sha256_over_pieces_is_that_of_the_whole() -> None:
    whole = Sha256().update(b"first ").update(memoryview(b"second"))
    assert whole.size == 12
    assert whole.digest() == hashlib.sha256(b"first second").digest()
    assert whole.hexdigest() == hashlib.sha256(b"first second").hexdigest()

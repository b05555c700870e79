"""Resource ids that sort by the time they were made."""

import secrets

from servicekit.clock import Clock

# Crockford's base32 in lower case: no i, l, o, u, so that an id survives being read aloud.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_CHARS = 10
_RANDOM_CHARS = 16


def new_id(clock: Clock) -> str:
    """Returns 26 lower-case characters: 48 bits of milliseconds since 1970, then 80 random bits, laid out as a ULID.

    Ids made in different milliseconds sort by time; within one millisecond their order is random.
    """
    milliseconds = int(clock.now().timestamp() * 1000)
    return _encode(milliseconds, _TIME_CHARS) + _encode(secrets.randbits(80), _RANDOM_CHARS)


def _encode(value: int, length: int) -> str:
    return "".join(_ALPHABET[value >> (5 * place) & 31] for place in reversed(range(length)))

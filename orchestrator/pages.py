"""Page tokens: where a list goes on, and for which question."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta

from servicekit.errors import InvalidArgument

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 500

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Place = tuple[datetime, str]


def page_size(wanted: int) -> int:
    """Returns how many to answer with; raises InvalidArgument for a negative number."""
    if wanted < 0:
        raise InvalidArgument(f"page_size must not be negative, but is {wanted}.", metadata={"field": "page_size"})
    return min(wanted or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def encode_token(place: Place, question: str) -> str:
    """Returns an opaque token for going on behind `place`, good for the same question only."""
    moment, name = place
    data = [_fingerprint(question), (moment - _EPOCH) // _MICROSECOND, name]
    return base64.urlsafe_b64encode(json.dumps(data, separators=(",", ":")).encode()).decode()


def decode_token(token: str, question: str) -> Place | None:
    """Returns the place to go on behind, None for the first page; raises InvalidArgument (PAGE_TOKEN_INVALID)."""
    if not token:
        return None
    try:
        fingerprint, micros, name = json.loads(base64.urlsafe_b64decode(token.encode()))
        place = (_EPOCH + int(micros) * _MICROSECOND, str(name))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise _invalid("The page token is none of this server's") from error
    if fingerprint != _fingerprint(question):
        raise _invalid("The page token belongs to a list with other filters or another order")
    return place


def _fingerprint(question: str) -> str:
    return hashlib.sha256(question.encode()).hexdigest()[:16]


def _invalid(what: str) -> InvalidArgument:
    return InvalidArgument(
        f"{what}. Take next_page_token of the last answer, or leave it empty to start over.",
        reason="PAGE_TOKEN_INVALID",
        metadata={"field": "page_token"},
    )

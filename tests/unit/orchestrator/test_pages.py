"""Page tokens come back as they were given, for the same question, and for no other."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.pages import MAX_PAGE_SIZE, decode_token, encode_token, page_size
from servicekit.errors import InvalidArgument

MOMENTS = st.integers(0, 4_000_000_000_000_000).map(
    lambda micros: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
)


@given(moment=MOMENTS, name=st.text(max_size=64), question=st.text(max_size=64))
def test_a_token_comes_back(moment: datetime, name: str, question: str) -> None:
    token = encode_token((moment, name), question)
    assert decode_token(token, question) == (moment, name)
    with pytest.raises(InvalidArgument, match="other filters"):
        decode_token(token, question + "x")


@given(token=st.text(min_size=1))
@example(token=base64.urlsafe_b64encode(b"[" * 100_000).decode())
def test_nonsense_is_refused_and_never_breaks(token: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        decode_token(token, "")
    assert caught.value.reason == "PAGE_TOKEN_INVALID"


def test_sizes_have_a_default_and_a_bound() -> None:
    assert (page_size(0), page_size(7), page_size(10_000)) == (50, 7, MAX_PAGE_SIZE)
    with pytest.raises(InvalidArgument):
        page_size(-1)

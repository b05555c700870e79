"""The fonts that planning asks for."""

import pytest

from worker.fonts.book import FontBook


@pytest.fixture(scope="session")
def fonts() -> FontBook:
    return FontBook.load()

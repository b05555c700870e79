"""The service that all clients are examined with, and which of them are here to be examined."""

import os
from collections.abc import Iterator

import pytest

from clients.conformance.clients import CLIENTS, Client
from clients.conformance.stage import Theatre, theatre


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    with theatre(tmp_path_factory.mktemp("theatre")) as house:
        yield house


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Client:
    """Each client in turn."""
    client = CLIENTS[request.param]
    require(client)
    return client


def require(client: Client) -> None:
    """Skips the test, by name, where a client is not built; fails it in CI, which has to see all."""
    if not client.built.exists():
        missing = f"the {client.name} client is not built: `make test-clients` does that where its toolchain is here"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)

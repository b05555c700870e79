"""A real server on a port of its own."""

from collections.abc import AsyncIterator

import grpc
import pytest

from servicekit.rpc.server import RpcServer, RpcService, ServerSettings
from tests.simulators.echo import NAME, Echo


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def server(echo: Echo) -> AsyncIterator[RpcServer]:
    settings = ServerSettings(listen="127.0.0.1:0", shutdown_grace=1.0)
    async with RpcServer(settings, [RpcService(name=NAME, add=echo.add)]) as running:
        yield running


@pytest.fixture
async def channel(server: RpcServer) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(server.address) as opened:
        yield opened

"""Inputs are fetched from a real server that misbehaves in every way of the list, and what comes of it is told."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.simulators.disk import files_of_at_most
from tests.simulators.file_server import Faults, FileServer, Served
from worker.errors import FailureReason, TaskFailed
from worker.fetch.download import Downloader
from worker.fetch.guard import AddressGuard
from worker.ports import FetchLimits

CONTENT = bytes(range(256)) * 8192  # 2 MiB
LIMITS = FetchLimits(max_bytes=10_000_000, idle_seconds=5)


class HastyClock:
    """Time passes only by sleeping, and sleeping takes no time."""

    def __init__(self) -> None:
        self.elapsed = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        self.elapsed += seconds / 100
        await asyncio.sleep(0)


class ScriptedResolver(AbstractResolver):
    """Gives another answer to each question."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = self.answers.pop(0)
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0),
        ]

    async def close(self) -> None:
        pass


@pytest.fixture
async def downloader() -> AsyncIterator[Downloader]:
    guard = AddressGuard(allowed_networks=[ipaddress.ip_network("127.0.0.0/8")])
    async with Downloader(guard=guard, clock=HastyClock()) as downloader:
        yield downloader


async def failure_of(downloader: Downloader, url: str, target: Path, limits: FetchLimits = LIMITS) -> TaskFailed:
    with pytest.raises(TaskFailed) as raised:
        await downloader.fetch(url, target, limits=limits)
    return raised.value


async def test_a_file_arrives_whole_and_its_growth_is_told(downloader: Downloader, tmp_path: Path) -> None:
    heard: list[int] = []
    async with FileServer(Served(content=CONTENT)) as server:
        size = await downloader.fetch(server.url(), tmp_path / "in", limits=LIMITS, on_bytes=heard.append)

    assert size == len(CONTENT) == heard[-1]
    assert (tmp_path / "in").read_bytes() == CONTENT


async def test_a_signed_address_is_asked_for_as_it_was_given(downloader: Downloader, tmp_path: Path) -> None:
    path = "a%2Fb%20c?sig=a%2Bb%3D&x=%7e~"
    async with FileServer(Served(content=CONTENT)) as server:
        await downloader.fetch(server.url(path), tmp_path / "in", limits=LIMITS)

    assert server.requests[0].raw_path == f"/{path}"


async def test_a_broken_download_goes_on_where_it_was(downloader: Downloader, tmp_path: Path) -> None:
    faults = Faults(cut_after=700_000)
    async with FileServer(Served(content=CONTENT, faults=faults)) as server:
        await downloader.fetch(server.url(), tmp_path / "in", limits=LIMITS)

    assert server.acted["cut_after"] == 2
    assert [request.headers.get("Range") for request in server.requests] == [None, "bytes=700000-", "bytes=1400000-"]
    assert (tmp_path / "in").read_bytes() == CONTENT


async def test_a_server_without_ranges_is_asked_for_all_again(downloader: Downloader, tmp_path: Path) -> None:
    faults = Faults(cut_after=700_000, cut_times=2)
    async with FileServer(Served(content=CONTENT, ranges=False, faults=faults)) as server:
        await downloader.fetch(server.url(), tmp_path / "in", limits=LIMITS)

    assert server.acted["cut_after"] == 2
    assert (tmp_path / "in").read_bytes() == CONTENT


async def test_a_file_that_changes_in_the_middle_is_started_over(downloader: Downloader, tmp_path: Path) -> None:
    faults = Faults(cut_after=700_000, cut_times=1, change_on_resume=True)
    async with FileServer(Served(content=CONTENT, faults=faults)) as server:
        await downloader.fetch(server.url(), tmp_path / "in", limits=LIMITS)

    assert server.acted["change_on_resume"] == 1
    assert (tmp_path / "in").read_bytes() == CONTENT[::-1]


async def test_a_line_that_always_breaks_at_the_same_place_is_given_up(downloader: Downloader, tmp_path: Path) -> None:
    faults = Faults(cut_after=1000)
    async with FileServer(Served(content=CONTENT, ranges=False, faults=faults)) as server:
        failure = await failure_of(downloader, server.url(), tmp_path / "in")

    assert failure.reason is FailureReason.INPUT_TIMEOUT
    assert failure.retryable
    assert 2 <= server.acted["cut_after"] <= 10


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_a_refusal_is_final_and_names_the_status(downloader: Downloader, tmp_path: Path, status: int) -> None:
    async with FileServer(Served(content=CONTENT, faults=Faults(status=status))) as server:
        failure = await failure_of(downloader, server.url("film.mp4?signature=hidden"), tmp_path / "in")

    assert failure.reason is FailureReason.INPUT_NOT_FOUND
    assert not failure.retryable
    assert server.acted["status"] == 1
    assert failure.metadata["status"] == str(status)
    assert "film.mp4" in failure.message
    assert "hidden" not in str(failure) + str(failure.metadata)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_passing_refusal_is_tried_again(downloader: Downloader, tmp_path: Path, status: int) -> None:
    faults = Faults(status=status, status_times=2)
    async with FileServer(Served(content=CONTENT, faults=faults)) as server:
        assert await downloader.fetch(server.url(), tmp_path / "in", limits=LIMITS) == len(CONTENT)
        server.served.faults = Faults(status=status)
        failure = await failure_of(downloader, server.url(), tmp_path / "again")

    assert server.acted["status"] > 3
    assert (failure.reason, failure.retryable) == (FailureReason.INPUT_NOT_FOUND, True)


async def test_silence_ends_the_fetch(downloader: Downloader, tmp_path: Path) -> None:
    limits = FetchLimits(max_bytes=10_000_000, idle_seconds=0.2)
    async with FileServer(Served(content=CONTENT, faults=Faults(silent_after=10))) as server:
        failure = await failure_of(downloader, server.url(), tmp_path / "in", limits)

    assert server.acted["silent_after"] == 1
    assert failure.reason is FailureReason.INPUT_TIMEOUT


@pytest.mark.parametrize("length", [True, False])
async def test_what_is_too_large_is_refused_early(downloader: Downloader, tmp_path: Path, length: bool) -> None:
    limits = FetchLimits(max_bytes=1_000_000, idle_seconds=5)
    async with FileServer(Served(content=CONTENT, length=length)) as server:
        failure = await failure_of(downloader, server.url(), tmp_path / "in", limits)

    assert failure.reason is FailureReason.INPUT_TOO_LARGE
    target = tmp_path / "in"
    assert (target.stat().st_size if target.exists() else 0) <= limits.max_bytes


async def test_an_empty_answer_is_not_an_input(downloader: Downloader, tmp_path: Path) -> None:
    async with FileServer(Served(content=b"")) as server:
        failure = await failure_of(downloader, server.url(), tmp_path / "in")

    assert failure.reason is FailureReason.INPUT_INVALID


async def test_a_circle_of_redirects_is_left(downloader: Downloader, tmp_path: Path) -> None:
    async with FileServer(Served(content=CONTENT, faults=Faults(redirect_to="/input.mp4"))) as server:
        failure = await failure_of(downloader, server.url(), tmp_path / "in")

    assert server.acted["redirect_to"] == 6
    assert failure.reason is FailureReason.INPUT_NOT_FOUND
    assert "too many redirects" in failure.message


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://me:you@127.0.0.1/"]
)
async def test_a_redirect_to_a_forbidden_address_is_refused(
    downloader: Downloader, tmp_path: Path, target: str
) -> None:
    async with FileServer(Served(content=CONTENT, faults=Faults(redirect_to=target))) as server:
        failure = await failure_of(downloader, server.url(), tmp_path / "in")

    assert server.acted["redirect_to"] == 1
    assert failure.reason is FailureReason.INPUT_FORBIDDEN_ADDRESS
    assert not failure.retryable


async def test_loopback_is_refused_by_default(tmp_path: Path) -> None:
    async with (
        FileServer(Served(content=CONTENT)) as server,
        Downloader(guard=AddressGuard(), clock=HastyClock()) as downloader,
    ):
        failures = [
            await failure_of(downloader, server.url(host=host), tmp_path / "in") for host in ("127.0.0.1", "localhost")
        ]

    assert not server.requests
    assert {failure.reason for failure in failures} == {FailureReason.INPUT_FORBIDDEN_ADDRESS}


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("http://0x7f.1/a", FailureReason.INPUT_FORBIDDEN_ADDRESS),
        ("http://2130706433/a", FailureReason.INPUT_FORBIDDEN_ADDRESS),
        ("http://[::ffff:127.0.0.1]/a", FailureReason.INPUT_FORBIDDEN_ADDRESS),
        ("http://name:secret@example.com/a", FailureReason.INPUT_FORBIDDEN_ADDRESS),
        ("http://[::1", FailureReason.INPUT_NOT_FOUND),
        ("http://127.0.0.1:99999/a", FailureReason.INPUT_NOT_FOUND),
        ("file:///etc/passwd", FailureReason.INPUT_NOT_FOUND),
    ],
)
async def test_odd_addresses_are_refused_without_their_secrets(tmp_path: Path, uri: str, reason: FailureReason) -> None:
    async with Downloader(guard=AddressGuard(), clock=HastyClock()) as downloader:
        failure = await failure_of(downloader, uri, tmp_path / "in")

    assert (failure.reason, failure.retryable) == (reason, False)
    assert "secret" not in failure.message


async def test_a_name_is_resolved_anew_for_each_connection_and_checked_each_time(tmp_path: Path) -> None:
    resolver = ScriptedResolver("127.0.0.1", "127.0.0.2")
    guard = AddressGuard(allowed_networks=[ipaddress.ip_network("127.0.0.1/32")])
    faults = Faults(cut_after=700_000)
    async with (
        FileServer(Served(content=CONTENT, faults=faults)) as server,
        Downloader(guard=guard, clock=HastyClock(), resolver=resolver) as downloader,
    ):
        failure = await failure_of(downloader, server.url(host="rebinding.example"), tmp_path / "in")

    assert server.acted["cut_after"] == 1
    assert not resolver.answers
    assert failure.reason is FailureReason.INPUT_FORBIDDEN_ADDRESS


async def test_nobody_there_is_told_as_retryable(downloader: Downloader, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        failure = await failure_of(downloader, f"http://127.0.0.1:{unused.getsockname()[1]}/a", tmp_path / "in")

    assert (failure.reason, failure.retryable) == (FailureReason.INPUT_NOT_FOUND, True)


async def test_a_disk_without_space_is_told(downloader: Downloader, tmp_path: Path) -> None:
    async with FileServer(Served(content=CONTENT)) as server:
        with files_of_at_most(100_000):
            failure = await failure_of(downloader, server.url(), tmp_path / "in")

    assert (failure.reason, failure.retryable) == (FailureReason.DISK_FULL, True)

"""`flawed_driver.py FLAW`: the driver of the Python client with one flaw, which its scenario has to notice."""

import runpy
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import spotreel.client
import spotreel.partial_file
import spotreel.retry
import spotreel.streams
import spotreel.upload
from spotreel.download import OutputPiece, OutputReader

# Their insides are changed here, which no type allows.
client: Any = spotreel.client
partial_file: Any = spotreel.partial_file
reader: Any = OutputReader
retry: Any = spotreel.retry
streams: Any = spotreel.streams
upload: Any = spotreel.upload

FLAWS: dict[str, tuple[str, Callable[[], object]]] = {}


def flaw(scenario: str) -> Callable[[Callable[[], object]], Callable[[], object]]:
    """Lists a function that makes the client flawed, and the scenario that notices."""

    def put(make: Callable[[], object]) -> Callable[[], object]:
        FLAWS[make.__name__] = scenario, make
        return make

    return put


@flaw("download_cut")
def asks_for_all_of_it_again() -> None:
    start, accept = OutputReader._start, OutputReader._accept

    def start_at_0(self: OutputReader) -> object:
        offset, self.offset = self.offset, 0
        try:
            return start(self)
        finally:
            self.offset = offset

    def skip(self: OutputReader, message: Any) -> OutputPiece:
        return OutputPiece(b"", False, 0, b"") if message.offset < self.offset else accept(self, message)

    reader._start, reader._accept = start_at_0, skip


@flaw("download_killed")
def throws_away_what_is_there() -> None:
    opened = partial_file.PartialFile.open

    def open_empty(self: Any) -> None:
        self.path.unlink(missing_ok=True)
        opened(self)

    partial_file.PartialFile.open = open_empty


@flaw("chunk_damaged")
def believes_each_chunk() -> None:
    def accept(self: OutputReader, message: Any) -> OutputPiece:
        self.offset += len(message.data)
        return OutputPiece(message.data, message.last, message.size_bytes, message.sha256)

    reader._accept = accept


@flaw("download_silent")
def waits_for_ever() -> None:
    streams._MISSED_HEARTBEATS = 10_000


@flaw("server_restarted")
def has_no_patience() -> None:
    async def once(step: Callable[[], Any], **_: object) -> Any:
        return await step()

    streams.persist = once


@flaw("upload_cut")
def uploads_from_the_start() -> None:
    async def nothing(_self: object) -> int:
        return 0

    upload._Upload._committed = nothing


@flaw("answer_lost")
def creates_without_a_request_id() -> None:
    request = client.CreateJobRequest
    client.CreateJobRequest = lambda **fields: request(**{**fields, "request_id": ""})


@flaw("cancel")
def leaves_the_job_running() -> None:
    async def leave(*_: object) -> None:
        """Does nothing."""

    client.AsyncClient._call_off = leave


@flaw("newer_server")
def takes_the_unknown_for_the_end() -> None:
    client.FINAL_STATES = frozenset({*client.FINAL_STATES, 99})


@flaw("file_exists")
def overwrites() -> None:
    client.check_target = lambda *_, **__: None


@flaw("pages")
def lists_one_page() -> None:
    list_jobs = client.AsyncClient.list_jobs

    async def one_page(self: Any, *, page_size: int, **filters: Any) -> AsyncIterator[Any]:
        left = page_size
        async for job in list_jobs(self, page_size=page_size, **filters):
            yield job
            left -= 1
            if not left:
                return

    client.AsyncClient.list_jobs = one_page


@flaw("deadline")
def has_its_own_idea_of_a_deadline() -> None:
    connection = client.Connection
    client.Connection = lambda *where, **how: connection(*where, **{**how, "timeout": 6})


@flaw("queue_full")
def drops_the_advice() -> None:
    error_of = retry.error_of

    def unadvised(*call: Any, **server: Any) -> Any:
        error = error_of(*call, **server)
        error.retry_delay = None
        return error

    retry.error_of = unadvised


@flaw("wrong_key")
def shows_the_key() -> None:
    resolve = client.Endpoint.resolve

    def shown(*where: Any, **how: Any) -> Any:
        sys.stderr.write(f"opening {where} {how}\n")
        return resolve(*where, **how)

    client.Endpoint.resolve = shown


if __name__ == "__main__":
    FLAWS[sys.argv.pop(1)][1]()
    runpy.run_path(str(Path(__file__).parents[2] / "clients/python/conformance/driver.py"), run_name="__main__")

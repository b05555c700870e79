"""`flawed_driver.py FLAW`: the driver of the Python client with one flaw, which its scenario has to notice."""

import asyncio
import runpy
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import spotreel.client
import spotreel.connection
import spotreel.download
import spotreel.partial_file
import spotreel.retry
import spotreel.streams
import spotreel.upload
from spotreel.download import OutputPiece, OutputReader

# Their insides are changed here, which no type allows.
client: Any = spotreel.client
download: Any = spotreel.download
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


def change_errors(change: Callable[[Any], object]) -> None:
    error_of = retry.error_of

    def changed(*call: Any, **server: Any) -> Any:
        error = error_of(*call, **server)
        change(error)
        return error

    retry.error_of = changed


@flaw("queue_full")
def drops_the_advice() -> None:
    change_errors(lambda error: setattr(error, "retry_delay", None))


@flaw("bad_argument")
def drops_the_fields() -> None:
    change_errors(lambda error: setattr(error, "violations", ()))


@flaw("unknown_job")
def drops_the_metadata() -> None:
    change_errors(lambda error: setattr(error, "metadata", {}))


@flaw("unreachable")
def says_what_grpc_says() -> None:
    change_errors(lambda error: setattr(error, "message", "failed to connect to all addresses"))


@flaw("success")
def loses_the_last_byte() -> None:
    finish = partial_file.PartialFile.finish

    def cut(self: Any) -> None:
        finish(self)
        self.target.write_bytes(self.target.read_bytes()[:-1])

    partial_file.PartialFile.finish = cut


@flaw("job_failed")
def takes_failure_for_success() -> None:
    client.succeeded = lambda job: job


@flaw("watch_final")
def says_all_twice() -> None:
    watch_job = client.AsyncClient.watch_job

    async def twice(self: Any, name: str) -> AsyncIterator[Any]:
        async for job in watch_job(self, name):
            yield job
            yield job

    client.AsyncClient.watch_job = twice


@flaw("tls")
def believes_whoever_answers() -> None:
    resolve = client.Endpoint.resolve

    def believe(server: str, *, tls_ca: Path | None = None, **how: Any) -> Any:
        if tls_ca is not None:
            host, _, port = server.removeprefix("https://").rpartition(":")
            tls_ca = tls_ca.with_suffix(".believed")
            tls_ca.write_text(ssl.get_server_certificate((host, int(port))))
        return resolve(server, tls_ca=tls_ca, **how)

    client.Endpoint.resolve = believe


@flaw("watch_silent")
def waits_for_ever_in_a_watch() -> None:
    waits_for_ever()


@flaw("upload_known")
def uploads_something_else() -> None:
    content_of = upload.Content.of

    def other(path: Path) -> Any:
        path.write_bytes(path.read_bytes() + b"!")
        return content_of(path)

    upload.Content.of = other


@flaw("read_output")
def believes_each_chunk_of_a_stream() -> None:
    believes_each_chunk()


@flaw("watch_cut")
def watches_from_the_start() -> None:
    request = client.WatchJobRequest
    client.WatchJobRequest = lambda name, **_: request(name=name)


@flaw("output_corrupted")
def believes_the_whole() -> None:
    partial_file.PartialFile.sha256 = ANY


@flaw("output_restarted")
def gives_up_when_the_output_is_made_anew() -> None:
    download._MOST_RESTARTS = 1


@flaw("patience")
def waits_for_five_seconds() -> None:
    spotreel.connection.Connection._has_answered = property(lambda _: False, lambda *_: None)  # type: ignore[assignment]


@flaw("link")
def replaces_a_link() -> None:
    partial_file.partial_path = lambda target: target.with_name(target.name + ".part")


@flaw("two_at_once")
def locks_nothing() -> None:
    partial_file.fcntl = None


@flaw("cancel_while_away")
def cancels_once() -> None:
    async def once(step: Callable[[], Any], **_: object) -> Any:
        return await step()

    client.persist = once


@flaw("cancel_download")
def leaves_the_partial_file() -> None:
    partial_file.PartialFile.discard = partial_file.PartialFile.close


@flaw("cancel_upload")
def uploads_to_the_end() -> None:
    run = upload._Upload.run

    async def to_the_end(self: Any) -> Any:
        task = asyncio.create_task(run(self))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await task
            raise

    upload._Upload.run = to_the_end


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

"""Runs what a command asks for: connects, follows, and ends cleanly on ctrl-C."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import click

from spotreel.cli.failures import DONE, INTERRUPTED, told
from spotreel.cli.options import ServerOptions
from spotreel.cli.report import Report, report_for
from spotreel.errors import SpotreelClientError
from spotreel.progress import Progress

if TYPE_CHECKING:
    from spotreel.client import AsyncClient
    from spotreel.orchestrator.v1.job_pb2 import Job

Work = Callable[["AsyncClient", "Session"], Awaitable[None]]


@contextlib.asynccontextmanager
async def connected(options: ServerOptions) -> AsyncIterator["AsyncClient"]:
    """A client of the server that was named, or of an embedded one."""
    from spotreel.client import AsyncClient  # noqa: PLC0415 - gRPC is imported when it is needed

    if options.server:
        client = AsyncClient(options.server, api_key=options.api_key(), tls=options.tls, tls_ca=options.tls_ca)
        async with client:
            yield client
    else:
        async with AsyncClient.embedded() as client:
            yield client


def carry_out(options: ServerOptions, report: Report, work: Work) -> NoReturn:
    """Runs `work` with a client, tells what became of it, and exits with the status for that."""
    raise SystemExit(asyncio.run(Session(options, report, work).run()))


def carry_out_on_server(work: Work, values: dict[str, Any], *, what: str) -> NoReturn:
    """Runs `work` for a command that makes no sense on an embedded server; `values` are its options."""
    if not values["server"]:
        raise click.UsageError(f"{what} on a server: name it with --server, or set SPOTREEL_SERVER.")
    server = ServerOptions(**{name: values.pop(name) for name in ("server", "api_key_file", "tls", "tls_ca")})
    carry_out(server, report_for(as_json=values["as_json"], verbose=values["verbose"]), work)


class Session:
    """One command from connection to exit status.

    The first SIGINT, SIGTERM or SIGHUP calls the work off and waits for the job's end; the second does not wait.
    """

    def __init__(self, options: ServerOptions, report: Report, work: Work) -> None:
        self.report = report
        self._options = options
        self._work = work
        self._job: Job | None = None

    def progress(self, progress: Progress) -> None:
        """Tells what moved, and remembers the job that an interrupt would have to name."""
        self._job = progress.job or self._job
        self.report.progress(progress)

    async def run(self) -> int:
        """Returns the exit status."""
        task = asyncio.create_task(self._do(), name="command")
        with self.report, _interrupts(lambda: self._interrupt(task)):
            try:
                await task
            except SpotreelClientError as error:
                failure = told(error)
                self.report.failed(failure)
                return failure.exit_status
            except asyncio.CancelledError:
                with contextlib.suppress(OSError):
                    self._farewell()
                return INTERRUPTED
        return DONE

    async def _do(self) -> None:
        async with connected(self._options) as client:
            await self._work(client, self)

    def _interrupt(self, task: asyncio.Task[None]) -> None:
        first = not task.cancelling()
        task.cancel()
        if first:
            # After a hang-up the terminal is gone, and the job is to be cancelled all the same.
            with contextlib.suppress(OSError):
                self.report.note("Interrupted. Once more to leave without waiting for the end.")

    def _farewell(self) -> None:
        from spotreel.cli.wording import state  # noqa: PLC0415 - protobuf is imported with the first job

        if self._job is None:
            self.report.interrupted("Interrupted before there was a job.", job="", state="")
            return
        name, now = self._job.name, state(self._job)
        text = f"Cancelled {name}." if now == "CANCELLED" else f"Interrupted; {name} was last seen {now}."
        self.report.interrupted(text, job=name, state=now)


@contextlib.contextmanager
def _interrupts(call_off: Callable[[], None]) -> Iterator[None]:
    # The loop's own handlers, not signal.signal: a signal that comes just before the loop goes to sleep must wake it.
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]
    # nohup has it ignored, and that is to stay so.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, call_off)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)

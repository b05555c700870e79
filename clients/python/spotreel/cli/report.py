"""How work in progress, results and failures are told: live, in plain lines, or as JSON."""

import json
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from spotreel.cli.failures import INTERRUPTED, Told
from spotreel.cli.stdout import say
from spotreel.progress import Progress, Step

if TYPE_CHECKING:
    from rich.progress import TaskID


class Report(Protocol):
    """Takes what happens; a context manager, because a live display must be ended."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def progress(self, progress: Progress) -> None:
        """Something moved."""

    def note(self, text: str) -> None:
        """A word beside the work, such as that an interrupt was understood."""

    def quiet(self) -> None:
        """Ends what is drawn, before something else is printed."""

    def done(self, text: str, **values: Any) -> None:
        """The result: `text` for people, `values` for programs."""

    def failed(self, told: Told) -> None:
        """The last word after a failure."""

    def interrupted(self, text: str, *, job: str, state: str) -> None:
        """The last word after an interrupt; `job` is empty where there was none."""


class JsonReport:
    """One object per line on stdout, and nothing else there."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held."""

    def progress(self, progress: Progress) -> None:
        self._say("progress", **_values(progress))

    def note(self, text: str) -> None:
        self._say("note", message=text)

    def quiet(self) -> None:
        """Nothing is drawn."""

    def done(self, text: str, **values: Any) -> None:  # noqa: ARG002 - the words are for people
        self._say("done", **values)

    def failed(self, told: Told) -> None:
        self._say("error", **told.values())

    def interrupted(self, text: str, *, job: str, state: str) -> None:
        event = "cancelled" if state == "CANCELLED" else "interrupted"
        self._say(event, message=text, job=job, state=state, exit_status=INTERRUPTED)

    @staticmethod
    def _say(event: str, **values: Any) -> None:
        say(json.dumps({"event": event, **values}, ensure_ascii=False))


class PlainReport:
    """Lines on stderr, at most one a second and one for each step; the result on stdout."""

    def __init__(self, *, verbose: bool, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._verbose = verbose
        self._monotonic = monotonic
        self._title = ""
        self._said_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held."""

    def progress(self, progress: Progress) -> None:
        now = self._monotonic()
        title = _title(progress)
        if progress.step is Step.DONE or (title == self._title and now - self._said_at < 1.0):
            return
        self._title, self._said_at = title, now
        print("  ".join(filter(None, [title, _percent(progress), *_figures(progress)])), file=sys.stderr)

    def note(self, text: str) -> None:
        print(text, file=sys.stderr)

    def quiet(self) -> None:
        """Nothing is drawn."""

    def done(self, text: str, **values: Any) -> None:  # noqa: ARG002 - the values are for programs
        say(text)

    def failed(self, told: Told) -> None:
        print("\n".join(told.lines(verbose=self._verbose)), file=sys.stderr)

    def interrupted(self, text: str, *, job: str, state: str) -> None:  # noqa: ARG002 - the values are for programs
        print(text, file=sys.stderr)


class LiveReport:
    """One line on the terminal that is drawn again and again."""

    def __init__(self, *, verbose: bool) -> None:
        # 60 ms that nobody should wait for who asks for --help or pipes into a file.
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import BarColumn, SpinnerColumn, TaskProgressColumn, TextColumn  # noqa: PLC0415
        from rich.progress import Progress as LiveProgress  # noqa: PLC0415

        self._verbose = verbose
        self._console = Console(stderr=True, highlight=False)
        self._live: LiveProgress = LiveProgress(
            SpinnerColumn(),
            TextColumn("{task.description:<15}"),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TextColumn("{task.fields[figures]}", style="dim"),
            console=self._console,
            transient=True,
        )
        self._task: TaskID = self._live.add_task("starting", total=None, figures="")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def progress(self, progress: Progress) -> None:
        self._live.update(
            self._task,
            description=_title(progress),
            # Without a total the bar pulses.
            total=None if progress.fraction is None else 1.0,
            completed=progress.fraction or 0.0,
            figures="  ".join(_figures(progress)),
        )

    def note(self, text: str) -> None:
        self._console.print(text, markup=False)

    def quiet(self) -> None:
        self._live.stop()

    def done(self, text: str, **values: Any) -> None:  # noqa: ARG002 - the values are for programs
        self._live.stop()
        say(text)

    def failed(self, told: Told) -> None:
        self._live.stop()
        first, *rest = told.lines(verbose=self._verbose)
        self._console.print(first, style="bold red", markup=False, soft_wrap=True)
        for line in rest:
            self._console.print(line, style="dim", markup=False, soft_wrap=True)

    def interrupted(self, text: str, *, job: str, state: str) -> None:  # noqa: ARG002 - the values are for programs
        self._live.stop()
        self._console.print(text, markup=False)


def report_for(*, as_json: bool, verbose: bool) -> Report:
    """The report that fits where stderr goes."""
    if as_json:
        return JsonReport()
    return LiveReport(verbose=verbose) if sys.stderr.isatty() else PlainReport(verbose=verbose)


def _title(progress: Progress) -> str:
    return (
        f"{progress.step} {progress.file.name}" if progress.step is Step.UPLOADING and progress.file else progress.step
    )


def _percent(progress: Progress) -> str:
    return "" if progress.fraction is None else f"{progress.fraction:.0%}"


def _figures(progress: Progress) -> list[str]:
    from spotreel.cli import wording  # noqa: PLC0415 - protobuf is imported with the first job

    if progress.bytes_total:
        return [f"{wording.size(progress.bytes_done)} of {wording.size(progress.bytes_total)}"]
    if progress.job is None:
        return []
    now = progress.job.progress
    return [
        text
        for given, text in (
            (now.frames_per_second, f"{now.frames_per_second:.0f} fps"),
            (now.speed, f"{now.speed:.1f}×"),
            (now.HasField("eta"), f"ETA {wording.seconds(now.eta.ToNanoseconds() / 1e9)}"),
            (now.encoder, now.encoder),
            (now.output_bytes, wording.size(now.output_bytes)),
            (now.cost_usd_micros, wording.money(now.cost_usd_micros)),
            (now.detail, now.detail),
        )
        if given
    ]


def _values(progress: Progress) -> dict[str, Any]:
    from spotreel.cli import wording  # noqa: PLC0415 - protobuf is imported with the first job

    values: dict[str, Any] = {"step": str(progress.step), "fraction": progress.fraction}
    if progress.file is not None:
        values |= {
            "file": str(progress.file),
            "bytes_done": progress.bytes_done,
            "bytes_total": progress.bytes_total,
        }
    if (job := progress.job) is not None:
        now = job.progress
        values |= {
            "job": job.name,
            "state": wording.state(job),
            "stage": wording.stage(now),
            "frames": now.frames,
            "frames_per_second": now.frames_per_second,
            "speed": now.speed,
            "eta_seconds": now.eta.ToNanoseconds() / 1e9 if now.HasField("eta") else None,
            "output_bytes": now.output_bytes,
            "encoder": now.encoder,
            "instance": now.instance,
            "cost_usd_micros": now.cost_usd_micros,
            "detail": now.detail,
        }
    return values

"""A driver process: one request in, events out."""

import asyncio
import contextlib
import json
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Event = dict[str, Any]

# A driver that says nothing for so long hangs: the slowest scenario waits for an encode on a busy machine.
_SILENCE_SECONDS = 60
_LINE_BYTES = 1 << 20
_LAST = frozenset({"result", "error", "cancelled"})


class Unacceptable(Exception):
    """A client did something else than the scenario asks."""


@dataclass(slots=True)
class Outcome:
    """All that a driver has said: `last` ends it, `events` came before."""

    last: Event
    events: list[Event] = field(default_factory=list)
    words: str = ""

    @property
    def steps(self) -> list[str]:
        """The steps of its progress, in order, each once."""
        steps: list[str] = []
        for event in self.events:
            if event["event"] == "progress" and event["step"] not in steps:
                steps.append(event["step"])
        return steps

    def result(self) -> Event:
        """What a success brought. Raises Unacceptable where it is none."""
        return self._expect("result")

    def error(self, code: str, reason: str) -> Event:
        """What a failure brought. Raises Unacceptable where it is none, or another one."""
        error = self._expect("error")
        if (error["code"], error["reason"]) != (code, reason):
            raise Unacceptable(f"{code} ({reason}) was to be reported, not {error}")
        return error

    def cancelled(self) -> None:
        """Raises Unacceptable unless the work was called off."""
        self._expect("cancelled")

    def _expect(self, kind: str) -> Event:
        if self.last["event"] != kind:
            raise Unacceptable(f"a {kind} was to be reported, not {self.last}")
        return self.last


class Driver:
    """A driver at work on one request; use it with `async with`, which leaves no process behind."""

    def __init__(self, command: Sequence[str | Path], request: Event) -> None:
        self._command = command
        self._request = request
        self._process: Process | None = None
        self._said: list[str] = []
        self._complaints: asyncio.Task[None] | None = None
        self._complained = bytearray()

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *map(str, self._command), stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=_LINE_BYTES, start_new_session=True
        )
        self._complaints = asyncio.create_task(self._listen(), name="a driver's stderr")
        await self._tell(self._request)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()

    async def outcome(self, on_event: Callable[[Event], None] | None = None) -> Outcome:
        """Hears the driver out. Raises Unacceptable where it does not end as a driver must."""
        events: list[Event] = []
        async for event in self.events():
            if event["event"] in _LAST:
                await self._end()
                return Outcome(last=event, events=events, words=self._words)
            events.append(event)
            if on_event is not None:
                on_event(event)
        raise Unacceptable(f"the driver ended without an outcome:\n{self._words}")

    async def events(self) -> AsyncIterator[Event]:
        """Yields what the driver says until it closes its standard output."""
        assert self._opened.stdout is not None
        while True:
            try:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    line = (await self._opened.stdout.readline()).decode()
            except TimeoutError as error:
                raise Unacceptable(f"the driver has been silent for {_SILENCE_SECONDS} s:\n{self._words}") from error
            if not line:
                return
            self._said.append(line)
            try:
                event: Event = json.loads(line)
                _ = event["event"]
            except (ValueError, LookupError, TypeError) as error:
                raise Unacceptable(f"{line!r} is no JSON object with an `event`:\n{self._words}") from error
            yield event

    async def cancel(self) -> None:
        """Asks the driver to call its work off."""
        await self._tell({"cancel": True})

    async def kill(self) -> None:
        """Ends the process as a crash would; may be repeated."""
        if self._opened.returncode is None:
            # A driver may be a script that runs another program: all of it is killed.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._opened.pid, signal.SIGKILL)
        await self._opened.wait()
        if self._complaints is not None:
            await self._complaints

    @property
    def _opened(self) -> Process:
        if self._process is None:
            raise RuntimeError("the driver was not started")
        return self._process

    @property
    def _words(self) -> str:
        return "".join(self._said) + self._complained.decode(errors="replace")

    async def _tell(self, message: Event) -> None:
        assert self._opened.stdin is not None
        self._opened.stdin.write(json.dumps(message).encode() + b"\n")
        with contextlib.suppress(ConnectionError):
            await self._opened.stdin.drain()

    async def _listen(self) -> None:
        assert self._opened.stderr is not None
        while piece := await self._opened.stderr.read(65536):
            self._complained += piece

    async def _end(self) -> None:
        try:
            async with asyncio.timeout(_SILENCE_SECONDS):
                status = await self._opened.wait()
        except TimeoutError as error:
            raise Unacceptable(f"the driver does not end after its last event:\n{self._words}") from error
        if self._complaints is not None:
            await self._complaints
        if status != 0:
            raise Unacceptable(f"the driver ended with status {status}:\n{self._words}")

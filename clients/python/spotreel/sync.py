"""The client for programs without an event loop."""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from spotreel.client import AsyncClient, RunSettings, Source
from spotreel.media.v1.operation_pb2 import (
    AddAudio,
    Caption,
    CaptionStyle,
    ImageToVideo,
    Operation,
    Poster,
    SpriteSheet,
    Zoom,
)
from spotreel.media.v1.source_pb2 import MediaSource
from spotreel.operations import Seconds
from spotreel.orchestrator.v1.asset_pb2 import Asset
from spotreel.orchestrator.v1.instance_pb2 import Instance
from spotreel.orchestrator.v1.job_pb2 import Job, JobQuote, JobSpec
from spotreel.orchestrator.v1.offer_service_pb2 import OfferRequirements, SearchOffersResponse
from spotreel.progress import OnProgress, Progress
from spotreel.streams import HEARTBEAT_SECONDS

T = TypeVar("T")


class Client:
    """`AsyncClient` for blocking code; use it with `with`, from any number of threads.

    It runs an event loop on a thread of its own; `on_progress` is called on that thread. A KeyboardInterrupt during
    `run` and its kin cancels the job on the server before it is raised.
    """

    def __init__(
        self,
        server: str | None = None,
        *,
        api_key: str | None = None,
        tls: bool | None = None,
        tls_ca: Path | None = None,
        timeout: float | None = None,
        patience: float = 60.0,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        """Takes what `AsyncClient` takes."""
        self._make: Callable[[], AbstractAsyncContextManager[AsyncClient]] = lambda: AsyncClient(
            server,
            api_key=api_key,
            tls=tls,
            tls_ca=tls_ca,
            timeout=timeout,
            patience=patience,
            heartbeat_seconds=heartbeat_seconds,
        )
        self._loop: _LoopThread | None = None
        self._stack = AsyncExitStack()
        self._opened: AsyncClient | None = None

    @classmethod
    def embedded(cls) -> Self:
        """A client of an orchestrator of its own on this machine; see `AsyncClient.embedded`."""
        client = cls("127.0.0.1:0")
        client._make = AsyncClient.embedded
        return client

    def __enter__(self) -> Self:
        self._loop = _LoopThread()
        try:
            self._opened = self._loop.run(self._open())
        except BaseException:
            self._loop.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None
        try:
            self._loop.run(self._stack.aclose())
        finally:
            self._loop.close()

    async def _open(self) -> AsyncClient:
        # Made on the loop's thread: gRPC ties a channel to the loop that is running.
        return await self._stack.enter_async_context(self._make())

    @property
    def server(self) -> str:
        """See `AsyncClient.server`."""
        return self._client.server

    @property
    def _client(self) -> AsyncClient:
        if self._opened is None:
            raise RuntimeError("the client is not open: use it with `with`")
        return self._opened

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        assert self._loop is not None
        return self._loop.run(work)

    def _iterate(self, items: AsyncIterator[T]) -> Iterator[T]:
        """Takes one item at a time, so that a slow consumer slows the server and not our memory."""
        try:
            while (item := self._run(_next(items))) is not None:
                yield item
        finally:
            self._run(_close(items))

    def create_job(self, spec: JobSpec, *, request_id: str | None = None, job_id: str = "") -> Job:
        """See `AsyncClient.create_job`."""
        return self._run(self._client.create_job(spec, request_id=request_id, job_id=job_id))

    def get_job(self, name: str) -> Job:
        """See `AsyncClient.get_job`."""
        return self._run(self._client.get_job(name))

    def list_jobs(
        self,
        *,
        states: Sequence["Job.State.ValueType"] = (),
        labels: dict[str, str] | None = None,
        order_by: str = "",
        page_size: int = 0,
    ) -> Iterator[Job]:
        """See `AsyncClient.list_jobs`."""
        return self._iterate(
            self._client.list_jobs(states=states, labels=labels, order_by=order_by, page_size=page_size)
        )

    def list_instances(
        self, *, states: Sequence["Instance.State.ValueType"] = (), page_size: int = 0
    ) -> Iterator[Instance]:
        """See `AsyncClient.list_instances`."""
        return self._iterate(self._client.list_instances(states=states, page_size=page_size))

    def get_instance(self, name: str) -> Instance:
        """See `AsyncClient.get_instance`."""
        return self._run(self._client.get_instance(name))

    def drain_instance(self, name: str) -> Instance:
        """See `AsyncClient.drain_instance`."""
        return self._run(self._client.drain_instance(name))

    def destroy_instance(self, name: str) -> Instance:
        """See `AsyncClient.destroy_instance`."""
        return self._run(self._client.destroy_instance(name))

    def search_offers(
        self, *, requirements: OfferRequirements | None = None, spec: JobSpec | None = None, limit: int = 0
    ) -> SearchOffersResponse:
        """See `AsyncClient.search_offers`."""
        return self._run(self._client.search_offers(requirements=requirements, spec=spec, limit=limit))

    def cancel_job(self, name: str) -> Job:
        """See `AsyncClient.cancel_job`."""
        return self._run(self._client.cancel_job(name))

    def delete_job(self, name: str) -> None:
        """See `AsyncClient.delete_job`."""
        self._run(self._client.delete_job(name))

    def quote_job(self, spec: JobSpec) -> JobQuote:
        """See `AsyncClient.quote_job`."""
        return self._run(self._client.quote_job(spec))

    def watch_job(self, name: str) -> Iterator[Job]:
        """See `AsyncClient.watch_job`."""
        return self._iterate(self._client.watch_job(name))

    def wait_job(self, name: str, *, on_progress: OnProgress | None = None) -> Job:
        """See `AsyncClient.wait_job`."""
        return self._run(self._client.wait_job(name, on_progress=on_progress or _nothing))

    def read_output(self, name: str, *, offset: int = 0) -> Iterator[bytes]:
        """See `AsyncClient.read_output`."""
        return self._iterate(self._client.read_output(name, offset=offset))

    def download_output(
        self,
        name: str,
        path: Path | str,
        *,
        overwrite: bool = False,
        keep_partial: bool = True,
        on_progress: OnProgress | None = None,
    ) -> Path:
        """See `AsyncClient.download_output`."""
        return self._run(
            self._client.download_output(
                name, path, overwrite=overwrite, keep_partial=keep_partial, on_progress=on_progress or _nothing
            )
        )

    def upload_asset(self, path: Path | str, *, on_progress: OnProgress | None = None) -> Asset:
        """See `AsyncClient.upload_asset`."""
        return self._run(self._client.upload_asset(path, on_progress=on_progress or _nothing))

    def source(self, source: Source, *, on_progress: OnProgress | None = None) -> MediaSource:
        """See `AsyncClient.source`."""
        return self._run(self._client.source(source, on_progress=on_progress or _nothing))

    def run(self, work: Operation | JobSpec, **settings: Unpack[RunSettings]) -> Job:
        """See `AsyncClient.run`."""
        return self._run(self._client.run(work, **settings))

    def caption(
        self,
        video: Source,
        subtitles: Source,
        *,
        mode: "Caption.Mode.ValueType" = Caption.MODE_UNSPECIFIED,
        style: CaptionStyle | None = None,
        language: str = "",
        fonts: Sequence[Source] = (),
        missing_glyphs: "Caption.MissingGlyphs.ValueType" = Caption.MISSING_GLYPHS_UNSPECIFIED,
        **settings: Unpack[RunSettings],
    ) -> Job:
        """See `AsyncClient.caption`."""
        return self._run(
            self._client.caption(
                video,
                subtitles,
                mode=mode,
                style=style,
                language=language,
                fonts=fonts,
                missing_glyphs=missing_glyphs,
                **settings,
            )
        )

    def image_to_video(
        self,
        image: Source,
        *,
        audio: Source | None = None,
        duration: Seconds | None = None,
        frame_rate: float | None = None,
        zoom: Zoom | None = None,
        fit: "ImageToVideo.Fit.ValueType" = ImageToVideo.FIT_UNSPECIFIED,
        border: "ImageToVideo.Border.ValueType" = ImageToVideo.BORDER_UNSPECIFIED,
        background_color: str = "",
        **settings: Unpack[RunSettings],
    ) -> Job:
        """See `AsyncClient.image_to_video`."""
        return self._run(
            self._client.image_to_video(
                image,
                audio=audio,
                duration=duration,
                frame_rate=frame_rate,
                zoom=zoom,
                fit=fit,
                border=border,
                background_color=background_color,
                **settings,
            )
        )

    def add_audio(
        self,
        video: Source,
        audio: Source,
        *,
        mode: "AddAudio.Mode.ValueType" = AddAudio.MODE_UNSPECIFIED,
        length: "AddAudio.Length.ValueType" = AddAudio.LENGTH_UNSPECIFIED,
        video_gain_db: float | None = None,
        audio_gain_db: float | None = None,
        audio_offset: Seconds | None = None,
        fade_in: Seconds | None = None,
        fade_out: Seconds | None = None,
        loudness_lufs: float | None = None,
        duck_video: bool = False,
        **settings: Unpack[RunSettings],
    ) -> Job:
        """See `AsyncClient.add_audio`."""
        return self._run(
            self._client.add_audio(
                video,
                audio,
                mode=mode,
                length=length,
                video_gain_db=video_gain_db,
                audio_gain_db=audio_gain_db,
                audio_offset=audio_offset,
                fade_in=fade_in,
                fade_out=fade_out,
                loudness_lufs=loudness_lufs,
                duck_video=duck_video,
                **settings,
            )
        )

    def transcode(
        self,
        video: Source,
        *,
        start_time: Seconds | None = None,
        end_time: Seconds | None = None,
        **settings: Unpack[RunSettings],
    ) -> Job:
        """See `AsyncClient.transcode`."""
        return self._run(self._client.transcode(video, start_time=start_time, end_time=end_time, **settings))

    def concat(self, videos: Sequence[Source], **settings: Unpack[RunSettings]) -> Job:
        """See `AsyncClient.concat`."""
        return self._run(self._client.concat(videos, **settings))

    def thumbnails(
        self, video: Source, kind: Poster | SpriteSheet | None = None, **settings: Unpack[RunSettings]
    ) -> Job:
        """See `AsyncClient.thumbnails`."""
        return self._run(self._client.thumbnails(video, kind, **settings))


def _nothing(_progress: Progress) -> None:
    """Nobody wants to know."""


async def _next(items: AsyncIterator[T]) -> T | None:
    return await anext(items, None)


async def _close(items: AsyncIterator[T]) -> None:
    if isinstance(items, AsyncGenerator):
        await items.aclose()


def _cancel(tasks: list[asyncio.Task[T]]) -> None:
    # Looked up on the loop, behind the start: the interrupt may come before there is a task.
    tasks[0].cancel()


class _LoopThread:
    """An event loop that runs on a thread of its own until it is closed."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="spotreel client", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs `work` on the loop and waits.

        An interrupt cancels it and waits for its clean-up; a second one does not wait.
        """
        finished = threading.Event()
        tasks: list[asyncio.Task[T]] = []

        def start() -> None:
            task = self._loop.create_task(work, name="spotreel call")
            task.add_done_callback(lambda _task: finished.set())
            tasks.append(task)

        self._loop.call_soon_threadsafe(start)
        try:
            finished.wait()
        except BaseException:
            self._loop.call_soon_threadsafe(_cancel, tasks)
            finished.wait()
            raise
        return tasks[0].result()

    def close(self) -> None:
        """Ends the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

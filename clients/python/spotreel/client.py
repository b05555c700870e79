"""The client for asyncio."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack
from uuid import uuid4

from spotreel import download, operations, upload
from spotreel.channel import Endpoint
from spotreel.connection import Connection
from spotreel.embedded import EmbeddedOrchestrator
from spotreel.errors import LocalFile, PreconditionFailed, SpotreelClientError
from spotreel.jobs import FINAL_STATES, progress_of, succeeded
from spotreel.machines import Machines
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
from spotreel.operations import JobSettings, Seconds
from spotreel.orchestrator.v1.asset_pb2 import Asset
from spotreel.orchestrator.v1.job_pb2 import Job, JobQuote, JobSpec
from spotreel.orchestrator.v1.job_service_pb2 import (
    CancelJobRequest,
    CreateJobRequest,
    DeleteJobRequest,
    GetJobRequest,
    ListJobsRequest,
    QuoteJobRequest,
    WatchJobRequest,
    WatchJobResponse,
)
from spotreel.partial_file import check_target
from spotreel.progress import OnProgress, Progress, Step
from spotreel.retry import persist
from spotreel.streams import HEARTBEAT_SECONDS

Source = str | Path
"""A path of this machine, an http(s) URL that the server fetches, or the name of an asset (`assets/…`)."""


# What the end of a cancelled job may take: FFmpeg's grace and a round trip or two.
_CANCEL_TIMEOUT_SECONDS = 30.0
# Stands for a file that is not uploaded yet; no server ever fetches it.
_PLACEHOLDER = "https://example.invalid/"


class RunSettings(JobSettings, total=False):
    """What `AsyncClient.run` and its kin take beside the work itself.

    `to`: where the output is written. `overwrite`: whether it may replace a file. `keep_partial`: whether an
    interrupted download may leave `<to>.part`. `request_id`: a UUID, made unless given.
    """

    to: Path | str
    overwrite: bool
    keep_partial: bool
    on_progress: OnProgress
    request_id: str


def _nothing(_progress: Progress) -> None:
    """Nobody wants to know."""


class AsyncClient(Machines):
    """Speaks to one orchestrator; use it with `async with`.

    All methods raise `spotreel.errors.SpotreelClientError`. Unary calls and streams are tried again where that is safe;
    a job is created once, however often the call is repeated.
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
        """Takes where the server is; what is missing comes from the environment (see `Endpoint.resolve`).

        `timeout`: seconds for one unary call, by default as in the service config. `patience`: seconds for which a
        broken stream is taken up again without any progress. `heartbeat_seconds`: how often a quiet server speaks;
        after three misses the stream counts as broken.
        """
        self._endpoint = Endpoint.resolve(server, api_key=api_key, tls=tls, tls_ca=tls_ca)
        self._timeout = timeout
        self._patience = patience
        self._heartbeat_seconds = heartbeat_seconds
        self._lost: asyncio.Future[SpotreelClientError] | None = None
        self._opened: Connection | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def embedded(cls) -> AsyncIterator[Self]:
        """A client of an orchestrator of its own, which runs on this machine and ends with the block.

        Raises EmbeddedFailed where it does not start, for instance because `spotreel[all]` is not installed;
        all calls raise it where the orchestrator ends before the block does.
        """
        async with EmbeddedOrchestrator() as orchestrator:
            client = cls(orchestrator.address, api_key=orchestrator.api_key, tls=False)
            client._lost = orchestrator.lost
            async with client:
                yield client

    async def __aenter__(self) -> Self:
        self._opened = Connection(
            self._endpoint,
            timeout=self._timeout,
            patience=self._patience,
            heartbeat_seconds=self._heartbeat_seconds,
            lost=self._lost,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.close()

    @property
    def server(self) -> str:
        """Where the server is, `host:port`."""
        return self._endpoint.target

    @property
    def _connection(self) -> Connection:
        if self._opened is None:
            raise RuntimeError("the client is not open: use it with `async with`")
        return self._opened

    # Jobs

    async def create_job(self, spec: JobSpec, *, request_id: str | None = None, job_id: str = "") -> Job:
        """Creates a job. The call is safe to repeat with the same `request_id` (a UUID; made here unless given)."""
        request = CreateJobRequest(spec=spec, request_id=request_id or str(uuid4()), job_id=job_id)
        return (await self._connection.call(self._connection.jobs.CreateJob, request)).job

    async def get_job(self, name: str) -> Job:
        """Gets the job called `jobs/…`. Raises NotFound."""
        return (await self._connection.call(self._connection.jobs.GetJob, GetJobRequest(name=name))).job

    async def list_jobs(
        self,
        *,
        states: Sequence["Job.State.ValueType"] = (),
        labels: dict[str, str] | None = None,
        order_by: str = "",
        page_size: int = 0,
    ) -> AsyncGenerator[Job, None]:
        """Yields all jobs in one of `states` that have all of `labels`, the newest first; pages come as needed."""
        request = ListJobsRequest(
            state_filter=list(states), label_filter=labels or {}, order_by=order_by, page_size=page_size
        )
        while True:
            page = await self._connection.call(self._connection.jobs.ListJobs, request)
            for job in page.jobs:
                yield job
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def cancel_job(self, name: str) -> Job:
        """Asks a job to end and returns it, CANCELLING or CANCELLED. Raises PreconditionFailed where it has ended."""
        return (await self._connection.call(self._connection.jobs.CancelJob, CancelJobRequest(name=name))).job

    async def delete_job(self, name: str) -> None:
        """Deletes a job that is final, and its output. Raises PreconditionFailed where it is not final."""
        await self._connection.call(self._connection.jobs.DeleteJob, DeleteJobRequest(name=name))

    async def quote_job(self, spec: JobSpec) -> JobQuote:
        """Asks what a job would cost."""
        return (await self._connection.call(self._connection.jobs.QuoteJob, QuoteJobRequest(spec=spec))).quote

    async def watch_job(self, name: str) -> AsyncGenerator[Job, None]:
        """Yields the job as it is and with each change, until it is final; goes on over breaks of the connection."""
        sequence = 0

        def start() -> object:
            request = WatchJobRequest(name=name, after_sequence=sequence)
            return self._connection.jobs.WatchJob(request, metadata=self._connection.metadata)

        def accept(message: WatchJobResponse) -> WatchJobResponse:
            """Takes every message: the whole job comes each time, so nothing can be missing."""
            return message

        async with self._connection.resuming(start, accept) as stream:
            while True:
                message = await stream.read()
                if message.sequence != sequence or message.job.state in FINAL_STATES:
                    sequence = message.sequence
                    yield message.job
                if message.job.state in FINAL_STATES:
                    return

    async def wait_job(self, name: str, *, on_progress: OnProgress = _nothing) -> Job:
        """Waits until a job is final and returns it, whatever became of it."""
        async with contextlib.aclosing(self.watch_job(name)) as changes:
            async for job in changes:
                on_progress(progress_of(job))
                if job.state in FINAL_STATES:
                    return job
        raise AssertionError("a watch ends with a final state")

    # Bytes

    def read_output(self, name: str, *, offset: int = 0) -> AsyncGenerator[bytes, None]:
        """Yields the output of a job; see `spotreel.download.read_output`."""
        return download.read_output(self._connection, name, offset=offset)

    async def download_output(
        self,
        name: str,
        path: Path | str,
        *,
        overwrite: bool = False,
        keep_partial: bool = True,
        on_progress: OnProgress = _nothing,
    ) -> Path:
        """Writes the output of a job to `path` and returns that; only a complete, verified file ever gets the name.

        Raises LocalFile (FILE_EXISTS) unless `overwrite`. See `spotreel.download.download_output` for what stays
        behind after a failure.
        """
        target = Path(path)
        check_target(target, overwrite=overwrite)

        def on_bytes(done: int, total: int) -> None:
            on_progress(_bytes_moved(Step.DOWNLOADING, target, done, total))

        await download.download_output(
            self._connection, name, target, overwrite=overwrite, on_bytes=on_bytes, keep_partial=keep_partial
        )
        return target

    async def upload_asset(self, path: Path | str, *, on_progress: OnProgress = _nothing) -> Asset:
        """Uploads a file, unless the server has its content already, and returns the asset."""
        local = Path(path)

        def on_bytes(done: int, total: int) -> None:
            on_progress(_bytes_moved(Step.UPLOADING, local, done, total))

        return await upload.upload_asset(self._connection, local, on_bytes=on_bytes)

    async def source(self, source: Source, *, on_progress: OnProgress = _nothing) -> MediaSource:
        """Makes what operations take: URLs and names of assets as they are, files uploaded."""
        if (made := await asyncio.to_thread(_as_it_is, source)) is not None:
            return made
        return MediaSource(asset=(await self.upload_asset(source, on_progress=on_progress)).name)

    # Whole pieces of work

    async def run(self, work: Operation | JobSpec, **settings: Unpack[RunSettings]) -> Job:
        """Creates a job, follows it to its end, downloads its output to `to` (if given) and returns the job.

        When the caller is cancelled meanwhile, the job is cancelled too, and its end is waited for, at most 30 s;
        cancel once more to stop waiting. Whether it has ended is in the last progress that was reported. Raises
        JobFailed, JobCancelled, and LocalFile before anything starts where nothing could be put at `to`.
        """
        on_progress = self._prepare(settings)
        job = await self._follow(_spec_of(work, settings), settings.get("request_id") or str(uuid4()), on_progress)
        if (target := settings.get("to")) is not None:
            await self.download_output(
                job.name,
                target,
                overwrite=settings.get("overwrite", False),
                keep_partial=settings.get("keep_partial", True),
                on_progress=on_progress,
            )
        on_progress(progress_of(job))
        return job

    async def caption(
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
        """Puts subtitles onto a video; uploads what is local, then as `run`."""

        def describe(video: MediaSource, subtitles: MediaSource, **own: MediaSource) -> Operation:
            return operations.caption(
                video,
                subtitles,
                mode=mode,
                style=style,
                language=language,
                fonts=list(own.values()),
                missing_glyphs=missing_glyphs,
            )

        named = {f"font_{number}": font for number, font in enumerate(fonts, start=1)}
        return await self._submit(describe, settings, video=video, subtitles=subtitles, **named)

    async def image_to_video(
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
        """Makes a film of a still; uploads what is local, then as `run`."""
        describe = partial(
            operations.image_to_video,
            duration=duration,
            frame_rate=frame_rate,
            zoom=zoom,
            fit=fit,
            border=border,
            background_color=background_color,
        )
        sources = {"image": image} if audio is None else {"image": image, "audio": audio}
        return await self._submit(describe, settings, **sources)

    async def add_audio(
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
        """Puts sound to a video; uploads what is local, then as `run`."""
        describe = partial(
            operations.add_audio,
            mode=mode,
            length=length,
            video_gain_db=video_gain_db,
            audio_gain_db=audio_gain_db,
            audio_offset=audio_offset,
            fade_in=fade_in,
            fade_out=fade_out,
            loudness_lufs=loudness_lufs,
            duck_video=duck_video,
        )
        return await self._submit(describe, settings, video=video, audio=audio)

    async def transcode(
        self,
        video: Source,
        *,
        start_time: Seconds | None = None,
        end_time: Seconds | None = None,
        **settings: Unpack[RunSettings],
    ) -> Job:
        """Encodes a video anew; uploads what is local, then as `run`."""
        describe = partial(operations.transcode, start_time=start_time, end_time=end_time)
        return await self._submit(describe, settings, video=video)

    async def concat(self, videos: Sequence[Source], **settings: Unpack[RunSettings]) -> Job:
        """Joins videos one after the other; uploads what is local, then as `run`."""
        named = {f"video_{number}": video for number, video in enumerate(videos, start=1)}
        return await self._submit(_describe_concat, settings, **named)

    async def thumbnails(
        self, video: Source, kind: Poster | SpriteSheet | None = None, **settings: Unpack[RunSettings]
    ) -> Job:
        """Makes a poster or sprite sheets, see `spotreel.operations`; uploads what is local, then as `run`."""
        return await self._submit(partial(operations.thumbnails, kind=kind), settings, video=video)

    async def _submit(self, describe: Callable[..., Operation], settings: RunSettings, **sources: Source) -> Job:
        """Uploads what is local, but not before the server has said that it would take the job."""
        seen = self._prepare(settings)
        if (target := settings.get("to")) is not None:
            _refuse_own_input(Path(target), sources.values())
        known = {name: await asyncio.to_thread(_as_it_is, source) for name, source in sources.items()}
        if None in known.values():
            draft = describe(**{name: made or MediaSource(uri=_PLACEHOLDER) for name, made in known.items()})
            await self.quote_job(_spec_of(draft, settings))
        uploaded = {
            name: known[name] or await self.source(source, on_progress=seen) for name, source in sources.items()
        }
        return await self.run(describe(**uploaded), **settings)

    @staticmethod
    def _prepare(settings: RunSettings) -> OnProgress:
        """Refuses a target that is in the way before anything is uploaded."""
        if (target := settings.get("to")) is not None:
            check_target(Path(target), overwrite=settings.get("overwrite", False))
        return settings.get("on_progress", _nothing)

    async def _follow(self, spec: JobSpec, request_id: str, on_progress: OnProgress) -> Job:
        creation = asyncio.create_task(self.create_job(spec, request_id=request_id), name="create job")
        try:
            created = await asyncio.shield(creation)
            on_progress(progress_of(created))
            return succeeded(await self.wait_job(created.name, on_progress=on_progress))
        except asyncio.CancelledError:
            await self._call_off(creation, partial(self.create_job, spec, request_id=request_id), on_progress)
            raise

    async def _call_off(
        self, creation: asyncio.Task[Job], create: Callable[[], Awaitable[Job]], on_progress: OnProgress
    ) -> None:
        async def created() -> Job:
            # The server may have the job although its answer was lost: the same request gives the same job.
            return await (create() if creation.done() and creation.exception() else creation)

        try:
            async with asyncio.timeout(_CANCEL_TIMEOUT_SECONDS):
                name = (await persist(created, patience=_CANCEL_TIMEOUT_SECONDS)).name
                try:
                    # With patience: a server that is away for a moment would go on with the job when it is back.
                    cancelled = await persist(partial(self.cancel_job, name), patience=_CANCEL_TIMEOUT_SECONDS)
                except PreconditionFailed:
                    return
                on_progress(progress_of(cancelled))
                await self.wait_job(name, on_progress=on_progress)
        except (SpotreelClientError, TimeoutError):
            # It is said by what was not reported: a caller that wants to be sure has seen CANCELLED.
            return
        finally:
            creation.cancel()


def _as_it_is(source: Source) -> MediaSource | None:
    """Makes what operations take; None for a file, which has to be uploaded first."""
    if operations.is_url(source):
        return MediaSource(uri=str(source))
    if isinstance(source, str) and source.startswith("assets/") and not Path(source).exists():
        return MediaSource(asset=source)
    return None


def _spec_of(work: Operation | JobSpec, settings: RunSettings) -> JobSpec:
    spec = JobSpec(operation=work) if isinstance(work, Operation) else JobSpec()
    if isinstance(work, JobSpec):
        spec.CopyFrom(work)
    given: dict[str, Any] = {name: value for name, value in settings.items() if name in JobSettings.__annotations__}
    spec.MergeFrom(JobSpec(**given))
    return spec


def _bytes_moved(step: Step, file: Path, done: int, total: int) -> Progress:
    return Progress(step=step, fraction=done / total if total else None, file=file, bytes_done=done, bytes_total=total)


def _refuse_own_input(target: Path, sources: Iterable[Source]) -> None:
    """An output in place of an input would leave nothing to do it again with."""
    for source in sources:
        if not operations.is_url(source) and target.exists() and Path(source).exists() and target.samefile(source):
            raise LocalFile(
                f"{target} is an input of the work; choose another name for its output.",
                reason="FILE_IS_INPUT",
                metadata={"path": str(target)},
            )


def _describe_concat(**videos: MediaSource) -> Operation:
    return operations.concat(list(videos.values()))

"""Makes the file that was asked for out of the append-only one that came home, checks it, and stores it."""

import asyncio
import errno
import math
import os
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain
from pathlib import Path

from orchestrator.dispatch.disk_space import with_space
from orchestrator.dispatch.file_names import file_name
from orchestrator.dispatch.fragments import FragmentsUnreadable
from orchestrator.dispatch.joining import JoinedPicture, Part, PartDamaged, PartsDiffer, join_parts
from orchestrator.jobs.job import Failure, Job, JobOutput
from orchestrator.ports import BlobStore
from servicekit.checksums import Sha256
from servicekit.clock import Clock
from servicekit.confined import Bounds, confined
from servicekit.ffmpeg import can_be_confined, files_of
from servicekit.growing import GrowingFile
from servicekit.media.demuxers import reading_options
from servicekit.media.forms import OutputForm, output_form
from servicekit.media.layout import index_is_in_front
from servicekit.media.outputs import Container, Delivery
from servicekit.media_info import MediaInfo, MediaUnreadable, StreamType
from servicekit.pictures import check_pictures
from servicekit.probe import MediaProber
from servicekit.process import ChildProcess

_HASH_BLOCK_BYTES = 4 << 20
# Measured: 950 MB in 1 to 3 s. A disk that is a hundred times slower is broken.
_REMUX_SECONDS_PER_GIB = 300.0
_REMUX_SECONDS_AT_LEAST = 120.0
_FILE_MARGIN_BYTES = 64 << 20
_OPEN_FILES = 64
# The index of ten million samples takes some hundred MB.
_MEMORY_BYTES = 4 << 30
_TOLERANCE = timedelta(seconds=0.5)
_TOLERANCE_PART = 0.01
# What a worker sent is read as what it should be: a playlist that it sent instead would be followed otherwise.
_DEMUXERS = {Container.MP4: "mov", Container.MOV: "mov", Container.MKV: "matroska", Container.WEBM: "matroska"}
_MUXERS = {
    Container.MP4: ["-movflags", "+faststart", "-f", "mp4"],
    Container.MOV: ["-movflags", "+faststart", "-f", "mov"],
    Container.MKV: ["-cues_to_front", "1", "-f", "matroska"],
    Container.WEBM: ["-cues_to_front", "1", "-f", "webm"],
}


class DeliveryFailed(Exception):
    """The output that came home cannot be delivered."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """An output that several attempts made: the parts of its picture in their order, and what else it has."""

    parts: Sequence[Part]
    sound: Path | None = None

    @property
    def others(self) -> tuple[Path, ...]:
        """The files that hold what is no picture."""
        return () if self.sound is None else (self.sound,)


class OutputDelivery:
    """Delivers the outputs of attempts.

    The spool is never touched, so that a delivery that was cut off by a crash can simply be made again.
    """

    def __init__(self, *, prober: MediaProber, ffmpeg: Path, blobs: BlobStore, clock: Clock) -> None:
        self._prober = prober
        self._ffmpeg = ffmpeg
        self._blobs = blobs
        self._clock = clock
        self._confinable: bool | None = None

    async def deliver(
        self,
        job: Job,
        spool: GrowingFile,
        *,
        joining: Joining | None = None,
        expected: timedelta,
        on_wait: Callable[[], None],
    ) -> JobOutput:
        """Makes, checks and stores the output; `expected` is its duration as the worker knew it (zero: not known).

        With `joining` the spool is only its last part. A full disk is waited for, and `on_wait` called. Raises
        DeliveryFailed (OUTPUT_INVALID), ResourceExhausted (DISK_FULL), Unavailable (STORAGE_UNAVAILABLE).
        """
        return await with_space(
            lambda: self._deliver(job, spool, joining, expected), clock=self._clock, on_wait=on_wait
        )

    async def _deliver(self, job: Job, spool: GrowingFile, joining: Joining | None, expected: timedelta) -> JobOutput:
        form = output_form(job.spec.operation, job.spec.output)
        attempt = job.attempts[-1].number
        path = spool.path.with_name(f"{attempt}.delivery{form.suffix}")
        try:
            if form.muxed:
                sha256, info = await self._make_media(job, spool, joining, path, expected)
            else:
                sha256, info = await self._take_pictures(form, spool, path)
            size = path.stat().st_size
            blob = f"outputs/{job.id}/{attempt}{form.suffix}"
            await self._blobs.store(blob, path)
        finally:
            path.unlink(missing_ok=True)
        return JobOutput(
            blob=blob,
            size_bytes=size,
            sha256=sha256,
            content_type=form.content_type,
            media_info=info,
            file_name=file_name(job.spec.display_name, job.id, form.suffix),
        )

    async def _make_media(
        self, job: Job, spool: GrowingFile, joining: Joining | None, path: Path, expected: timedelta
    ) -> tuple[bytes, MediaInfo]:
        """Writes and checks the delivered form of audio and video, and returns its SHA-256 and what it holds."""
        picture = path.with_name(f"{job.attempts[-1].number}.joined")
        try:
            joined = None if joining is None else await _join(joining, picture)
            sources = [spool.path] if joining is None else [picture, *joining.others]
            source = asyncio.create_task(self._probe(sources), name="probe spool")
            try:
                sha256 = await self._make(job, spool, sources, path)
                return sha256, await self._checked(source, path, expected, joined, job.spec.output.delivery)
            finally:
                source.cancel()
                await asyncio.gather(source, return_exceptions=True)
        finally:
            picture.unlink(missing_ok=True)

    async def _take_pictures(self, form: OutputForm, spool: GrowingFile, path: Path) -> tuple[bytes, MediaInfo]:
        """Takes pictures as they are, once each could be decoded."""
        path.unlink(missing_ok=True)
        await asyncio.to_thread(_link_or_copy, spool.path, path)
        try:
            return spool.sha256, await check_pictures(path, form, self._prober)
        except MediaUnreadable as error:
            raise DeliveryFailed(_invalid(error.words("The file"))) from error

    async def _probe(self, sources: Sequence[Path]) -> MediaInfo:
        """Says what the output is to hold: all of one source; or the picture of the first, and all of the second."""
        info = await self._prober.probe(sources[0])
        if len(sources) == 1:
            return info
        pictures = [stream for stream in info.streams if stream.type is StreamType.VIDEO]
        others = [stream for source in sources[1:] for stream in (await self._prober.probe(source)).streams]
        return replace(info, streams=(*pictures, *others))

    async def _make(self, job: Job, spool: GrowingFile, sources: Sequence[Path], path: Path) -> bytes:
        """Writes the delivered form and returns its SHA-256."""
        path.unlink(missing_ok=True)
        if job.spec.output.delivery is Delivery.PROGRESSIVE:
            await asyncio.to_thread(_link_or_copy, spool.path, path)
            return spool.sha256
        await self._remux(sources, path, job.spec.output.container)
        return await asyncio.to_thread(_digest, path)

    async def _remux(self, sources: Sequence[Path], path: Path, container: Container) -> None:
        size = sum(source.stat().st_size for source in sources)
        seconds = max(_REMUX_SECONDS_AT_LEAST, size / (1 << 30) * _REMUX_SECONDS_PER_GIB)
        command = [str(self._ffmpeg), *remux_arguments(sources, path, container)]
        if self._confinable is None:
            self._confinable = await asyncio.to_thread(can_be_confined, self._ffmpeg)
        bounds = Bounds(
            cpu_seconds=math.ceil(seconds),
            file_size=size * 2 + _FILE_MARGIN_BYTES,
            open_files=_OPEN_FILES,
            address_space=_MEMORY_BYTES,
            any_file=not self._confinable,
            readable=(*files_of(self._ffmpeg), *(str(source.resolve()) for source in sources)),
            writable=(str(path.parent.resolve()),),
        )
        async with ChildProcess(confined(command, bounds), env={}, grace=0.0) as process:
            try:
                async with asyncio.timeout(seconds):
                    status = await process.wait()
            except TimeoutError as error:
                raise DeliveryFailed(_invalid(f"Its remux took longer than {seconds:g} s.")) from error
            lines = process.stderr_lines
        if status != 0:
            raise _remux_failure(lines, path)

    async def _checked(
        self,
        source: Awaitable[MediaInfo],
        path: Path,
        expected: timedelta,
        joined: JoinedPicture | None,
        delivery: Delivery,
    ) -> MediaInfo:
        borders = () if joined is None else joined.borders
        try:
            spooled = await source
            info = await self._prober.check_decodable(path, borders=borders)
        except MediaUnreadable as error:
            raise DeliveryFailed(_invalid(error.words("The file"))) from error
        complaint = _difference(spooled, info, expected) or _lost_frames(info, joined)
        if not complaint and delivery is Delivery.FASTSTART and not await asyncio.to_thread(index_is_in_front, path):
            complaint = "Its index is not in front of its data, so that it would not play before it is all there."
        if complaint:
            raise DeliveryFailed(_invalid(complaint))
        return info


async def _join(joining: Joining, picture: Path) -> JoinedPicture:
    try:
        return await asyncio.to_thread(join_parts, joining.parts, picture)
    except (PartsDiffer, PartDamaged) as error:
        raise DeliveryFailed(_invalid(str(error))) from error
    except FragmentsUnreadable as error:
        raise DeliveryFailed(_invalid(f"A part of the picture cannot be joined to another: {error}.")) from error


def remux_arguments(sources: Sequence[Path], target: Path, container: Container) -> list[str]:
    """Returns FFmpeg's arguments that copy every stream into a file with its index in front.

    With a second source only the picture of the first is taken.
    """
    inputs = [[*reading_options(_DEMUXERS[container]), "-i", f"file:{source.absolute()}"] for source in sources]
    return [
        *["-nostdin", "-hide_banner", "-loglevel", "error", "-y"],
        *chain.from_iterable(inputs),
        # Copying streams keeps their dispositions and tags; languages and titles are metadata of the streams.
        *(["-map", "0"] if len(sources) == 1 else ["-map", "0:v", "-map", "1"]),
        *["-map_metadata", "0", "-c", "copy"],
        *_MUXERS[container],
        f"file:{target.absolute()}",
    ]


def _difference(source: MediaInfo, made: MediaInfo, expected: timedelta) -> str:
    """Says what of the spool the delivered file lacks; empty when it has all."""
    if (wanted := _stream_types(source)) != (found := _stream_types(made)):
        return f"It has the streams {', '.join(found)} where the encoder made {', '.join(wanted)}."
    if (languages := _subtitle_languages(source)) != (kept := _subtitle_languages(made)):
        return f"Its subtitles are in {', '.join(kept)} where the encoder made {', '.join(languages)}."
    # Matroska that was written into a pipe does not say how long it is.
    reference = source.duration or expected
    if not reference or made.duration is None:
        return ""
    if abs(made.duration - reference) > max(_TOLERANCE, reference * _TOLERANCE_PART):
        return (
            f"It lasts {made.duration.total_seconds():.3f} s where the encoder made {reference.total_seconds():.3f} s."
        )
    return ""


def _lost_frames(made: MediaInfo, joined: JoinedPicture | None) -> str:
    frames = made.video.frames if made.video is not None else 0
    if joined is None or frames == joined.frames:
        return ""
    return f"It has {frames} frames where its parts have {joined.frames}."


def _stream_types(info: MediaInfo) -> list[StreamType]:
    return sorted(stream.type for stream in info.streams if stream.type is not StreamType.DATA)


def _subtitle_languages(info: MediaInfo) -> list[str]:
    return [one.language or "no language" for one in info.streams if one.type is StreamType.SUBTITLE]


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise
        shutil.copyfile(source, target)


def _digest(path: Path) -> bytes:
    digest = Sha256()
    with path.open("rb") as file:
        while block := file.read(_HASH_BLOCK_BYTES):
            digest.update(block)
    return digest.digest()


def _remux_failure(lines: list[str], path: Path) -> Exception:
    tail = "\n".join(lines[-20:])
    if "No space left on device" in tail or "Disk quota exceeded" in tail:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path.name)
    return DeliveryFailed(_invalid("It cannot be brought into the form asked for.", log_tail=tail))


def _invalid(complaint: str, log_tail: str = "") -> Failure:
    return Failure(
        reason="OUTPUT_INVALID",
        message=f"The output is not what it should be. {complaint}",
        retryable=True,
        log_tail=log_tail,
    )

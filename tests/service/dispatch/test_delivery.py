"""What is delivered: every container and form, with all that the spool had, and only when it is sound."""

import hashlib
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.dispatch.delivery import DeliveryFailed, OutputDelivery, remux_arguments
from orchestrator.jobs.job import Job, started
from servicekit.clock import SystemClock
from servicekit.errors import ResourceExhausted
from servicekit.ffmpeg import locate_ffmpeg
from servicekit.growing import GrowingFile
from servicekit.media.outputs import Container, Delivery, OutputSpec
from tests.e2e.media.hostile import scripts
from tests.service.dispatch.conftest import Stage
from tests.simulators.clock import FakeClock
from tests.simulators.file_server import FileServer, Served
from tests.simulators.records import START, make_job, make_spec

SECOND = timedelta(seconds=1)


def make_attempt(container: Container, delivery: Delivery) -> Job:
    spec = replace(make_spec(), output=OutputSpec(container=container, delivery=delivery))
    return started(make_job("0job", spec=spec), instance_id="i", now=START)


async def spool_of(stage: Stage, content: bytes) -> GrowingFile:
    file = await stage.spools.open("0job", 1)
    await stage.spools.append(file, [content], on_wait=lambda: None)
    file.finish()
    return file


def deliverer(stage: Stage, clock: FakeClock | None = None, ffmpeg: Path | None = None) -> OutputDelivery:
    return OutputDelivery(
        prober=stage.prober,
        ffmpeg=ffmpeg or locate_ffmpeg(),
        blobs=stage.blobs,
        clock=clock or SystemClock(),
    )


def encoded(container: str, *options: str) -> bytes:
    """Picture and German sound, as a worker writes them into a pipe."""
    done = subprocess.run(
        [
            *[str(locate_ffmpeg()), "-v", "error", "-nostdin"],
            *["-f", "lavfi", "-i", "testsrc2=s=160x90:d=1:r=10", "-f", "lavfi", "-i", "sine=d=1"],
            *["-metadata:s:a:0", "language=ger", "-disposition:a:0", "default+hearing_impaired"],
            *options,
            *["-map", "0", "-map", "1", "-f", container, "pipe:1"],
        ],
        capture_output=True,
        check=True,
    )
    return done.stdout


FRAGMENTED = ("-movflags", "+frag_keyframe+delay_moov+default_base_moof")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")


@pytest.mark.parametrize("delivery", list(Delivery))
@pytest.mark.parametrize(
    ("container", "muxer", "options"),
    [
        (Container.MP4, "mp4", (*X264, *FRAGMENTED)),
        (Container.MOV, "mov", (*X264, *FRAGMENTED)),
        (Container.MKV, "matroska", X264),
        (Container.WEBM, "webm", ("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus")),
    ],
)
async def test_every_form_keeps_streams_languages_and_length(
    stage: Stage, container: Container, muxer: str, options: tuple[str, ...], delivery: Delivery
) -> None:
    content = encoded(muxer, *options)
    spool = await spool_of(stage, content)
    job = make_attempt(container, delivery)
    output = await deliverer(stage).deliver(job, spool, expected=SECOND, on_wait=lambda: None)

    stored = await stage.blobs.read(output.blob, 0, output.size_bytes)
    assert hashlib.sha256(stored).digest() == output.sha256
    assert [one.type for one in output.media_info.streams] == ["video", "audio"]
    assert output.media_info.streams[1].language in {"ger", "deu"}
    assert output.content_type == container.content_type
    if delivery is Delivery.PROGRESSIVE:
        assert stored == content
    else:
        assert output.media_info.duration is not None
        assert abs(output.media_info.duration - SECOND) < timedelta(seconds=0.1)
        head = stored[:4096]
        assert (b"moov" if container in {Container.MP4, Container.MOV} else b"\x1c\x53\xbb\x6b") in head
    assert sorted(path.name for path in spool.path.parent.iterdir()) == ["1.spool"]


@pytest.mark.parametrize("expected", [timedelta(seconds=9), timedelta(seconds=0.2)])
async def test_wrong_length_is_not_delivered(stage: Stage, expected: timedelta) -> None:
    spool = await spool_of(stage, encoded("matroska", *X264))
    job = make_attempt(Container.MKV, Delivery.FASTSTART)
    with pytest.raises(DeliveryFailed) as failed:
        await deliverer(stage).deliver(job, spool, expected=expected, on_wait=lambda: None)

    assert failed.value.failure.reason == "OUTPUT_INVALID"
    assert "lasts" in failed.value.failure.message


async def test_truncated_spool_is_not_delivered(stage: Stage) -> None:
    content = encoded("mp4", *X264, *FRAGMENTED)
    spool = await spool_of(stage, content[:600])
    with pytest.raises(DeliveryFailed) as failed:
        await deliverer(stage).deliver(
            make_attempt(Container.MP4, Delivery.FASTSTART), spool, expected=SECOND, on_wait=lambda: None
        )

    assert failed.value.failure.reason == "OUTPUT_INVALID"
    assert failed.value.failure.log_tail


@pytest.mark.parametrize("container", [Container.MP4, Container.MKV])
async def test_a_playlist_in_place_of_the_output_reads_nothing_of_ours(
    stage: Stage, tmp_path: Path, container: Container
) -> None:
    ours = tmp_path / "ours.mkv"
    ours.write_bytes(encoded("matroska", *X264))
    async with FileServer(Served(content=ours.read_bytes())) as server:
        texts = scripts(ours, server.url())
        for content in texts.values():
            spool = await spool_of(stage, content)
            with pytest.raises(DeliveryFailed) as failed:
                await deliverer(stage).deliver(
                    make_attempt(container, Delivery.FASTSTART), spool, expected=SECOND, on_wait=lambda: None
                )
            assert failed.value.failure.reason == "OUTPUT_INVALID"
            spool.close()
            spool.path.unlink()
        assert not server.requests


def test_the_same_playlist_is_followed_when_it_is_read_as_whatever_it_looks_like(tmp_path: Path) -> None:
    """Or the test above would show nothing."""
    ours, spool, made = tmp_path / "ours.mkv", tmp_path / "playlist", tmp_path / "out.mkv"
    ours.write_bytes(encoded("matroska", *X264))
    spool.write_bytes(scripts(ours, "none")["ffconcat"])
    arguments = remux_arguments([spool], made, Container.MKV)
    start, end = arguments.index("-format_whitelist"), arguments.index("-i")
    subprocess.run([str(locate_ffmpeg()), *arguments[:start], "-safe", "0", *arguments[end:]], check=True)
    assert made.stat().st_size > ours.stat().st_size / 2


async def test_full_disk_is_waited_for(stage: Stage, tmp_path: Path) -> None:
    spool = await spool_of(stage, encoded("mp4", *X264, *FRAGMENTED))
    calls = spool.path.with_name("calls")
    ffmpeg = tmp_path / "ffmpeg"
    ffmpeg.write_text(f"#!/bin/sh\necho x >> {calls}\necho 'av_interleaved: No space left on device' >&2\nexit 228\n")
    ffmpeg.chmod(0o755)
    clock, waits = _Impatient(), list[int]()
    with pytest.raises(ResourceExhausted) as full:
        await deliverer(stage, clock, ffmpeg).deliver(
            make_attempt(Container.MP4, Delivery.FASTSTART), spool, expected=SECOND, on_wait=lambda: waits.append(1)
        )

    assert full.value.reason == "DISK_FULL"
    assert sum(clock.slept) == 300
    assert len(calls.read_text().splitlines()) == len(waits) + 1
    assert spool.path.exists()


class _Impatient(FakeClock):
    """Does not wait, but notes for how long it should have."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

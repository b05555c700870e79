"""Records as tests need them, valid and boring unless said otherwise."""

from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.assets.asset import Asset, Upload
from orchestrator.fleet.instance import Instance
from orchestrator.jobs.job import Job, JobLimits, JobOutput, JobSpec
from orchestrator.offers.offer import Offer
from servicekit.media.operations import AddAudio, AssetSource, Caption, MediaSource, UriSource
from servicekit.media.outputs import Delivery, OutputSpec
from servicekit.media_info import MediaInfo, StreamInfo, StreamType

START = datetime(2026, 1, 1, tzinfo=UTC)
VIDEO = UriSource(uri="https://example.com/video.mp4")


def make_spec(
    *,
    video: MediaSource = VIDEO,
    delivery: Delivery = Delivery.FASTSTART,
    limits: JobLimits = JobLimits(),  # noqa: B008 - frozen
    priority: int = 0,
    **labels: str,
) -> JobSpec:
    """A caption job."""
    subtitles = UriSource(uri="https://example.com/words.srt")
    return JobSpec(
        operation=Caption(video=video, subtitles=subtitles),
        output=OutputSpec(delivery=delivery),
        display_name="Words on a video",
        limits=limits,
        priority=priority,
        labels=labels,
    )


def make_job(job_id: str, *, spec: JobSpec | None = None, at: datetime = START, **fields: Any) -> Job:
    """A queued job."""
    return Job(id=job_id, spec=spec or make_spec(), create_time=at, update_time=at, **fields)


def make_output(*, blob: str, size_bytes: int = 10, sha256: bytes = b"\1" * 32) -> JobOutput:
    """An output as a probe described it."""
    streams = (
        StreamInfo(index=0, type=StreamType.VIDEO, codec="h264", width=640, height=360, frame_rate=25.0),
        StreamInfo(index=1, type=StreamType.AUDIO, codec="aac", channels=2, sample_rate_hz=48000, language="eng"),
    )
    info = MediaInfo(
        format="mov,mp4", size_bytes=size_bytes, duration=timedelta(seconds=2.5), bit_rate_bps=100, streams=streams
    )
    return JobOutput(
        blob=blob,
        size_bytes=size_bytes,
        sha256=sha256,
        content_type="video/mp4",
        media_info=info,
        file_name="video.mp4",
    )


def make_asset(digit: str, *, at: datetime = START, expires: datetime = START + timedelta(days=7)) -> Asset:
    """An asset whose digest is that digit, 64 times."""
    digest = digit * 64
    return Asset(
        sha256=digest,
        size_bytes=5,
        file_name="a.mp4",
        blob=f"assets/{digest}",
        create_time=at,
        expire_time=expires,
    )


def make_upload(upload_id: str, *, at: datetime = START, size_bytes: int = 5) -> Upload:
    """An upload that was begun."""
    return Upload(id=upload_id, sha256="a" * 64, size_bytes=size_bytes, file_name="a.mp4", create_time=at)


def make_instance(instance_id: str, *, at: datetime = START, **fields: Any) -> Instance:
    """An instance that was asked for."""
    return Instance(
        id=instance_id, cloud="local", label=f"spotreel/test/{instance_id}", secret=b"s" * 32, create_time=at, **fields
    )


def make_offer(offer_id: str = "1", **fields: Any) -> Offer:
    """An RTX 4090 for 36 cents an hour, as the ledger keeps it."""
    known: dict[str, Any] = {
        "machine_id": f"m{offer_id}",
        "gpu_name": "RTX 4090",
        "gpu_count": 1,
        "gpu_memory_bytes": 24_564_000_000,
        "usd_micros_per_hour": 360_000,
        "storage_usd_micros_per_hour": 4_000,
        "download_usd_micros_per_gb": 10_000,
        "upload_usd_micros_per_gb": 20_000,
        "disk_bytes": 20_000_000_000,
        "reliability": 0.99,
        "download_bps": 800_000_000,
        "upload_bps": 600_000_000,
        "location": "Oslo, NO",
        "country": "NO",
        "driver_version": "575.51.03",
        "verified": True,
    }
    return Offer(offer_id=offer_id, **(known | fields))


def make_market_offer(offer_id: str = "1", **fields: Any) -> Offer:
    """The same as a marketplace shows it, with what matters for the choice only."""
    free = {"free_disk_bytes": 500_000_000_000, "direct_ports": 4, "cpu_cores": 16.0, "remaining": timedelta(days=30)}
    return make_offer(offer_id, **(free | fields))


def reads(asset: Asset) -> JobSpec:
    """A job that reads this asset, and an address."""
    return JobSpec(operation=AddAudio(video=VIDEO, audio=AssetSource(asset=asset.name)))

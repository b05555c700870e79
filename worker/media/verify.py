"""The check after the run: completion needs positive proof, not an exit status."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from servicekit.media.forms import OutputForm
from servicekit.media_info import MediaInfo, StreamType
from servicekit.pictures import check_pictures
from servicekit.probe import MediaProber, MediaUnreadable
from worker.errors import FailureReason, TaskFailed
from worker.media.plan import ExpectedOutput

# Encoders round to frames of sound and picture, and a copied stream may end anywhere within its last packets.
_LEAST_TOLERANCE = timedelta(milliseconds=250)
_TOLERANCE_SHARE = 0.01


async def verify_output(
    path: Path, expected: ExpectedOutput, prober: MediaProber, *, media_time: timedelta | None = None
) -> MediaInfo:
    """Returns what the output holds, once it is what the plan promised.

    `media_time` is how far FFmpeg says it came; it stands in for the duration that Matroska, written to a pipe,
    does not carry.
    Of a picture the first frame and those at the last key frame are decoded.
    Raises TaskFailed(OUTPUT_INVALID), naming every difference.
    """
    try:
        media = await (prober.check_decodable(path) if expected.video_codec else prober.probe(path))
    except MediaUnreadable as error:
        raise TaskFailed(FailureReason.OUTPUT_INVALID, error.words("The output")) from error
    differences = list(_differences(media, expected, media.duration or media_time))
    if differences:
        raise TaskFailed(FailureReason.OUTPUT_INVALID, f"The output is not what was planned: {'; '.join(differences)}.")
    return media


async def verify_pictures(path: Path, form: OutputForm, prober: MediaProber) -> MediaInfo:
    """Returns what an output of pictures holds, once each was decoded; raises TaskFailed(OUTPUT_INVALID)."""
    try:
        return await check_pictures(path, form, prober)
    except MediaUnreadable as error:
        raise TaskFailed(FailureReason.OUTPUT_INVALID, error.words("The output")) from error


def _differences(media: MediaInfo, expected: ExpectedOutput, duration: timedelta | None) -> Iterator[str]:
    video = media.video
    if not expected.video_codec:
        if video is not None:
            yield "there is a video stream"
    elif video is None:
        yield "there is no video stream"
    else:
        if video.codec != expected.video_codec:
            yield f"the video codec is {video.codec}, not {expected.video_codec}"
        if (video.width, video.height) != (expected.width, expected.height):
            yield f"the picture is {video.width}x{video.height}, not {expected.width}x{expected.height}"
    sound = tuple(stream.codec for stream in media.streams if stream.type is StreamType.AUDIO)
    if sound != expected.audio_codecs:
        yield f"the sound tracks are {sound or 'none'}, not {expected.audio_codecs or 'none'}"
    subtitles = tuple((one.codec, one.language) for one in media.streams if one.type is StreamType.SUBTITLE)
    if subtitles != expected.subtitles:
        yield f"the subtitle tracks are {_tracks(subtitles)}, not {_tracks(expected.subtitles)}"
    if expected.duration is not None and duration is not None:
        tolerance = max(_LEAST_TOLERANCE, expected.duration * _TOLERANCE_SHARE)
        if abs(duration - expected.duration) > tolerance:
            is_seconds, was_seconds = duration.total_seconds(), expected.duration.total_seconds()
            yield f"it lasts {is_seconds:.2f} s, not {was_seconds:.2f} s"


def _tracks(subtitles: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{codec} ({language or 'no language'})" for codec, language in subtitles) or "none"

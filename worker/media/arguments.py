"""A plan → FFmpeg's command line. Pure.

No text of a user gets into it: captions are a file of fixed name in the working folder, inputs are absolute paths
under `file:`, filters are made of numbers.
"""

from collections.abc import Sequence
from datetime import timedelta

from servicekit.media.outputs import Container, VideoCodec
from worker.media.encoders import encoder_options
from worker.media.plan import (
    AudioFilter,
    AudioTrack,
    ChannelLayouts,
    CopyAudio,
    CopyVideo,
    Crop,
    Delay,
    DrawCaptions,
    EncodeAudio,
    EncodeVideo,
    FadeIn,
    FadeOut,
    FrameRate,
    Gain,
    Input,
    MediaFile,
    PadPicture,
    PadSilence,
    PixelFormat,
    Plan,
    RawFrames,
    Scale,
    SkipStart,
    SquarePixels,
    VideoFilter,
)
from worker.media.planner import CAPTIONS_FILE

FONTS_FOLDER = "fonts"

_KEYFRAME_SECONDS = 2
# A copied stream may have its keyframes minutes apart; fragments must not wait for them.
_FRAGMENT_MICROSECONDS = 2_000_000
# delay_moov writes the header with the first fragment, when it is known how many samples of the sound are priming and
# how far frames are reordered. Without it (empty_moov) there are no edit lists, and everything comes late by the
# reordering, 67 ms of x264's usual settings, also after a remux (measured with FFmpeg 9.0.2).
_FRAGMENTED = [
    "-movflags",
    "+frag_keyframe+delay_moov+default_base_moof",
    "-frag_duration",
    str(_FRAGMENT_MICROSECONDS),
]
_FORMATS = {
    Container.MP4: ["-f", "mp4", *_FRAGMENTED],
    Container.MOV: ["-f", "mov", *_FRAGMENTED],
    Container.MKV: ["-f", "matroska"],
    Container.WEBM: ["-f", "webm"],
}
_FPS_MODE_SINCE = (5, 1)
_DEMUX_TIME_BASE_SINCE = (6, 1)


def ffmpeg_arguments(plan: Plan, *, progress_fd: int) -> list[str]:
    """Returns what follows the program's name: output on standard output, progress on `progress_fd`.

    FFmpeg has to run in the folder that `Workdir` prepared for the plan.
    """
    arguments = ["-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info"]
    arguments += ["-progress", f"pipe:{progress_fd}", "-stats_period", "0.25"]
    for entry in plan.inputs:
        arguments += _input(entry)
    arguments += [*_video(plan), *_audio(plan.audio)]
    # Titles and chapters of the input may hold anything; a chapter would even become a stream of its own in MP4.
    arguments += ["-map_chapters", "-1", "-sn", "-dn"]
    if plan.end is not None:
        arguments += ["-t", _seconds(plan.end)]
    if plan.shortest:
        arguments += ["-shortest"]
    return [*arguments, *_FORMATS[plan.container], "pipe:1"]


def _input(entry: Input) -> list[str]:
    match entry:
        case MediaFile():
            # The whitelist keeps a crafted file from making FFmpeg open addresses or other files.
            return ["-protocol_whitelist", "file,pipe", "-f", entry.demuxer, "-i", f"file:{entry.path.absolute()}"]
        case RawFrames():
            size = f"{entry.width}x{entry.height}"
            raw = ["-f", "rawvideo", "-pixel_format", "yuv420p", "-video_size", size]
            return [*raw, "-framerate", _number(entry.frame_rate), "-i", "pipe:0"]


def _video(plan: Plan) -> list[str]:
    video = plan.video
    tag = ["-tag:v", "hvc1"] if _needs_hvc1(plan) else []
    match video:
        case CopyVideo():
            return ["-map", f"0:{video.stream}", "-c:v", "copy", *tag]
        case EncodeVideo():
            filters = ",".join(_video_filter(entry) for entry in video.filters)
            keyframes = ["-force_key_frames", f"expr:gte(t,n_forced*{_KEYFRAME_SECONDS})"]
            colours = _RAW_COLOURS if isinstance(plan.inputs[0], RawFrames) else []
            return [
                *["-map", f"0:{video.stream}", "-vf", filters, *_timestamps(plan, video)],
                *encoder_options(video),
                *keyframes,
                *colours,
                *tag,
            ]


_RAW_COLOURS = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]


def _timestamps(plan: Plan, video: EncodeVideo) -> list[str]:
    """Keeps the timestamps of a variable frame rate: by default FFmpeg rounds them to a rate it guesses (5 ms off)."""
    mode = ["-fps_mode" if plan.ffmpeg_release >= _FPS_MODE_SINCE else "-vsync", "vfr"]
    if isinstance(plan.inputs[0], RawFrames) or any(isinstance(entry, FrameRate) for entry in video.filters):
        return mode
    return [*mode, "-enc_time_base", "demux" if plan.ffmpeg_release >= _DEMUX_TIME_BASE_SINCE else "-1"]


def _needs_hvc1(plan: Plan) -> bool:
    """Apple's players take HEVC only under this name."""
    hevc = plan.video.codec in ("hevc", VideoCodec.HEVC)
    return hevc and plan.container in (Container.MP4, Container.MOV)


def _video_filter(entry: VideoFilter) -> str:
    match entry:
        case Scale(width, height):
            return f"scale={width}:{height}:flags=bicubic"
        case PadPicture(width, height):
            return f"pad={width}:{height}:(ow-iw)/2:(oh-ih)/2"
        case Crop(width, height):
            return f"crop={width}:{height}:0:0"
        case FrameRate(rate):
            return f"fps={_number(rate)}"
        case SquarePixels():
            return "setsar=1"
        case DrawCaptions(width, height):
            return f"ass=filename={CAPTIONS_FILE}:fontsdir={FONTS_FOLDER}:original_size={width}x{height}"
        case PixelFormat(name):
            return f"format={name}"


def _audio(tracks: Sequence[AudioTrack]) -> list[str]:
    arguments: list[str] = []
    for number, track in enumerate(tracks):
        arguments += ["-map", f"{track.source}:{track.stream}"]
        match track:
            case CopyAudio():
                arguments += [f"-c:a:{number}", "copy"]
            case EncodeAudio():
                arguments += _encoded_audio(track, number)
    return arguments


def _encoded_audio(track: EncodeAudio, number: int) -> list[str]:
    arguments = [f"-c:a:{number}", track.encoder, f"-b:a:{number}", str(track.bitrate_bps)]
    if track.channels:
        arguments += [f"-ac:a:{number}", str(track.channels)]
    if track.sample_rate_hz:
        arguments += [f"-ar:a:{number}", str(track.sample_rate_hz)]
    if track.filters:
        arguments += [f"-filter:a:{number}", ",".join(_audio_filter(entry) for entry in track.filters)]
    return arguments


def _audio_filter(entry: AudioFilter) -> str:
    match entry:
        case SkipStart(duration):
            return f"atrim=start={_seconds(duration)},asetpts=PTS-STARTPTS"
        case Delay(duration):
            return f"adelay=delays={round(duration.total_seconds() * 1000)}:all=1"
        case Gain(decibels):
            return f"volume={_number(decibels)}dB"
        case FadeIn(start, duration):
            return f"afade=type=in:start_time={_seconds(start)}:duration={_seconds(duration)}"
        case FadeOut(start, duration):
            return f"afade=type=out:start_time={_seconds(start)}:duration={_seconds(duration)}"
        case PadSilence(until):
            return "apad" if until is None else f"apad=whole_dur={_seconds(until)}"
        case ChannelLayouts(names):
            return f"aformat=channel_layouts={'|'.join(names)}"


def _seconds(duration: timedelta) -> str:
    return f"{duration / timedelta(seconds=1):.6f}"


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")

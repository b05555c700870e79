"""A plan → FFmpeg's command line. Pure.

No text of a user gets into it: captions are a file of fixed name in the working folder, inputs are absolute paths
under `file:`, filters are made of numbers.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from servicekit.media.demuxers import reading_options
from servicekit.media.outputs import Container, VideoCodec
from worker.media.audio_filters import audio_filter
from worker.media.captions import SCRIPT_FILE
from worker.media.encoders import encoder_options
from worker.media.input_limits import MAX_PIXELS
from worker.media.numbers import number_of, seconds
from worker.media.plan import (
    AudioFilter,
    AudioTrack,
    CopyAudio,
    CopyVideo,
    Crop,
    Decoding,
    Deinterlace,
    DrawCaptions,
    DrawStrips,
    EncodeAudio,
    EncodeVideo,
    FillGaps,
    FrameRate,
    Input,
    Join,
    JoinedFiles,
    JpegPixels,
    KeepTime,
    LoudnessMeter,
    MediaFile,
    OverlayStrips,
    PadPicture,
    PixelFormat,
    Plan,
    RawFrames,
    Scale,
    ScaleOnGpu,
    ShiftTime,
    Sound,
    SquarePixels,
    StripBox,
    SubtitleTrack,
    ToneMap,
    UnrollSound,
    VideoFilter,
    WrittenFile,
)
from worker.media.still_captions import IMAGES

FONTS_FOLDER = "fonts"
STRIP_SCRIPT = "strips.ass"
STRIPS_FILE = "strips.ffconcat"
BOXES_FILE = "boxes.txt"
JOIN_FILE = "join.txt"

READING_LIMITS = ["-max_pixels", str(MAX_PIXELS)]
_TIMED_DEMUXERS = frozenset({"mov", "matroska", "webm", "flv", "nut"})

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
SOUND_DEMUXER = "mov"
# Of the formats for samples, this one can be written to a pipe, names the channels, and may be longer than 4 GiB.
UNROLLED_DEMUXER = "caf"
# MP4 keeps the length of the priming, so that a copy of the sound is as exact as the sound itself.
_SOUND_FORMAT = _FORMATS[Container.MP4]
_NO_FORMAT = ["-f", "null", "-"]
_OUTPUT = "pipe:1"
# Times come in milliseconds where frames have finer ones.
_TIME_ROUNDING = timedelta(milliseconds=1)
FPS_MODE_SINCE = (5, 1)
_DEMUX_TIME_BASE_SINCE = (6, 1)


def ffmpeg_arguments(plan: Plan, *, progress_fd: int) -> list[str]:
    """Returns what follows the program's name: output on standard output, progress on `progress_fd`.

    FFmpeg has to run in the folder that `Workdir` prepared for the plan.
    """
    graph = _Graph()
    _join_in_turn(plan, graph)
    streams = [*_video(plan), *_audio(plan, plan.audio, graph), *_subtitles(plan.subtitles)]
    return [
        *_reading(plan, progress_fd),
        *graph.options(),
        *streams,
        *_ending(plan),
        *_FORMATS[plan.container],
        _OUTPUT,
    ]


def sound_arguments(plan: Plan, track: EncodeAudio, *, progress_fd: int) -> list[str]:
    """Returns the command line that encodes one sound track of the plan, and nothing else, into a fragmented MP4."""
    graph = _Graph()
    sound = _audio(plan, [track], graph)
    return [*_reading(plan, progress_fd), *graph.options(), *sound, "-vn", *_ending(plan), *_SOUND_FORMAT, _OUTPUT]


def metering_arguments(plan: Plan, track: EncodeAudio, *, progress_fd: int) -> list[str]:
    """Returns the command line that measures the loudness of one sound track of the plan before it is encoded.

    The picture runs along where only it knows when the output ends.
    """
    graph = _Graph()
    sound = _sounds(replace(track, filters=(*track.filters, LoudnessMeter())), 0, graph)
    picture = ["-map", f"0:{_first_picture(plan)}", "-c:v", "copy"] if plan.shortest else ["-vn"]
    return [*_reading(plan, progress_fd), *graph.options(), *picture, *sound, *_ending(plan), *_NO_FORMAT]


def metering_file_arguments(path: Path, *, progress_fd: int) -> list[str]:
    """Returns the command line that measures the loudness of a file that `sound_arguments` made."""
    meter = audio_filter(LoudnessMeter())
    return [
        *telling(progress_fd),
        *_input(MediaFile(path=path, demuxer=SOUND_DEMUXER), is_copied=False),
        "-af",
        meter,
        *_NO_FORMAT,
    ]


def unrolling_arguments(plan: Plan, preparation: UnrollSound, *, progress_fd: int) -> list[str]:
    """Returns the command line that decodes a sound track of an input, into what UNROLLED_DEMUXER reads."""
    entry = _input(plan.inputs[preparation.source], is_copied=False)
    sound = ["-map", f"0:{preparation.stream}", "-af", audio_filter(FillGaps()), "-c:a", "pcm_f32le"]
    return [*telling(progress_fd), *entry, *sound, "-f", UNROLLED_DEMUXER, _OUTPUT]


def strip_box_arguments(preparation: DrawStrips, images: int, *, progress_fd: int) -> list[str]:
    """Returns the command line that writes which part of each image has a caption, for so many images."""
    look = f"alphaextract,bbox=min_val=1,metadata=mode=print:file={BOXES_FILE}"
    return [*telling(progress_fd), *_canvas(preparation, images, look), *_NO_FORMAT]


def strip_arguments(preparation: DrawStrips, images: int, box: StripBox, *, progress_fd: int) -> list[str]:
    """Returns the command line that draws the images, cut to the box, into the folder that FFmpeg runs in.

    libass's colours come out dimmed by their own transparency; an overlay expects them as they are.
    """
    cut = f"crop={box.width}:{box.height}:{box.left}:{box.top}"
    drawn = f"{cut},format=gbrap,unpremultiply=inplace=1,format=rgba"
    return [*telling(progress_fd), *_canvas(preparation, images, drawn), "-f", "image2", "-c:v", "png", "-y", IMAGES]


def _canvas(preparation: DrawStrips, images: int, filters: str) -> list[str]:
    """One transparent picture a second, with the caption of that second."""
    size = f"{preparation.width}x{preparation.height}"
    shown = f"{preparation.displayed_width}x{preparation.displayed_height}"
    draw = f"ass=filename={STRIP_SCRIPT}:fontsdir={FONTS_FOLDER}:original_size={shown}:alpha=1"
    canvas = f"color=color=black@0:size={size}:rate=1:duration={images},format=rgba"
    return ["-f", "lavfi", "-i", f"{canvas},{draw},{filters}"]


def telling(progress_fd: int) -> list[str]:
    log = ["-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info"]
    return [*log, "-progress", f"pipe:{progress_fd}", "-stats_period", "0.25"]


def _reading(plan: Plan, progress_fd: int) -> list[str]:
    arguments = telling(progress_fd)
    copies = isinstance(plan.video, CopyVideo)
    for number, entry in enumerate(plan.inputs):
        arguments += _input(entry, is_copied=copies and number == 0)
    return arguments


def _ending(plan: Plan) -> list[str]:
    # Titles and chapters of the input may hold anything; a chapter would even become a stream of its own in MP4.
    arguments = ["-map_chapters", "-1", *([] if plan.subtitles else ["-sn"]), "-dn"]
    if plan.skip:
        arguments += ["-ss", seconds(plan.skip)]
    if plan.skip or any(isinstance(entry, MediaFile) and entry.seek for entry in plan.inputs):
        # Without it a copy begins at the key frame before, since seeking lands a little early on purpose.
        arguments += ["-copypriorss", "0"]
    if plan.end is not None:
        arguments += ["-t", seconds(plan.end)]
    if plan.shortest:
        arguments += ["-shortest"]
    return arguments


def _first_picture(plan: Plan) -> int:
    if plan.video is None:
        raise AssertionError("what ends with its picture has one")
    return plan.video.stream if isinstance(plan.video, CopyVideo) else plan.video.pictures[0].stream


def _input(entry: Input, *, is_copied: bool) -> list[str]:
    match entry:
        case MediaFile():
            seek = ["-ss", seconds(entry.seek)] if entry.seek else []
            # A decoder finds out the times of what has none, as pictures in AVI; a copy needs them made up.
            missing = ["-fflags", "+genpts"] if is_copied and entry.demuxer not in _TIMED_DEMUXERS else []
            again = ["-stream_loop", "-1"] if entry.repeated else []
            reading = [
                *again,
                *READING_LIMITS,
                *reading_options(entry.demuxer),
                *missing,
                *seek,
                *_DECODING[entry.decoding],
            ]
            return [*reading, "-i", f"file:{entry.path.absolute()}"]
        case JoinedFiles():
            # The list is ours, its entries are links of fixed names, and none of them may be another list.
            formats = ["-format_whitelist", f"concat,{entry.demuxer}"]
            listing = ["-protocol_whitelist", "file", *formats, "-f", "concat", "-safe", "0", "-i", JOIN_FILE]
            return [*READING_LIMITS, *listing]
        case WrittenFile(name=name, demuxer=demuxer):
            return ["-protocol_whitelist", "file", "-f", demuxer, "-i", f"file:{name}"]
        case RawFrames():
            size = f"{entry.width}x{entry.height}"
            raw = ["-f", "rawvideo", "-pixel_format", "yuv420p", "-video_size", size]
            return [*raw, "-framerate", number_of(entry.frame_rate), "-i", "pipe:0"]


_DECODING: dict[Decoding, list[str]] = {
    Decoding.CPU: [],
    # Frames come down by themselves, and what NVDEC does not take after all is decoded on the CPU.
    Decoding.GPU: ["-hwaccel", "cuda"],
    # One device for all: uploads of filters would open one of their own, whose frames do not meet the decoder's.
    Decoding.GPU_FRAMES: [
        *["-init_hw_device", "cuda=gpu", "-filter_hw_device", "gpu"],
        *["-hwaccel", "cuda", "-hwaccel_device", "gpu", "-hwaccel_output_format", "cuda"],
    ],
}


class _Graph:
    """The filters that join several inputs; a stream of one input has its filters as an option of its own."""

    def __init__(self) -> None:
        self._chains: list[str] = []

    def options(self) -> list[str]:
        return ["-filter_complex", ";".join(self._chains)] if self._chains else []

    def add(self, inputs: Sequence[str], filters: str, output: str) -> str:
        """Adds a chain from labels of inputs to a new one, which it returns."""
        self._chains.append(f"{''.join(f'[{label}]' for label in inputs)}{filters}[{output}]")
        return output


def _exact_end(video: CopyVideo) -> list[str]:
    """FFmpeg ends a copy by when packets are decoded, which is a few frames after the time they are shown at."""
    if video.until is None:
        return []
    return ["-bsf:v", f"noise=drop=gte(pts*tb\\,{seconds(video.until - _TIME_ROUNDING)})"]


def _held(video: CopyVideo) -> list[str]:
    """Makes the last packet last to the end; that there is no other after it is what `NEXT_DTS` tells then."""
    if video.hold_until is None:
        return []
    left = f"max(DURATION,{seconds(video.hold_until)}/TB-DTS)"
    return ["-bsf:v", f"setts=pts=PTS:dts=DTS:duration='if(eq(NEXT_DTS,NOPTS),{left},DURATION)'"]


_PICTURE = "v"
_SOUND = "a{number}"


def _join_in_turn(plan: Plan, graph: _Graph) -> None:
    """Joins picture and sound of several inputs in one filter, which fills the shorter of both with silence.

    Two filters would let them drift apart by the difference of each input.
    """
    if not isinstance(plan.video, EncodeVideo) or len(plan.video.pictures) == 1:
        return
    video = plan.video
    tracks = [track for track in plan.audio if isinstance(track, EncodeAudio)]
    labels: list[str] = []
    for number, one in enumerate(video.pictures):
        labels.append(graph.add([f"{one.source}:{one.stream}"], video_filters(one.filters), f"v{number}"))
        labels += [_part(graph, track.sounds[number], f"a{n}.{number}") for n, track in enumerate(tracks)]
    outputs = [f"joined{n}" for n in range(len(tracks))]
    joined = f"concat=n={len(video.pictures)}:v=1:a={len(tracks)}"
    graph.add(labels, joined, "][".join(["joined", *outputs]))
    graph.add(["joined"], video_filters(video.filters), _PICTURE)
    for number, (track, output) in enumerate(zip(tracks, outputs, strict=True)):
        graph.add([output], _audio_filters(track.filters), _SOUND.format(number=number))


def _part(graph: _Graph, sound: Sound, label: str) -> str:
    filters = _audio_filters(sound.filters)
    if sound.source is None:
        return graph.add([], f"anullsrc=duration=0.001,{filters}", label)
    return graph.add([f"{sound.source}:{sound.stream}"], filters, label)


def _video(plan: Plan) -> list[str]:
    video = plan.video
    match video:
        case None:
            return ["-vn"]
        case CopyVideo():
            return [
                "-map",
                f"0:{video.stream}",
                "-c:v",
                "copy",
                *_exact_end(video),
                *_held(video),
                *_tag(video, plan.container),
            ]
        case EncodeVideo():
            begin = f"{seconds(plan.begin)}+" if plan.begin else ""
            keyframes = ["-force_key_frames", f"expr:gte(t,{begin}n_forced*{_KEYFRAME_SECONDS})"]
            colours = _RAW_COLOURS if isinstance(plan.inputs[0], RawFrames) else []
            return [
                *_pictures(video),
                *_timestamps(plan, video),
                *encoder_options(video),
                *keyframes,
                *colours,
                *_tag(video, plan.container),
            ]


def _pictures(video: EncodeVideo) -> list[str]:
    if len(video.pictures) > 1:
        return ["-map", f"[{_PICTURE}]"]
    (only,) = video.pictures
    return ["-map", f"{only.source}:{only.stream}", "-vf", video_filters((*only.filters, *video.filters))]


def video_filters(filters: Sequence[VideoFilter]) -> str:
    return ",".join(map(_video_filter, filters)) or "null"


_RAW_COLOURS = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]


def _timestamps(plan: Plan, video: EncodeVideo) -> list[str]:
    """Keeps the timestamps of a variable frame rate: by default FFmpeg rounds them to a rate it guesses (5 ms off)."""
    mode = ["-fps_mode" if plan.ffmpeg_release >= FPS_MODE_SINCE else "-vsync", "vfr"]
    filters = [*video.filters, *(entry for one in video.pictures for entry in one.filters)]
    if isinstance(plan.inputs[0], RawFrames) or any(isinstance(entry, FrameRate) for entry in filters):
        return mode
    return [*mode, "-enc_time_base", "demux" if plan.ffmpeg_release >= _DEMUX_TIME_BASE_SINCE else "-1"]


def _tag(video: CopyVideo | EncodeVideo, container: Container) -> list[str]:
    """Apple's players take HEVC only under this name."""
    hevc = video.codec in ("hevc", VideoCodec.HEVC)
    return ["-tag:v", "hvc1"] if hevc and container in (Container.MP4, Container.MOV) else []


# In linear light, at the 100 nits that BT.709 is mastered for; hable keeps detail in what is brighter.
_TONE_MAP = (
    "zscale=transfer=linear:npl=100,format=gbrpf32le,zscale=primaries=bt709,tonemap=tonemap=hable:desat=0,"
    "zscale=transfer=bt709:matrix=bt709:range=limited"
)


def _video_filter(entry: VideoFilter) -> str:  # noqa: C901, PLR0912 - one case for each kind
    match entry:
        case Scale(width, height):
            return f"scale={width}:{height}:flags=bicubic"
        case ScaleOnGpu(width, height):
            return f"scale_cuda=w={width}:h={height}:interp_algo=bicubic"
        case PadPicture(width, height):
            return f"pad={width}:{height}:(ow-iw)/2:(oh-ih)/2"
        case Crop(width, height):
            return f"crop={width}:{height}:0:0"
        case FrameRate(rate):
            return f"fps={number_of(rate)}"
        case SquarePixels():
            return "setsar=1"
        case Deinterlace():
            return "bwdif=mode=send_frame:deint=interlaced"
        case ToneMap():
            return _TONE_MAP
        case DrawCaptions(width, height):
            return f"ass=filename={SCRIPT_FILE}:fontsdir={FONTS_FOLDER}:original_size={width}x{height}"
        case ShiftTime(by):
            return f"setpts=PTS+{seconds(by)}/TB"
        case KeepTime(start, end):
            return f"trim=start={seconds(start)}" + ("" if end is None else f":end={seconds(end)}")
        case OverlayStrips(matrix, box):
            return _overlaid(matrix, box)
        case PixelFormat(name):
            return f"format={name}"
        case JpegPixels(matrix):
            return f"scale=in_color_matrix={matrix}:out_color_matrix=bt601:out_range=full,format=yuvj420p"


def _overlaid(matrix: str, box: StripBox | None) -> str:
    """Transparency needs yuva420p on yuv420p: on nv12 the filter takes nothing transparent (read in its source)."""
    assert box is not None, "strips are drawn before they are laid over pictures"
    strips = f"movie=filename={STRIPS_FILE}:format_name=concat,scale=out_color_matrix={matrix}:out_range=tv"
    return (
        f"scale_cuda=format=yuv420p[pictures];{strips},format=yuva420p,hwupload[strips];"
        f"[pictures][strips]overlay_cuda=x={box.left}:y={box.top}"
    )


def _audio(plan: Plan, tracks: Sequence[AudioTrack], graph: _Graph) -> list[str]:
    arguments: list[str] = []
    for number, track in enumerate(tracks):
        match track:
            case CopyAudio():
                arguments += ["-map", f"{track.source}:{track.stream}", f"-c:a:{number}", "copy"]
                arguments += _unpacked(plan.inputs[track.source], track, number)
            case EncodeAudio():
                arguments += _encoded_audio(track, number, graph)
    return arguments


def _unpacked(entry: Input, track: CopyAudio, number: int) -> list[str]:
    """Transport streams and bare files carry AAC in frames with headers of their own, which no other container does."""
    bare = isinstance(entry, MediaFile) and entry.demuxer not in _TIMED_DEMUXERS
    return [f"-bsf:a:{number}", "aac_adtstoasc"] if bare and track.codec == "aac" else []


def _encoded_audio(track: EncodeAudio, number: int, graph: _Graph) -> list[str]:
    arguments = _sounds(track, number, graph)
    arguments += [f"-c:a:{number}", track.encoder, f"-b:a:{number}", str(track.bitrate_bps)]
    if track.sample_rate_hz:
        arguments += [f"-ar:a:{number}", str(track.sample_rate_hz)]
    if track.language:
        arguments += [f"-metadata:s:a:{number}", f"language={track.language}"]
    return arguments


def _sounds(track: EncodeAudio, number: int, graph: _Graph) -> list[str]:
    label = _SOUND.format(number=number)
    if len(track.sounds) == 1:
        (only,) = track.sounds
        filters = (*only.filters, *track.filters)
        mapped = ["-map", f"{only.source}:{only.stream}"]
        return [*mapped, f"-filter:a:{number}", _audio_filters(filters)] if filters else mapped
    if track.join is not Join.IN_TURN:
        labels = [_part(graph, one, f"{label}.{n}") for n, one in enumerate(track.sounds)]
        if track.join is Join.DUCKED:
            labels = _ducked(labels, label, graph)
        # As loud as they are; what is too loud together is for GuardPeaks.
        mixed = f"amix=inputs={len(labels)}:duration=longest:normalize=0"
        graph.add(labels, f"{mixed},{_audio_filters(track.filters)}", label)
    return ["-map", f"[{label}]"]


def _ducked(labels: Sequence[str], name: str, graph: _Graph) -> list[str]:
    """Lowers the first sound while the second is heard.

    The compressor ends with the first of its inputs, so the second goes on in silence there.
    """
    first, second = labels
    key, heard = f"{name}.key", f"{name}.heard"
    graph.add([second], f"asplit[{key}]", heard)
    keyed = graph.add([key], "apad", f"{name}.keyed")
    return [graph.add([first, keyed], DUCKING, f"{name}.ducked"), heard]


# Sound of -20 dBFS, as speech usually has, lowers what is under it by 14 dB, within a syllable, and holds it through
# the pauses between words (`tools/measure_sound.py`).
DUCKING = "sidechaincompress=threshold=0.02:ratio=8:attack=20:release=500:link=maximum"


def _audio_filters(filters: Sequence[AudioFilter]) -> str:
    return ",".join(map(audio_filter, filters)) or "anull"


def _subtitles(tracks: Sequence[SubtitleTrack]) -> list[str]:
    arguments: list[str] = []
    for number, track in enumerate(tracks):
        arguments += ["-map", f"{track.source}:0", f"-c:s:{number}", "copy"]
        arguments += [f"-disposition:s:{number}", "default"]
        if track.language:
            arguments += [f"-metadata:s:s:{number}", f"language={track.language}"]
    return arguments

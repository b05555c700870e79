"""Every decision of a plan, and the command line it becomes."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from servicekit.media.operations import AddAudio, AssetSource, Caption, ImageToVideo, Operation
from servicekit.media.outputs import (
    AudioCodec,
    AudioEncoding,
    Container,
    Effort,
    EncoderPolicy,
    FrameSize,
    OutputSpec,
    VideoCodec,
    VideoEncoding,
)
from servicekit.media_info import MediaInfo, StreamInfo, StreamType
from worker.errors import FailureReason, TaskFailed
from worker.fonts.book import FontBook
from worker.hardware.capabilities import Capabilities, Encoder
from worker.hardware.diagnosis import Diagnosis
from worker.media.arguments import ffmpeg_arguments
from worker.media.plan import EncodeVideo, Plan, ProbedInput
from worker.media.planner import make_plan
from worker.media.stillfile import StillFormat, StillHeader

ANY = AssetSource(asset="assets/any")
CAPTION = Caption(video=ANY, subtitles=ANY)
SOUND = AddAudio(video=ANY, audio=ANY)
COPY = OutputSpec(video=VideoEncoding(codec=VideoCodec.COPY))
SRT = b"1\n00:00:00,000 --> 00:00:01,000\nHello\n"
SECONDS = timedelta(seconds=1)

VIDEO = StreamInfo(
    index=0,
    type=StreamType.VIDEO,
    codec="h264",
    duration=10 * SECONDS,
    width=1280,
    height=720,
    frame_rate=25,
    pixel_format="yuv420p",
    bit_depth=8,
)
AUDIO = StreamInfo(index=1, type=StreamType.AUDIO, codec="aac", duration=10 * SECONDS, channels=2, sample_rate_hz=48000)


def machine(*, nvenc: bool = False, release: str = "n9.0.2-17", without: tuple[str, ...] = ()) -> Capabilities:
    codecs = {"264": VideoCodec.H264, "265": VideoCodec.HEVC, "hevc": VideoCodec.HEVC, "av1": VideoCodec.AV1}
    names = ("h264_nvenc", "libx264", "hevc_nvenc", "libx265", "av1_nvenc", "libsvtav1")
    encoders = tuple(
        Encoder(
            name=name,
            codec=next(codec for part, codec in codecs.items() if part in name),
            hardware="nvenc" in name,
            usable=nvenc or "nvenc" not in name,
            reason="no chip",
            diagnosis=Diagnosis.UNSPECIFIED if nvenc or "nvenc" not in name else Diagnosis.NO_ENGINE,
        )
        for name in names
        if name not in without
    )
    return Capabilities(
        gpus=(),
        encoders=encoders,
        filters=(),
        cpu_count=2,
        memory_bytes=1,
        disk_free_bytes=1,
        slots=1,
        ffmpeg_version=release,
        nvenc_driver_floor="",
        fonts=(),
        build="",
    )


def media(*streams: StreamInfo, kind: str = "mov,mp4,m4a,3gp,3g2,mj2") -> MediaInfo:
    return MediaInfo(format=kind, size_bytes=1, duration=10 * SECONDS, streams=streams)


def plan(
    operation: Operation,
    output: OutputSpec | None = None,
    *,
    fonts: FontBook,
    video: MediaInfo | None = None,
    audio: MediaInfo | None = None,
    image: StillHeader | None = None,
    capabilities: Capabilities | None = None,
) -> Plan:
    folder = Path("/nowhere/it's [a] b:c")
    inputs = {
        "video": ProbedInput(path=folder / "video", media=video or media(VIDEO, AUDIO)),
        "subtitles": ProbedInput(path=folder / "subtitles", content=SRT),
    }
    if audio is not None or isinstance(operation, AddAudio):
        inputs["audio"] = ProbedInput(path=folder / "audio", media=audio or media(replace(AUDIO, index=0), kind="mp3"))
    if image is not None:
        inputs["image"] = ProbedInput(path=folder / "image", still=image)
    return make_plan(operation, output or OutputSpec(), inputs, capabilities or machine(), fonts=fonts)


def command(made: Plan) -> str:
    return " ".join(ffmpeg_arguments(made, progress_fd=7))


def encoded(made: Plan) -> EncodeVideo:
    assert isinstance(made.video, EncodeVideo)
    return made.video


def test_a_caption_on_software(fonts: FontBook) -> None:
    made = plan(CAPTION, fonts=fonts)
    assert (made.encoder, made.needs_encoder) == ("libx264", True)
    assert command(made) == (
        "-nostdin -hide_banner -nostats -loglevel level+info -progress pipe:7 -stats_period 0.25 "
        "-max_pixels 67108864 -protocol_whitelist file -format_whitelist mov -enable_drefs 0 "
        "-f mov -i file:/nowhere/it's [a] b:c/video "
        "-map 0:0 -vf ass=filename=captions.ass:fontsdir=fonts:original_size=1280x720,format=yuv420p -fps_mode vfr "
        "-enc_time_base demux -c:v libx264 -preset faster -crf 23 -g 50 -flags:v +cgop -forced-idr 1 "
        "-force_key_frames expr:gte(t,n_forced*2) -map 0:1 -c:a:0 copy -map_chapters -1 -sn -dn "
        "-f mp4 -movflags +frag_keyframe+delay_moov+default_base_moof -frag_duration 2000000 pipe:1"
    )
    assert "Hello" in made.files["captions.ass"]
    assert {path.name for path in made.fonts} == {"DejaVuSans.ttf", "DejaVuSans-Bold.ttf"}


@pytest.mark.parametrize(
    ("policy", "nvenc", "encoder"),
    [
        (EncoderPolicy.ANY, True, "hevc_nvenc"),
        (EncoderPolicy.ANY, False, "libx265"),
        (EncoderPolicy.HARDWARE_ONLY, True, "hevc_nvenc"),
        (EncoderPolicy.SOFTWARE_ONLY, True, "libx265"),
    ],
)
def test_encoder_policy(fonts: FontBook, policy: EncoderPolicy, nvenc: bool, encoder: str) -> None:
    output = OutputSpec(video=VideoEncoding(codec=VideoCodec.HEVC, encoder_policy=policy))
    made = plan(CAPTION, output, fonts=fonts, capabilities=machine(nvenc=nvenc))
    assert made.encoder == encoder
    assert "-tag:v hvc1" in command(made)


def test_no_hardware_where_only_hardware_may(fonts: FontBook) -> None:
    output = OutputSpec(video=VideoEncoding(encoder_policy=EncoderPolicy.HARDWARE_ONLY))
    with pytest.raises(TaskFailed, match="h264_nvenc: no chip; libx264: software is excluded") as failed:
        plan(CAPTION, output, fonts=fonts)
    assert failed.value.reason is FailureReason.ENCODER_UNAVAILABLE
    assert failed.value.metadata == {"codec": "H264", "encoder_policy": "HARDWARE_ONLY", "diagnosis": "NO_ENGINE"}
    assert failed.value.retryable


def test_small_pictures_are_not_for_nvenc(fonts: FontBook) -> None:
    small = media(replace(VIDEO, width=128, height=96))
    assert plan(CAPTION, fonts=fonts, video=small, capabilities=machine(nvenc=True)).encoder == "libx264"


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        (VideoEncoding(quality=18, effort=Effort.BEST), "-preset p7 -rc vbr -cq 18 -b:v 0"),
        (VideoEncoding(quality=0), "-preset p4 -rc vbr -cq 1 -b:v 0"),
        (VideoEncoding(bitrate_bps=4_000_000), "-b:v 4000000 -maxrate 6000000 -bufsize 8000000 -rc vbr"),
    ],
)
def test_rate_control_on_nvenc(fonts: FontBook, encoding: VideoEncoding, words: str) -> None:
    made = plan(CAPTION, OutputSpec(video=encoding), fonts=fonts, capabilities=machine(nvenc=True))
    assert words in command(made)


def test_older_ffmpeg_has_the_older_option(fonts: FontBook) -> None:
    assert "-vsync vfr -enc_time_base -1" in command(
        plan(CAPTION, fonts=fonts, capabilities=machine(release="4.4.2-0ubuntu"))
    )
    assert "-fps_mode vfr" in command(plan(CAPTION, fonts=fonts, capabilities=machine(release="N-117771-g07904231cb")))


@pytest.mark.parametrize(
    ("size", "stream", "expected"),
    [
        (FrameSize(), VIDEO, (1280, 720, "")),
        (FrameSize(), replace(VIDEO, width=1281, height=721), (1280, 720, "crop=1280:720:0:0,")),
        (FrameSize(width=640), VIDEO, (640, 360, "scale=640:360:flags=bicubic,setsar=1,")),
        (FrameSize(height=333), VIDEO, (592, 332, "scale=592:332:flags=bicubic,setsar=1,")),
        (
            FrameSize(width=640, height=640),
            VIDEO,
            (640, 640, "scale=640:360:flags=bicubic,setsar=1,pad=640:640:(ow-iw)/2:(oh-ih)/2,"),
        ),
        (FrameSize(), replace(VIDEO, rotation_degrees=90), (720, 1280, "")),
        (
            FrameSize(height=576),
            replace(VIDEO, width=720, height=576, sample_aspect_ratio=16 / 15),
            (768, 576, "scale=768:576:flags=bicubic,setsar=1,"),
        ),
    ],
)
def test_picture_size(fonts: FontBook, size: FrameSize, stream: StreamInfo, expected: tuple[int, int, str]) -> None:
    made = plan(CAPTION, OutputSpec(video=VideoEncoding(size=size)), fonts=fonts, video=media(stream))
    assert (made.expected.width, made.expected.height) == expected[:2]
    assert f"-vf {expected[2]}ass=" in command(made)


@pytest.mark.parametrize("stream", [replace(VIDEO, width=9000), replace(VIDEO, height=9)])
def test_absurd_sizes_are_refused(fonts: FontBook, stream: StreamInfo) -> None:
    with pytest.raises(TaskFailed, match="each side has to be between") as failed:
        plan(CAPTION, fonts=fonts, video=media(stream))
    assert failed.value.reason is FailureReason.INPUT_INVALID


def test_keyframes_come_every_two_seconds_whatever_the_file_says_of_its_rate(fonts: FontBook) -> None:
    rates = {24: 48, 29.97: 60, 1000: 60, 0: 60}
    for rate, frames in rates.items():
        made = plan(CAPTION, fonts=fonts, video=media(replace(VIDEO, frame_rate=rate)))
        assert encoded(made).keyframe_frames == frames


def test_sound_that_does_not_fit_is_encoded_and_all_tracks_are_kept(fonts: FontBook) -> None:
    tracks = (replace(AUDIO, codec="vorbis", channels=6), replace(AUDIO, index=2))
    made = plan(CAPTION, fonts=fonts, video=media(VIDEO, *tracks))
    assert "-map 0:1 -c:a:0 aac -b:a:0 480000 -ar:a:0 48000 -map 0:2 -c:a:1 copy" in command(made)
    assert made.expected.audio_codecs == ("aac", "aac")


def test_video_without_sound_stays_without(fonts: FontBook) -> None:
    assert plan(CAPTION, fonts=fonts, video=media(VIDEO)).audio == ()


def test_a_cover_picture_is_no_video(fonts: FontBook) -> None:
    cover = replace(VIDEO, codec="mjpeg", attached_picture=True)
    with pytest.raises(TaskFailed, match=r"no video stream; it has video \(mjpeg\), audio \(aac\)\."):
        plan(CAPTION, fonts=fonts, video=media(cover, AUDIO))
    assert encoded(plan(CAPTION, fonts=fonts, video=media(cover, replace(VIDEO, index=3)))).pictures[0].stream == 3


def test_new_sound_copies_the_picture_and_pads_with_silence(fonts: FontBook) -> None:
    short = media(replace(AUDIO, index=0, duration=4 * SECONDS), kind="mp3")
    made = plan(SOUND, COPY, fonts=fonts, audio=short)
    assert not made.needs_encoder
    assert (
        "-map 0:0 -c:v copy -map 1:0 -filter:a:0 aresample=async=1:first_pts=0,"
        "aresample=48000,aformat=sample_fmts=fltp,apad=whole_dur=10.000000 "
        "-c:a:0 aac -b:a:0 160000 -ar:a:0 48000 -map_chapters -1 -sn -dn -t 10.000000" in command(made)
    )


def test_new_sound_with_a_codec_named_encodes_the_picture(fonts: FontBook) -> None:
    assert plan(SOUND, OutputSpec(), fonts=fonts).encoder == "libx264"


def test_unknown_lengths_end_with_the_picture(fonts: FontBook) -> None:
    endless = MediaInfo(format="matroska,webm", size_bytes=1, streams=(replace(VIDEO, duration=None),))
    made = plan(SOUND, COPY, fonts=fonts, video=endless)
    assert "sample_fmts=fltp,apad -c:a:0 aac" in command(made)
    assert "-shortest" in command(made)
    assert made.expected.duration is None


@pytest.mark.parametrize(
    ("operation", "output", "words"),
    [
        (SOUND, replace(COPY, container=Container.WEBM, audio=AudioEncoding(codec=AudioCodec.OPUS)), "h264 cannot be"),
        (SOUND, replace(COPY, container=Container.WEBM), "output.audio.codec: AAC does not go into WEBM"),
        (CAPTION, COPY, "burning captions in changes the picture"),
        (replace(SOUND, audio_offset=-11 * SECONDS), COPY, "skips the whole sound"),
    ],
)
def test_what_does_not_go_together(fonts: FontBook, operation: Operation, output: OutputSpec, words: str) -> None:
    with pytest.raises(TaskFailed, match=words) as failed:
        plan(operation, output, fonts=fonts)
    assert failed.value.reason is FailureReason.INPUT_INVALID


def still(width: int, height: int, orientation: int = 1) -> StillHeader:
    return StillHeader(format=StillFormat.JPEG, width=width, height=height, orientation=orientation)


def test_a_film_of_a_still(fonts: FontBook) -> None:
    made = plan(ImageToVideo(image=ANY), fonts=fonts, image=still(3000, 2000))
    assert made.producer is not None
    assert (made.producer.frames, made.producer.width, made.producer.height) == (120, 1920, 1080)
    assert made.expected.duration == 5 * SECONDS
    assert "-f rawvideo -pixel_format yuv420p -video_size 1920x1080 -framerate 24 -i pipe:0" in command(made)
    assert "-color_range tv" in command(made)


@pytest.mark.parametrize(
    ("header", "size"),
    [
        (still(3000, 2000), (1920, 1080)),
        (still(2000, 3000), (1080, 1920)),
        (still(3000, 2000, orientation=6), (1080, 1920)),
        (still(2000, 3000, orientation=5), (1920, 1080)),
        (still(3000, 2000, orientation=3), (1920, 1080)),
        (still(1, 1), (1920, 1080)),
    ],
)
def test_a_film_is_upright_as_the_still_is_shown(fonts: FontBook, header: StillHeader, size: tuple[int, int]) -> None:
    made = plan(ImageToVideo(image=ANY), fonts=fonts, image=header)
    assert (made.expected.width, made.expected.height) == size


@pytest.mark.parametrize(("rate", "seconds", "frames"), [(1, 0.1, 1), (23.976, 10, 240), (120, 3600, 432_000)])
def test_frames_of_a_film(fonts: FontBook, rate: float, seconds: float, frames: int) -> None:
    operation = ImageToVideo(image=ANY, frame_rate=rate, duration=seconds * SECONDS)
    made = plan(operation, fonts=fonts, image=still(3000, 2000))
    assert made.producer is not None
    assert made.producer.frames == frames
    assert made.expected.duration == frames / rate * SECONDS


def test_sound_for_a_film_is_padded_to_its_length(fonts: FontBook) -> None:
    made = plan(ImageToVideo(image=ANY), fonts=fonts, image=still(3000, 2000), audio=media(replace(AUDIO, index=0)))
    assert "apad=whole_dur=5.000000" in command(made)
    assert "-t 5.000000" in command(made)


def test_a_still_of_too_many_pixels_is_refused_before_it_is_decoded(fonts: FontBook) -> None:
    with pytest.raises(TaskFailed, match="50000x50000 pixels; more than 100 million"):
        plan(ImageToVideo(image=ANY), fonts=fonts, image=still(50_000, 50_000))


def test_a_strip_that_would_give_an_absurd_frame_is_refused(fonts: FontBook) -> None:
    output = OutputSpec(video=VideoEncoding(size=FrameSize(height=1080)))
    with pytest.raises(TaskFailed, match="1080000x1080"):
        plan(ImageToVideo(image=ANY), output, fonts=fonts, image=still(1000, 1))

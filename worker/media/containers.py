"""Which streams a container takes when they are copied, by the probe's names of codecs; None takes every one.

From FFmpeg's muxers (libavformat/movenc.c, matroskaenc.c, release 9.0), less what common players do not read.
"""

from collections.abc import Mapping

from servicekit.media.outputs import Container

VIDEO_CODECS: Mapping[Container, frozenset[str] | None] = {
    Container.MP4: frozenset({"h264", "hevc", "av1", "vp9", "mpeg4", "mpeg2video"}),
    Container.MOV: frozenset({"h264", "hevc", "mpeg4", "prores", "mjpeg"}),
    Container.MKV: None,
    Container.WEBM: frozenset({"vp8", "vp9", "av1"}),
}
AUDIO_CODECS: Mapping[Container, frozenset[str] | None] = {
    Container.MP4: frozenset({"aac", "mp3", "ac3", "eac3", "opus", "alac"}),
    Container.MOV: frozenset({"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s24le"}),
    Container.MKV: None,
    Container.WEBM: frozenset({"opus", "vorbis"}),
}

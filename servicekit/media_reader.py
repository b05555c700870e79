"""Reads media files in a process of its own, which a hostile file may at worst kill.

Started as `python -m servicekit.media_reader`; each line of stdin is a question, each line of stdout its answer, in
JSON: `{"question": "probe" | "check" | "cuts" | "pace", "path": …}` → `{"answer": …}` or
`{"unreadable": "{it} … why"}`, in which `{it}` is where whoever asked puts the name of the file. "cuts" takes `times`
as well, "check" `borders`.
"""

import hashlib
import json
import os
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition

from servicekit.confined import Bounds, confine
from servicekit.media.demuxers import DEMUXERS

_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": ",".join(sorted(DEMUXERS))}
# A reference frame of 8K in 4:4:4 and 16 bit is 200 MB; beyond this a file means harm.
_MEMORY_BYTES = 4 * 1024**3
_OPEN_FILES = 64
_TAGGED_DURATION = re.compile(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d{1,9})?)")
# Formats that know where their key frames are. In others a seek lands anywhere, after a key frame as well as before.
_INDEXED = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"})
# By the numbers of ITU-T H.273, which FFmpeg shares; the others make no difference to any plan.
_TRANSFERS = {1: "bt709", 16: "smpte2084", 18: "arib-std-b67"}
_PRIMARIES = {1: "bt709", 5: "bt470bg", 6: "smpte170m", 9: "bt2020"}
_MATRICES = {1: "bt709", 5: "bt470bg", 6: "smpte170m", 9: "bt2020nc"}
# Times come in milliseconds where frames have finer ones.
_TIME_ROUNDING = 0.001
# More than any encoder puts out of order.
_REORDERED_PACKETS = 64
# Packets looked at for one picture; a stream that shows none among them is broken.
_PACKETS_FOR_A_FRAME = 2000
# Less than a frame lasts, and more than a clock rounds.
_NEAR_SECONDS = 0.003
# A few frames behind a border: those that would refer to what is not there.
_BEHIND_SECONDS = 0.3


class _Unreadable(Exception):
    """Why, for people, with `{it}` for the file."""


def probe(path: str) -> dict[str, Any]:
    """Returns the fields of MediaInfo; durations in seconds."""
    with _opened(path) as container:
        frame = None
        with suppress(_Unreadable):
            frame = _first_frame(container, _main_stream(container), "")
        return _info(container, path, frame)


def check(path: str, borders: Sequence[float] = ()) -> dict[str, Any]:
    """The same, and decodes the first picture and the one at the last key frame; raises where one cannot be had.

    At the borders, in seconds, key frames have to be, and the pictures around them are decoded.
    """
    for border in borders:
        _decode_across(path, border)
    with _opened(path) as container:
        stream = _main_stream(container)
        frame = _first_frame(container, stream, "{it}'s first frame cannot be decoded")
        if container.duration and container.duration > av.time_base / 2:
            # To the end, backwards to a key frame: what a file that was cut off does not have.
            container.seek(container.duration + (container.start_time or 0), backward=True)
            _first_frame(container, stream, "{it}'s last frames cannot be decoded; the file is cut off or damaged")
        return _info(container, path, frame)


def cuts(path: str, times: list[float]) -> list[dict[str, Any]]:
    """Returns for each time, in seconds from the start, how the picture can be cut there without encoding it.

    `keyframe` is the time of the last key frame that is not later (None: there is none). `clean` tells whether the
    first frame at that time or later is a key frame that no later frame of the file is shown before, so that neither
    side of the cut needs the other; `keyframe` is then that one.
    """
    with _opened(path) as container:
        stream = _main_stream(container)
        if stream.type != "video":
            return [{"keyframe": None, "clean": False} for _ in times]
        return [_cut(container, stream, time) for time in times]


def _cut(container: InputContainer, stream: Any, time: float) -> dict[str, Any]:
    zero = (container.start_time or 0) / av.time_base
    earliest, latest = time - _TIME_ROUNDING, time - _TIME_ROUNDING + 1 / float(stream.average_rate or 25)
    target = zero + latest if container.format.name in _INDEXED else zero
    container.seek(round(target / stream.time_base), stream=stream, backward=True)
    keyframe, clean, following = None, False, 0
    for packet in container.demux(stream):
        if packet.pts is None or following > _REORDERED_PACKETS:
            break
        shown = float(packet.pts * packet.time_base) - zero
        if shown > latest and not clean:
            break
        if packet.is_keyframe and shown <= latest:
            keyframe, clean = shown, shown >= earliest
        elif clean and keyframe is not None:
            clean = shown > keyframe
        following += clean
    return {"keyframe": keyframe, "clean": clean}


def _decode_across(path: str, border: float) -> None:
    """Decodes what is around a time at which a key frame has to be; any error of the decoder counts."""
    complaint = f"{{it}} cannot be decoded at {border:.3f} s, where its parts meet"
    with _opened(path) as container:
        stream = _main_stream(container)
        stream.codec_context.options = {"err_detect": "explode"}
        # From the key frame of the group in front.
        container.seek(max(int((border - _NEAR_SECONDS) * av.time_base), 0), backward=True)
        met = False
        try:
            for count, packet in enumerate(container.demux(stream)):
                for frame in packet.decode():
                    met = met or (frame.key_frame and abs(frame.time - border) < _NEAR_SECONDS)
                    if met and frame.time > border + _BEHIND_SECONDS:
                        return
                if count > _PACKETS_FOR_A_FRAME:
                    break
        except av.error.FFmpegError as error:
            raise _Unreadable(complaint) from error
        if not met:
            raise _Unreadable(complaint)


def pace(path: str) -> dict[str, Any]:
    """Reads the whole file, without decoding, and returns how its pictures follow each other.

    `end` is when the last one ends, in seconds from the start, `frames` how many there are, `key_frames` how many of
    them need no other, and `longest_gap` the longest time in seconds without the start of one of those.
    """
    with _opened(path) as container:
        stream = _main_stream(container)
        zero = (container.start_time or 0) / av.time_base
        rate = float(stream.average_rate or 25) if stream.type == "video" else 0.0
        end, frames, keys = 0.0, 0, []
        # A file that ends in the middle has the pictures before that.
        with suppress(av.error.FFmpegError):
            for packet in container.demux(stream) if rate else ():
                if not packet.size:
                    continue
                # Bare streams have no times.
                shown = frames / rate if packet.pts is None else float(packet.pts * packet.time_base) - zero
                end = max(end, shown + (float(packet.duration * packet.time_base) if packet.duration else 1 / rate))
                frames += 1
                if packet.is_keyframe:
                    keys.append(shown)
        gaps = [later - earlier for earlier, later in pairwise([0.0, *sorted(keys), end])]
        return {"end": end, "frames": frames, "key_frames": len(keys), "longest_gap": max(gaps)}


def _info(container: InputContainer, path: str, first_frame: Any) -> dict[str, Any]:
    if not len(container.streams):
        raise _Unreadable("{it} holds no stream")
    streams = [_stream(stream) for stream in container.streams]
    if isinstance(first_frame, av.VideoFrame):
        main = streams[_main_stream(container).index]
        # The display matrix comes with the frame; it turns counter-clockwise, we count clockwise.
        main["rotation_degrees"] = -first_frame.rotation % 360
        main["interlaced"] = bool(first_frame.interlaced_frame)
    return {
        "format": container.format.name,
        "size_bytes": Path(path).stat().st_size,
        "start_time": (container.start_time or 0) / av.time_base,
        "duration": container.duration / av.time_base if container.duration else None,
        "bit_rate_bps": container.bit_rate or 0,
        "streams": streams,
    }


@contextmanager
def _opened(path: str) -> Iterator[InputContainer]:
    _refuse_what_is_no_file(path)
    # Through a descriptor, so that nothing in a file's name can be taken for a protocol or an image pattern.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with av.logging.Capture() as log:
        try:
            with av.open(f"/dev/fd/{descriptor}", options=_OPTIONS, metadata_errors="replace") as container:
                yield container
        except (av.error.FFmpegError, ValueError) as error:
            raise _Unreadable(_reason(error, [line for _, _, line in log])) from error
        finally:
            os.close(descriptor)


def _refuse_what_is_no_file(path: str) -> None:
    try:
        status = Path(path).stat()
    except OSError as error:
        raise _Unreadable(f"{{it}} cannot be opened: {error.strerror}") from error
    if stat.S_ISDIR(status.st_mode):
        raise _Unreadable("{it} is a directory")
    if not stat.S_ISREG(status.st_mode):
        raise _Unreadable("{it} is no regular file")
    if status.st_size == 0:
        raise _Unreadable("{it} is empty")


def _reason(error: Exception, log: list[str]) -> str:
    words = " ".join(log)
    if "moov atom not found" in words:
        return "{it}'s index is missing, so it was probably cut off (moov atom not found)"
    if "not on whitelist" in words.lower():
        return "{it} is a playlist or of a kind that is not accepted, since it may point to other files"
    if isinstance(error, av.error.InvalidDataError):
        return "{it} is no media file, or it is damaged beyond reading"
    if isinstance(error, av.error.EOFError):
        return "{it} ends too early"
    return f"{{it}} cannot be read: {error.strerror if isinstance(error, OSError) and error.strerror else error}"


def _main_stream(container: InputContainer) -> Any:
    for stream in (*container.streams.video, *container.streams.audio):
        if not _is_cover(stream):
            return stream
    raise _Unreadable("{it} has neither picture nor sound")


def _is_cover(stream: Any) -> bool:
    return stream.type == "video" and bool(stream.disposition & Disposition.attached_pic)


def _first_frame(container: InputContainer, stream: Any, complaint: str) -> Any:
    try:
        for count, packet in enumerate(container.demux(stream)):
            for frame in packet.decode():
                return frame
            if count > _PACKETS_FOR_A_FRAME:
                break
    except av.error.FFmpegError as error:
        raise _Unreadable(complaint) from error
    raise _Unreadable(complaint)


def _stream(stream: Any) -> dict[str, Any]:
    codec = stream.codec_context
    fields = {
        "index": stream.index,
        "type": stream.type,
        "codec": codec.codec.canonical_name if codec is not None else "",
        "language": "" if stream.language in (None, "und") else stream.language,
        "duration": _duration(stream),
        "parameters": hashlib.sha256(codec.extradata or b"").hexdigest() if codec is not None else "",
    }
    if stream.type == "video" and codec is not None:
        fields |= _video(stream, codec)
    elif stream.type == "audio" and codec is not None:
        layout = codec.layout
        fields |= {
            "channels": codec.channels,
            "channel_layout": layout.name if layout is not None else "",
            "sample_rate_hz": codec.sample_rate,
        }
    return fields


def _duration(stream: Any) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    # Matroska has it in a tag, which FFmpeg and mkvmerge write.
    match = _TAGGED_DURATION.match(stream.metadata.get("DURATION", ""))
    return None if match is None else int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])


def _video(stream: Any, codec: Any) -> dict[str, Any]:
    pixels = codec.format
    return {
        "width": codec.width,
        "height": codec.height,
        "frame_rate": float(stream.average_rate or 0),
        "frames": stream.frames,
        "pixel_format": pixels.name if pixels is not None else "",
        "bit_depth": max((part.bits for part in pixels.components), default=0) if pixels is not None else 0,
        "sample_aspect_ratio": float(stream.sample_aspect_ratio or 1),
        "attached_picture": _is_cover(stream),
        "color_transfer": _TRANSFERS.get(codec.color_trc, ""),
        "color_primaries": _PRIMARIES.get(codec.color_primaries, ""),
        "color_matrix": _MATRICES.get(codec.colorspace, ""),
    }


def _answer(line: str) -> dict[str, Any]:
    question = json.loads(line)
    try:
        match question["question"]:
            case "check":
                return {"answer": check(question["path"], question["borders"])}
            case "cuts":
                return {"answer": cuts(question["path"], question["times"])}
            case "pace":
                return {"answer": pace(question["path"])}
            case _:
                return {"answer": probe(question["path"])}
    except _Unreadable as why:
        return {"unreadable": str(why)}
    except MemoryError:
        return {"unreadable": "{it} needs more memory than a media file may"}


def main() -> None:
    """Answers questions until stdin ends."""
    confine(Bounds(address_space=_MEMORY_BYTES, file_size=0, open_files=_OPEN_FILES, readable=("/",)))
    av.logging.set_level(av.logging.ERROR)
    # Or the same complaint about the next file would be swallowed as a repetition.
    av.logging.set_skip_repeated(False)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answer(line)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

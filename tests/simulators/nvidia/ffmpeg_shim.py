"""An FFmpeg with the NVENC of `gpu.json` beside it. `pretence.install` makes a program of this file.

Where that GPU encodes a codec, NVENC's encoder and its options are said to the software encoder, and the real FFmpeg
takes this process over. Where it does not, FFmpeg's own words about that are printed, as they were seen on such
machines (`tests/fixtures/ffmpeg-logs`), and the exit status is the one seen there.

Frames on the GPU are said to be frames in memory: decoding on it is left out, and CUDA filters become those of the
CPU. With `decode_fails`, decoding anything on the GPU fails as it does where NVDEC does not take a stream.

What a worker only tries is played rather than done, since machines of a simulated market start by the dozen: encodes
of a made-up picture into nothing run at `engine_fps` on each of `engines`, at most `sessions` of NVENC at once, and
decodes of `CODEC.mkv` on the GPU succeed for the codecs in `decodes`.
"""

import contextlib
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

_SOFTWARE = {"h264_nvenc": "libx264", "hevc_nvenc": "libx265", "av1_nvenc": "libsvtav1"}
_PRESETS = {
    "libx264": {"p1": "ultrafast", "p2": "superfast", "p4": "veryfast", "p6": "faster", "p7": "fast"},
    "libx265": {"p1": "ultrafast", "p2": "ultrafast", "p4": "superfast", "p6": "veryfast", "p7": "faster"},
    "libsvtav1": {"p1": "13", "p2": "12", "p4": "11", "p6": "10", "p7": "9"},
}
_DEFAULT_PRESET = "p4"
_TICK_SECONDS = 0.01
_EXTRA = {
    "libx264": ["-flags:v", "+cgop"],
    "libx265": ["-x265-params", "open-gop=0:log-level=warning"],
    "libsvtav1": [],
}
# Options of NVENC that have no counterpart, each with one value.
_NVENC_ONLY = frozenset(
    {"-rc", "-tune", "-multipass", "-spatial-aq", "-spatial_aq", "-temporal-aq", "-temporal_aq", "-rc-lookahead"}
    | {"-surfaces", "-gpu", "-delay", "-zerolatency", "-strict_gop", "-b_ref_mode", "-aq-strength"}
)
_ON_GPU_ONLY = frozenset(
    {"-hwaccel", "-hwaccel_device", "-hwaccel_output_format", "-init_hw_device", "-filter_hw_device"}
)
_CPU_FILTERS = (
    (r"scale_cuda=w=(\d+):h=(\d+):interp_algo=(\w+)", r"scale=\1:\2:flags=\3"),
    (r"scale_cuda=format=(\w+)", r"format=\1"),
    (r"hw(up|down)load(_cuda)?\b", "null"),
    (r"overlay_cuda", "overlay"),
)
# The least driver by the NVENC API that it brings (NVIDIA's release notes of the Video Codec SDK).
_API_BY_DRIVER = (((570,), "13.0"), ((550, 54), "12.2"), ((530, 41), "12.1"), ((520, 56), "12.0"), ((470, 57), "11.1"))
_OLDEST_API = "10.0"


def version_of(text: str) -> tuple[int, ...]:
    """Reads a driver version; what is no number counts as 0."""
    return tuple(int(part) if part.isdigit() else 0 for part in text.split("."))


def nvenc_api(driver: str) -> str:
    """Returns the version of NVENC's API that a driver brings."""
    return next((api for floor, api in _API_BY_DRIVER if version_of(driver) >= floor), _OLDEST_API)


def nvenc_encoder(arguments: list[str]) -> str | None:
    """Returns the NVENC encoder that a command line asks for; None where it asks for none."""
    return next((argument for argument in arguments if argument in _SOFTWARE), None)


def objection(gpu: dict[str, Any], encoder: str) -> tuple[int, list[str]] | None:
    """Returns the exit status and the lines of an FFmpeg that cannot use the encoder; None where it can."""
    if not gpu["driver_version"]:
        return 1, [
            f"[{encoder} @ 0x558c066f70c0] [error] Cannot load libcuda.so.1",
            f"[{encoder} @ 0x558c066f70c0] [verbose] Nvenc unloaded",
            *_NOT_OPENED,
        ]
    found = nvenc_api(gpu["driver_version"])
    if version_of(gpu["driver_version"]) < version_of(gpu["driver_floor"]):
        return 218, [line.format(encoder=encoder, found=found, **_required(gpu)) for line in _TOO_OLD]
    if encoder.partition("_")[0] not in gpu["codecs"]:
        lines = _NO_CODEC if gpu["codecs"] else _NO_CHIP
        return 1, [line.format(encoder=encoder, found=found, **gpu) for line in lines]
    return None


def translated(arguments: list[str]) -> list[str]:
    """Returns the command line for the CPU; what is not about the GPU stays as it is."""
    arguments = in_memory(arguments)
    encoder = nvenc_encoder(arguments)
    if encoder is None:
        return arguments
    software = _SOFTWARE[encoder]
    words, result, preset = iter(arguments), [], _DEFAULT_PRESET
    for word in words:
        if word == encoder:
            result += [software, *_EXTRA[software]]
        elif word == "-preset":
            preset = next(words)
        elif word in _NVENC_ONLY:
            next(words)
        else:
            result += _one_option(word, words, software)
    place = result.index(software) + 1
    return [*result[:place], "-preset", _PRESETS[software].get(preset, _PRESETS[software]["p4"]), *result[place:]]


def in_memory(arguments: list[str]) -> list[str]:
    """Returns the command line with frames in memory where it has them on the GPU."""
    words, result = iter(arguments), []
    for word in words:
        if word in _ON_GPU_ONLY:
            next(words)
        else:
            result.append(word)
    for pattern, filters in _CPU_FILTERS:
        result = [re.sub(pattern, filters, word) for word in result]
    return result


def _one_option(word: str, words: Any, software: str) -> list[str]:
    if word == "-cq":
        return ["-crf", next(words)]
    if word == "-b:v":
        rate = next(words)
        return [] if rate == "0" else [word, rate]
    if software == "libsvtav1" and word in ("-forced-idr", "-maxrate", "-bufsize"):
        next(words)
        return []
    return [word]


def main() -> None:
    """Runs as FFmpeg."""
    gpu = json.loads(Path(__file__).with_name("gpu.json").read_text())
    arguments = sys.argv[1:]
    encoder = nvenc_encoder(arguments)
    problem = (objection(gpu, encoder) if encoder else None) or decode_objection(gpu, arguments)
    if problem is not None:
        _refuse(problem, arguments)
    if _is_trial(arguments):
        _play(gpu, encoder, arguments)
        return
    program = gpu["ffmpeg"]
    os.execv(program, [program, *translated(arguments)])


def decode_objection(gpu: dict[str, Any], arguments: list[str]) -> tuple[int, list[str]] | None:
    """Returns the exit status and the lines of an FFmpeg that cannot decode on the GPU as asked; None where it can."""
    if "-hwaccel" not in arguments:
        return None
    if not gpu["driver_version"]:
        return 1, ["[AVHWDeviceContext @ 0x1] [error] Cannot load libcuda.so.1", *_NO_DEVICE]
    codec = _tried_codec(arguments)
    if codec is None and gpu["decode_fails"]:
        return 218, [line.format(codec="h264") for line in _NOT_DECODED]
    if codec is None or codec in gpu["decodes"]:
        return None
    return 218, [line.format(codec=codec) for line in _NOT_DECODED]


def _is_trial(arguments: list[str]) -> bool:
    """Tells what is only tried from what a job measures, such as where its captions are."""
    made_up = "lavfi" in arguments and not any("ass=" in argument for argument in arguments)
    return "null" in arguments and (made_up or _tried_codec(arguments) is not None)


def _tried_codec(arguments: list[str]) -> str | None:
    found = (re.fullmatch(r"(\w+)\.mkv", argument) for argument in arguments)
    return next((match[1] for match in found if match is not None), None)


def _play(gpu: dict[str, Any], encoder: str | None, arguments: list[str]) -> None:
    frames = int(arguments[arguments.index("-frames:v") + 1]) if "-frames:v" in arguments else 10
    if encoder is None:
        _progress(arguments, frames, "end")
        return
    sessions = Path(__file__).with_name("sessions")
    sessions.mkdir(exist_ok=True)
    session = _open_session(sessions, gpu["sessions"])
    if session is None:
        _refuse((1, [line.format(encoder=encoder, **gpu) for line in _NO_SESSION]), arguments)
        return
    try:
        done, before = 0.0, time.monotonic()
        while done < frames:
            time.sleep(_TICK_SECONDS)
            now, at_once = time.monotonic(), len(list(sessions.iterdir()))
            done += (now - before) * gpu["engine_fps"] * min(1.0, gpu["engines"] / at_once)
            before = now
            _progress(arguments, min(int(done), frames), "continue")
        _progress(arguments, frames, "end")
    finally:
        session.unlink()


def _open_session(sessions: Path, count: int) -> Path | None:
    for number in range(count):
        path = sessions / str(number)
        with contextlib.suppress(FileExistsError):
            path.touch(exist_ok=False)
            return path
    return None


def _progress(arguments: list[str], frames: int, state: str) -> None:
    pipe = int(arguments[arguments.index("-progress") + 1].removeprefix("pipe:"))
    os.write(pipe, f"frame={frames}\nprogress={state}\n".encode())


def _refuse(problem: tuple[int, list[str]], arguments: list[str]) -> None:
    status, lines = problem
    _say(lines, with_levels=any("level+" in argument for argument in arguments))
    sys.exit(status)


def _say(lines: list[str], *, with_levels: bool) -> None:
    for line in lines:
        shown = line if with_levels else line.replace("[error] ", "").replace("[verbose] ", "").replace("[info] ", "")
        sys.stderr.write(f"{shown}\n")
    sys.stderr.flush()


def _required(gpu: dict[str, Any]) -> dict[str, str]:
    return {"required": nvenc_api(gpu["driver_floor"]), "floor": gpu["driver_floor"]}


_MAYBE = "maybe incorrect parameters such as bit_rate, rate, width or height"
_NOT_OPENED = [
    f"[error] Error initializing output stream 0:0 -- Error while opening encoder for output stream #0:0 - {_MAYBE}",
    "[info] Conversion failed!",
]
_CHIP_SEEN = [
    "[{encoder} @ 0x55d03eced540] [verbose] Loaded Nvenc version {found}",
    "[{encoder} @ 0x55d03eced540] [verbose] Nvenc initialized successfully",
    "[{encoder} @ 0x55d03eced540] [verbose] 1 CUDA capable devices found",
    "[{encoder} @ 0x55d03eced540] [verbose] [ GPU #0 - < {name} > has Compute SM {compute_cap} ]",
]
_CHIP_LEFT = [
    "[{encoder} @ 0x55d03eced540] [error] No capable devices found",
    "[{encoder} @ 0x55d03eced540] [verbose] Nvenc unloaded",
    *_NOT_OPENED,
]
_NO_CHIP = [
    *_CHIP_SEEN,
    "[{encoder} @ 0x55d03eced540] [error] OpenEncodeSessionEx failed: unsupported device (2): (no details)",
    *_CHIP_LEFT,
]
_NO_SESSION = [
    "[{encoder} @ 0x55d03eced540] [error] OpenEncodeSessionEx failed: out of memory (10): (no details)",
    *_CHIP_LEFT,
]
_NO_DEVICE = [
    "[error] Device creation failed: -1.",
    "[dec:h264 @ 0x1] [error] No device available for decoder: device type cuda needed for codec h264.",
]
# Put together from libavcodec/nvdec.c and decode.c.
_NOT_DECODED = [
    "[{codec} @ 0x1] [error] Hardware is lacking required capabilities",
    "[{codec} @ 0x1] [error] Failed setup for format cuda: hwaccel initialisation returned error.",
]
# A chip that encodes other codecs opens a session and then does not find this one.
_NO_CODEC = [*_CHIP_SEEN, "[{encoder} @ 0x55d03eced540] [verbose] Codec not supported", *_CHIP_LEFT]
_OUT = "[vost#0:0/{encoder} @ 0x556a2d5c7e00]"
_NEEDED = "Driver does not support the required nvenc API version. Required: {required} Found: {found}"
_NOTHING = "Nothing was written into output file, because at least one of its streams received no packets."
_TOO_OLD = [
    "[{encoder} @ 0x556a2d5c82c0] [error] " + _NEEDED,
    "[{encoder} @ 0x556a2d5c82c0] [error] The minimum required Nvidia driver for nvenc is {floor} or newer",
    _OUT + " [enc:{encoder} @ 0x556a2d5c8240] [error] Error while opening encoder - " + _MAYBE + ".",
    "[vf#0:0 @ 0x556a2d5e3580] [error] Error sending frames to consumers: Function not implemented",
    "[vf#0:0 @ 0x556a2d5e3580] [error] Task finished with error code: -38 (Function not implemented)",
    "[vf#0:0 @ 0x556a2d5e3580] [error] Terminating thread with return code -38 (Function not implemented)",
    _OUT + " [enc:{encoder} @ 0x556a2d5c8240] [error] Could not open encoder before EOF",
    _OUT + " [error] Task finished with error code: -22 (Invalid argument)",
    _OUT + " [error] Terminating thread with return code -22 (Invalid argument)",
    "[out#0/null @ 0x556a2d5c7a80] [error] " + _NOTHING,
]

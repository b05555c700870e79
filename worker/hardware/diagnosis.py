"""What FFmpeg said of a GPU, an encoder or a decoder → what is wrong with it. Pure.

The words are those of FFmpeg 5.1 to 9.0 (`libavcodec/nvenc.c`, `libavcodec/nvdec.c`, `libavutil/hwcontext_cuda.c`,
`libavutil/cuda_check.h`), of the loader in nv-codec-headers (`dynlink_loader.h`), and the names of CUDA's errors.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Diagnosis(StrEnum):
    """Why hardware cannot be used, as `Capabilities.Diagnosis` of the contract has it."""

    UNSPECIFIED = "UNSPECIFIED"
    NO_GPU = "NO_GPU"
    NO_DRIVER = "NO_DRIVER"
    DRIVER_TOO_OLD = "DRIVER_TOO_OLD"
    NO_ENGINE = "NO_ENGINE"
    VIDEO_CAPABILITY_MISSING = "VIDEO_CAPABILITY_MISSING"
    SESSIONS_USED_UP = "SESSIONS_USED_UP"
    DEVICE_FAULT = "DEVICE_FAULT"
    NOT_BUILT = "NOT_BUILT"


TRANSIENT = frozenset({Diagnosis.UNSPECIFIED, Diagnosis.SESSIONS_USED_UP, Diagnosis.DEVICE_FAULT})
"""What may be otherwise at the next start, so that nothing should be remembered of it."""


@dataclass(frozen=True, slots=True)
class HardwareFault:
    """What is wrong, for people and for programs; `metadata` has the versions that the message names."""

    diagnosis: Diagnosis
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    diagnosis: Diagnosis
    message: str


def _rule(pattern: str, diagnosis: Diagnosis, message: str) -> _Rule:
    return _Rule(re.compile(pattern), diagnosis, message)


# Errors that a healthy device does not have: memory that rotted, kernels that trap, a card that left the bus or was
# not brought up (a multi-GPU board without its fabric manager). NVIDIA's kernel module calls them Xid.
_FAULTS = (
    r"CUDA_ERROR_(?:ECC_UNCORRECTABLE|LAUNCH_FAILED|LAUNCH_TIMEOUT|ILLEGAL_ADDRESS|ILLEGAL_INSTRUCTION"
    r"|INVALID_ADDRESS_SPACE|INVALID_PC|MISALIGNED_ADDRESS|HARDWARE_STACK_ERROR|NVLINK_UNCORRECTABLE|CONTAINED"
    r"|SYSTEM_NOT_READY|DEVICE_UNAVAILABLE|UNKNOWN)"
    r"|unspecified launch failure|GPU is lost|fallen off the bus|\bXid\b|device does not exist \(5\)"
)

# The first rule that matches any line wins: what names the cause comes before what only follows from it.
_RULES = (
    _rule(
        r"Driver does not support the required nvenc API version. Required: (?P<required_api>[\d.]+) "
        r"Found: (?P<found_api>[\d.]+)",
        Diagnosis.DRIVER_TOO_OLD,
        "The NVIDIA driver is too old for this FFmpeg: it has NVENC {found_api}, and {required_api} is required.",
    ),
    _rule(
        r"Cannot load (?P<symbol>(?:NvEncodeAPI|cuvid|cu)[A-Z]\w*)",
        Diagnosis.DRIVER_TOO_OLD,
        "The NVIDIA driver is too old for this FFmpeg: it has no {symbol}.",
    ),
    _rule(
        r"(?P<error>CUDA_ERROR_(?:UNSUPPORTED_PTX_VERSION|SYSTEM_DRIVER_MISMATCH|COMPAT_NOT_SUPPORTED_ON_DEVICE))",
        Diagnosis.DRIVER_TOO_OLD,
        "The NVIDIA driver is too old for what it was given ({error}).",
    ),
    _rule(
        r"Cannot load (?P<library>(?:lib)?(?:nvidia-encode|nvEncodeAPI|nvcuvid)\S*)",
        Diagnosis.VIDEO_CAPABILITY_MISSING,
        "The NVIDIA driver is here without its video part ({library}): start the container with "
        "NVIDIA_DRIVER_CAPABILITIES=compute,utility,video.",
    ),
    _rule(
        r"Cannot load (?P<library>(?:libcuda|nvcuda)\S*)",
        Diagnosis.NO_DRIVER,
        "There is no NVIDIA driver on this machine ({library} cannot be loaded).",
    ),
    _rule(r"Could not dynamically load CUDA", Diagnosis.NO_DRIVER, "There is no NVIDIA driver on this machine."),
    _rule(f"(?P<error>{_FAULTS})", Diagnosis.DEVICE_FAULT, "The GPU is there and fails ({error})."),
    # Nobody's diagnosis of the contract: the GPU is well, and full of somebody else's work.
    _rule(r"CUDA_ERROR_OUT_OF_MEMORY", Diagnosis.UNSPECIFIED, "The memory of the GPU is used up."),
    # Newer drivers say it in the second way (obsproject/obs-studio#11259).
    _rule(
        r"OpenEncodeSessionEx failed: (?:out of memory|incompatible client key)",
        Diagnosis.SESSIONS_USED_UP,
        "All NVENC sessions of this GPU's host are in use.",
    ),
    _rule(
        r"OpenEncodeSessionEx failed: (?:unsupported device|no encode device)",
        Diagnosis.NO_ENGINE,
        "This GPU has no NVENC.",
    ),
    _rule(
        r"nvenc.*Codec not supported|does not support NVENC",
        Diagnosis.NO_ENGINE,
        "This GPU's NVENC does not encode the codec.",
    ),
    _rule(
        r"Hardware is lacking required capabilities|CUDA_ERROR_NOT_SUPPORTED",
        Diagnosis.NO_ENGINE,
        "This GPU does not decode the video: its NVDEC has no engine for the codec, or not for its profile.",
    ),
    _rule(
        r"(?:Unknown encoder|Unknown decoder|Unrecognized hwaccel:|No such filter:)"
        r" '?(?P<part>\w*(?:cuda|nvenc)\w*|lib\w+)",
        Diagnosis.NOT_BUILT,
        "This FFmpeg was built without {part}.",
    ),
    _rule(
        r"CUDA_ERROR_NO_BINARY_FOR_GPU",
        Diagnosis.NOT_BUILT,
        "This FFmpeg's CUDA filters were not built for this GPU.",
    ),
    _rule(
        r"CUDA_ERROR_(?:NO_DEVICE|INVALID_DEVICE)|No CUDA capable devices found|cuInit\(0\) failed",
        Diagnosis.NO_GPU,
        "There is no NVIDIA GPU that FFmpeg can use.",
    ),
    _rule(r"OpenEncodeSessionEx failed: (?P<error>[^:]+)", Diagnosis.UNSPECIFIED, "NVENC does not open: {error}."),
    _rule(r"No capable devices found", Diagnosis.NO_ENGINE, "No GPU here has NVENC with what this encode wants."),
    _rule(
        r"Error creating a CUDA context|Error creating a CUDA device|No device available for decoder: device type cuda"
        r"|Failed setup for format cuda|Error creating a NVDEC decoder|Error decoding a picture with NVDEC"
        r"|-> CUDA_ERROR_",
        Diagnosis.UNSPECIFIED,
        "The GPU cannot be used.",
    ),
)

_MINIMUM_DRIVER = re.compile(r"minimum required Nvidia driver for nvenc is (?P<minimum_driver>\d[\d.]*) or newer")


def hardware_fault(lines: Sequence[str]) -> HardwareFault | None:
    """Returns what is wrong with the hardware, or None where these lines tell of no such thing."""
    found = next(((rule, match) for rule in _RULES for line in lines if (match := rule.pattern.search(line))), None)
    if found is None:
        return None
    rule, match = found
    metadata = {name: value for name, value in match.groupdict().items() if value is not None}
    message = rule.message.format(**metadata)
    if rule.diagnosis is Diagnosis.DRIVER_TOO_OLD:
        minimum = next((seen["minimum_driver"] for line in lines if (seen := _MINIMUM_DRIVER.search(line))), None)
        if minimum is not None:
            metadata["minimum_driver"] = minimum
            message = f"{message} Driver {minimum} or newer has it."
    return HardwareFault(rule.diagnosis, message, metadata)


def with_driver(message: str, diagnosis: Diagnosis, driver_version: str) -> str:
    """Adds the driver that is installed to the words about one that is too old; "" where it is not known."""
    known = diagnosis is Diagnosis.DRIVER_TOO_OLD and driver_version
    return f"{message} Driver {driver_version} is installed." if known else message

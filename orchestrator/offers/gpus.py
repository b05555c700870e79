"""What is known of GPU models before one is rented: which codecs they encode, and about how fast.

No marketplace says which machine has a video encoder, so the models are named here. NVIDIA's encode and decode support
matrix: the data-centre parts A100, A30, A800, H100, H200, B100, B200 and GH200 have no NVENC at all, mining cards and
cards of the Kepler time none that counts, AMD's another one. The worker's own test encodes have the last word.
"""

import re
from dataclasses import dataclass

H264, HEVC, AV1 = "h264", "hevc", "av1"


@dataclass(frozen=True, slots=True)
class EncoderModel:
    """The encoder of a GPU model: its codecs, its engines, and frames of 1080p per second and engine by codec.

    The rates are those of NVIDIA's application note for SDK 13.0 at preset P4 (between its P3 and P5).
    """

    codecs: frozenset[str]
    engines: int
    frames_per_second: dict[str, float]

    def rate(self, codec: str) -> float:
        """Returns the frames of 1080p that one stream gets in a second; a stream uses one engine."""
        return self.frames_per_second.get(codec, 0.0)


_PASCAL = {H264: 400.0, HEVC: 330.0}
_TURING = {H264: 430.0, HEVC: 440.0}
_AMPERE = {H264: 440.0, HEVC: 445.0}
_ADA = {H264: 465.0, HEVC: 560.0, AV1: 440.0}
_BLACKWELL = {H264: 510.0, HEVC: 730.0, AV1: 550.0}

# The first pattern that matches counts, so exceptions stand before the rule. Names as marketplaces spell them.
_MODELS: tuple[tuple[str, dict[str, float] | None, int], ...] = (
    (r"(A100X?|A800|A30|H100|H200|H800|B100|B200|B300|GH200|GB200)\b.*", None, 0),
    (r"(CMP |P10[246]-).*", None, 0),
    (r"(Tesla )?(K\d+|M\d+)\b.*", None, 0),
    (r"(GTX 1630|GTX 1030|GT \d+|MX\d+)\b.*", None, 0),
    (r"RTX PRO 6000.*", _BLACKWELL, 4),
    (r"RTX PRO 5000.*", _BLACKWELL, 3),
    (r"RTX PRO 4[05]00.*", _BLACKWELL, 2),
    (r"RTX 5090.*", _BLACKWELL, 3),
    (r"RTX 50(80|70 Ti)", _BLACKWELL, 2),
    (r"RTX 50\d\d.*", _BLACKWELL, 1),
    (r"(L40S?|RTX (6000|5880) ?Ada)\b.*", _ADA, 3),
    (r"(L4|RTX 4090 ?D?|RTX 4090 Ti|RTX 4080S?|RTX 4070S? Ti|RTX (5000|4500) ?Ada)\b.*", _ADA, 2),
    (r"RTX 40\d\d.*", _ADA, 1),
    (r"RTX (2000|4000) ?Ada.*", _ADA, 1),
    (r"(A10g?|A16|A40|A2)\b.*", _AMPERE, 1),
    (r"RTX A\d{4}.*", _AMPERE, 1),
    (r"RTX 30\d\d.*", _AMPERE, 1),
    (r"(Tesla )?T4G?\b.*", _TURING, 1),
    (r"(Titan RTX|RTX 20\d\d.*|GTX 16\d\d.*|Q RTX .*|Quadro RTX .*)", _TURING, 1),
    (r"(Tesla )?V100.*|Titan V|Quadro GV100", _PASCAL, 3),
    (r"(GTX 10\d\d.*|Titan X.*|(Tesla )?P4\d?\b.*|(Tesla )?P6\b.*|(Tesla )?P100.*|Quadro (P|GP).*)", _PASCAL, 1),
)
_PATTERNS = tuple((re.compile(pattern), rates, engines) for pattern, rates, engines in _MODELS)


def encoder_model(gpu_name: str) -> EncoderModel | None:
    """Returns what a model encodes with; None for one that has no encoder, or that nobody here knows."""
    for pattern, rates, engines in _PATTERNS:
        if pattern.fullmatch(gpu_name.strip()):
            return None if rates is None else EncoderModel(frozenset(rates), engines, rates)
    return None

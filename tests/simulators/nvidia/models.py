"""GPU models as a marketplace names them, and what their drivers and encoders would say."""

import re
from dataclasses import dataclass

H264_HEVC = frozenset({"h264", "hevc"})
ALL_CODECS = frozenset({"h264", "hevc", "av1"})
NO_CODEC: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuModel:
    """One model: `memory_mib` as nvidia-smi has it, `compute_cap` as in "8.9", `codecs` that its NVENC encodes."""

    name: str
    memory_mib: int
    compute_cap: str
    codecs: frozenset[str]
    maker: str = "nvidia"

    @property
    def product(self) -> str:
        """The name that nvidia-smi has for it."""
        return _PRODUCTS.get(self.name) or _product(self.name)


# By generation: compute capability, codecs, then name and MiB per GPU, a little below the nominal size as drivers say.
# NVENC as in NVIDIA's encode and decode support matrix of 2026.
_GENERATIONS: tuple[tuple[str, frozenset[str], dict[str, int]], ...] = (
    ("3.7", NO_CODEC, {"Tesla K80": 11441}),
    ("5.2", NO_CODEC, {"Tesla M40": 23040}),
    ("6.0", H264_HEVC, {"Tesla P100": 16280, "Quadro GP100": 16278}),
    (
        "6.1",
        H264_HEVC,
        {
            "GTX 1050": 2048,
            "GTX 1050 Ti": 4096,
            "GTX 1060": 6144,
            "GTX 1070": 8192,
            "GTX 1070 Ti": 8192,
            "GTX 1080": 8192,
            "GTX 1080 Ti": 11264,
            "Titan Xp": 12288,
            "Quadro P2000": 5120,
            "Quadro P4000": 8192,
            "Quadro P5000": 16384,
            "Quadro P6000": 24576,
            "Tesla P4": 7680,
            "Tesla P40": 24576,
        },
    ),
    ("6.1", NO_CODEC, {"P104-100": 4096, "P106-100": 6144}),
    ("7.0", H264_HEVC, {"Tesla V100": 16384, "Titan V": 12288, "Quadro GV100": 32508}),
    (
        "7.5",
        H264_HEVC,
        {
            "GTX 1650": 4096,
            "GTX 1660": 6144,
            "GTX 1660 S": 6144,
            "GTX 1660 Ti": 6144,
            "RTX 2060": 6144,
            "RTX 2060S": 8192,
            "RTX 2070": 8192,
            "RTX 2070S": 8192,
            "RTX 2080": 8192,
            "RTX 2080S": 8192,
            "RTX 2080 Ti": 11264,
            "Titan RTX": 24576,
            "Q RTX 4000": 8192,
            "Q RTX 6000": 24576,
            "Q RTX 8000": 49152,
            "Tesla T4": 15360,
        },
    ),
    ("7.5", NO_CODEC, {"CMP 50HX": 10240}),
    ("8.0", NO_CODEC, {"A30": 24576, "A100 PCIE": 81920, "A100 SXM4": 81920, "A800 PCIE": 81920, "CMP 170HX": 8192}),
    (
        "8.6",
        H264_HEVC,
        {
            "RTX 3050": 8192,
            "RTX 3060": 12288,
            "RTX 3060 laptop": 6144,
            "RTX 3060 Ti": 8192,
            "RTX 3070": 8192,
            "RTX 3070 Ti": 8192,
            "RTX 3080": 10240,
            "RTX 3080 Ti": 12288,
            "RTX 3090": 24576,
            "RTX 3090 Ti": 24564,
            "RTX A2000": 12282,
            "RTX A4000": 16376,
            "RTX A5000": 24564,
            "RTX A6000": 49140,
            "A10": 23028,
            "A40": 46068,
        },
    ),
    (
        "8.9",
        ALL_CODECS,
        {
            "RTX 4060": 8188,
            "RTX 4060 Ti": 16380,
            "RTX 4070": 12282,
            "RTX 4070S": 12282,
            "RTX 4070S Ti": 16376,
            "RTX 4070 Ti": 12282,
            "RTX 4080": 16376,
            "RTX 4080S": 16376,
            "RTX 4090": 24564,
            "RTX 4090D": 24564,
            "RTX 2000Ada": 16380,
            "RTX 4000Ada": 20475,
            "RTX 6000Ada": 49140,
            "L4": 23034,
            "L40": 46068,
            "L40S": 46068,
        },
    ),
    (
        "9.0",
        NO_CODEC,
        {"H100 PCIE": 81559, "H100 SXM": 81559, "H100 NVL": 95830, "H200": 143771, "GH200 SXM": 97871},
    ),
    ("10.0", NO_CODEC, {"B200": 183359}),
    (
        "12.0",
        ALL_CODECS,
        {
            "RTX 5060": 8151,
            "RTX 5060 Ti": 16311,
            "RTX 5070": 12227,
            "RTX 5070 Ti": 16303,
            "RTX 5080": 16303,
            "RTX 5090": 32607,
            "RTX PRO 6000 S": 97887,
            "RTX PRO 6000 WS": 97887,
        },
    ),
)
_AMD = {"InstinctMI100": 32752, "RX 7900 XTX": 24560, "Radeon VII": 16368}

_PRODUCTS = {
    "A100 PCIE": "NVIDIA A100 80GB PCIe",
    "A100 SXM4": "NVIDIA A100-SXM4-80GB",
    "A800 PCIE": "NVIDIA A800 80GB PCIe",
    "H100 PCIE": "NVIDIA H100 PCIe",
    "H100 SXM": "NVIDIA H100 80GB HBM3",
    "GH200 SXM": "NVIDIA GH200 480GB",
    "Tesla P100": "Tesla P100-PCIE-16GB",
    "Tesla V100": "Tesla V100-SXM2-16GB",
    "RTX PRO 6000 S": "NVIDIA RTX PRO 6000 Blackwell Server Edition",
    "RTX PRO 6000 WS": "NVIDIA RTX PRO 6000 Blackwell Workstation Edition",
}


def _product(name: str) -> str:
    if name.startswith(("Tesla", "Quadro")):
        return name
    if name.startswith("Q RTX"):
        return f"Quadro {name.removeprefix('Q ')}"
    if match := re.fullmatch(r"RTX (\d+)Ada", name):
        return f"NVIDIA RTX {match[1]} Ada Generation"
    if match := re.fullmatch(r"((?:RTX|GTX) \d+) ?S( Ti)?", name):
        return f"NVIDIA GeForce {match[1]}{match[2] or ''} SUPER"
    if re.match(r"(RTX|GTX) \d", name):
        return f"NVIDIA GeForce {name.replace('laptop', 'Laptop GPU')}"
    return f"NVIDIA {name}"


def _table() -> dict[str, GpuModel]:
    table = {
        name: GpuModel(name=name, memory_mib=memory, compute_cap=capability, codecs=codecs)
        for capability, codecs, models in _GENERATIONS
        for name, memory in models.items()
    }
    for name, memory in _AMD.items():
        table[name] = GpuModel(name=name, memory_mib=memory, compute_cap="", codecs=NO_CODEC, maker="amd")
    return table


GPU_MODELS: dict[str, GpuModel] = _table()
"""All models by their names on the marketplace."""

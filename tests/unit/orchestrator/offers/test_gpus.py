"""Which GPU models are taken for what."""

import pytest

from orchestrator.cloud.vast.gpu_names import GPU_NAMES
from orchestrator.offers.gpus import AV1, H264, HEVC, encoder_model


@pytest.mark.parametrize(
    "name",
    [
        *("A100 PCIE", "A100 SXM4", "A100X", "A800 PCIE", "A30", "H100 SXM", "H100 NVL", "H200", "H200 NVL", "B200"),
        *("GH200 SXM", "CMP 170HX", "P104-100", "Tesla K80", "Tesla M40", "RX 7900 XTX", "InstinctMI300X", "", "RTX"),
    ],
)
def test_models_without_an_encoder_are_never_taken_for_one(name: str) -> None:
    assert encoder_model(name) is None


@pytest.mark.parametrize(
    ("name", "engines", "codecs"),
    [
        ("GTX 1080 Ti", 1, {H264, HEVC}),
        ("Tesla T4", 1, {H264, HEVC}),
        ("Tesla V100", 3, {H264, HEVC}),
        ("RTX 2080S", 1, {H264, HEVC}),
        ("Q RTX 8000", 1, {H264, HEVC}),
        ("RTX 3090", 1, {H264, HEVC}),
        ("RTX A6000", 1, {H264, HEVC}),
        ("A40", 1, {H264, HEVC}),
        ("RTX 4060 Ti", 1, {H264, HEVC, AV1}),
        ("RTX 4070S Ti", 2, {H264, HEVC, AV1}),
        ("RTX 4080S", 2, {H264, HEVC, AV1}),
        ("RTX 4090", 2, {H264, HEVC, AV1}),
        ("RTX 4090D", 2, {H264, HEVC, AV1}),
        ("L4", 2, {H264, HEVC, AV1}),
        ("L40S", 3, {H264, HEVC, AV1}),
        ("RTX 6000Ada", 3, {H264, HEVC, AV1}),
        ("RTX 5080", 2, {H264, HEVC, AV1}),
        ("RTX 5090", 3, {H264, HEVC, AV1}),
        ("RTX PRO 6000 WS", 4, {H264, HEVC, AV1}),
    ],
)
def test_models_are_known_by_their_generation(name: str, engines: int, codecs: set[str]) -> None:
    model = encoder_model(name)
    assert model is not None
    assert (model.engines, set(model.codecs)) == (engines, codecs)
    assert all(model.rate(codec) > 0 for codec in codecs)
    assert model.rate("vp9") == 0


def test_every_name_of_the_marketplace_is_decided() -> None:
    """No GeForce, RTX or L card falls through for a slip in a pattern."""
    undecided = [name for name in GPU_NAMES if encoder_model(name) is None]
    assert all(
        name.startswith(("A100", "A800", "A30", "H", "B2", "G", "CMP", "P10", "Tesla K", "Tesla M"))
        for name in undecided
    )
    assert not any(name.startswith("GTX") for name in undecided)

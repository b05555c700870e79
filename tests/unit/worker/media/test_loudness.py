"""Which gain and ceiling bring a sound to a loudness, judged by a model of limiter and encoder."""

import pytest

from worker.errors import FailureReason, TaskFailed
from worker.media.loudness import Loudness, Setting, Trial, best_trial, first_setting, next_setting, read_loudness

LOG = """\
[Parsed_ebur128_0 @ 0x7fa7f0001c00] [info] Summary:

  Integrated loudness:
    I:         -21.8 LUFS
    Threshold: -31.8 LUFS

  True peak:
    Peak:      {peak} dBFS
[out#0/null @ 0x55f5392c6400] [info] video:0KiB audio:258KiB""".splitlines()


def levelled(source: Loudness, target: float, *, encoder: tuple[float, float], slope: float) -> list[Trial]:
    """Tries as often as it is asked to; `encoder` is what it adds to loudness and peak.

    Beyond the ceiling only `slope` of the gain is heard.
    """
    trials: list[Trial] = []
    setting: Setting | None = first_setting(source, target)
    while setting is not None:
        peak = source.true_peak_dbtp + setting.gain_db
        lufs = source.lufs + setting.gain_db
        if setting.ceiling_dbtp is not None and peak > setting.ceiling_dbtp:
            lufs -= (peak - setting.ceiling_dbtp) * (1 - slope)
            peak = setting.ceiling_dbtp
        trials.append(
            Trial(
                setting=setting,
                result=Loudness(lufs=round(lufs + encoder[0], 1), true_peak_dbtp=round(peak + encoder[1], 1)),
            )
        )
        setting = next_setting(trials, target)
    return trials


@pytest.mark.parametrize("target", [-30.0, -23.0, -14.0])
@pytest.mark.parametrize(
    ("source", "encoder", "slope", "most"),
    [
        (Loudness(lufs=-54.6, true_peak_dbtp=-43.9), (0.0, 0.0), 1.0, 1),
        (Loudness(lufs=-54.6, true_peak_dbtp=-43.9), (-0.5, 0.5), 1.0, 2),
        (Loudness(lufs=-2.6, true_peak_dbtp=1.6), (-1.1, 1.7), 1.0, 2),
        (Loudness(lufs=-19.6, true_peak_dbtp=-6.0), (-0.4, 0.8), 0.9, 4),
        (Loudness(lufs=-23.7, true_peak_dbtp=-3.7), (0.0, 0.0), 0.4, 5),
    ],
)
def test_the_target_is_met_below_the_peak(
    source: Loudness, target: float, encoder: tuple[float, float], slope: float, most: int
) -> None:
    trials = levelled(source, target, encoder=encoder, slope=slope)
    result = best_trial(trials, target).result
    assert result.lufs == pytest.approx(target, abs=0.3)
    assert result.true_peak_dbtp <= -1
    assert len(trials) <= most


def test_the_peak_comes_before_the_loudness() -> None:
    clicks = Loudness(lufs=-34.3, true_peak_dbtp=-3.0)
    trials = levelled(clicks, -14.0, encoder=(-0.3, 0.8), slope=0.0)
    assert best_trial(trials, -14.0).result.true_peak_dbtp <= -1
    # What lies between the clicks is not lifted without end.
    assert max(trial.setting.gain_db for trial in trials) <= -14.0 - clicks.lufs + 20


@pytest.mark.parametrize(("peak", "expected"), [("-18.1", -18.1), ("-inf", float("-inf")), ("1.6", 1.6)])
def test_the_meter_is_read(peak: str, expected: float) -> None:
    met = read_loudness([line.format(peak=peak) for line in LOG])
    assert met == Loudness(lufs=-21.8, true_peak_dbtp=expected)


def test_a_meter_that_wrote_nothing_is_a_failure() -> None:
    with pytest.raises(TaskFailed, match="how loud") as failed:
        read_loudness(["[info] nothing"])
    assert failed.value.reason is FailureReason.ENCODE_FAILED

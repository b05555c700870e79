"""Who pays what, in cases that can be reckoned by hand."""

from datetime import timedelta

from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.money.price import Cost
from orchestrator.money.shares import Share, Stint, shares
from tests.simulators.records import START, make_instance, make_offer

HOUR = timedelta(hours=1)
COST = Cost(gpu_usd_micros=800, storage_usd_micros=100, transfer_usd_micros=10)


def machine() -> Instance:
    """Two hours to start, eight hours of running."""
    return make_instance(
        "i",
        state=InstanceState.DESTROYED,
        offer=make_offer(),
        running_time=START + 2 * HOUR,
        end_time=START + 10 * HOUR,
    )


def stint(key: str, start: float, end: float) -> Stint[str]:
    return Stint(key=key, start=START + start * HOUR, end=START + end * HOUR)


def test_one_attempt_pays_everything() -> None:
    (share,) = shares(machine(), COST, [stint("a", 2, 6)]).values()
    # Half of the running time and two fifths of the life were its own.
    assert share == Share(
        own=Cost(gpu_usd_micros=400, storage_usd_micros=40, transfer_usd_micros=10), overhead_usd_micros=460
    )


def test_time_together_is_shared_and_idle_time_goes_by_use() -> None:
    divided = shares(machine(), COST, [stint("a", 2, 6), stint("b", 4, 6)])
    # a: 2 hours alone and half of 2 together; b: half of 2 together.
    assert divided["a"].own.gpu_usd_micros == 300
    assert divided["b"].own.gpu_usd_micros == 100
    assert (divided["a"].overhead_usd_micros, divided["b"].overhead_usd_micros) == (345, 115)


def test_without_an_attempt_nobody_pays() -> None:
    assert shares(machine(), COST, []) == {}
    assert shares(machine(), COST, [stint("a", 2, 2)]) == {}

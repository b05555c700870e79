"""The attempts on a machine pay for all of it, to the micro dollar."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.fleet.instance import InstanceState
from orchestrator.money.price import Cost
from orchestrator.money.shares import Stint, shares
from tests.simulators.records import START, make_instance, make_offer

_AMOUNTS = st.integers(0, 10**9)
_STINTS = st.lists(st.tuples(st.integers(60, 5_000), st.integers(0, 2_000)), min_size=1, max_size=8)


@given(gpu=_AMOUNTS, storage=_AMOUNTS, transfer=_AMOUNTS, times=_STINTS)
def test_the_shares_add_up(gpu: int, storage: int, transfer: int, times: list[tuple[int, int]]) -> None:
    end = START + timedelta(seconds=7_200)
    instance = make_instance(
        "i",
        state=InstanceState.DESTROYED,
        offer=make_offer(),
        running_time=START + timedelta(seconds=50),
        end_time=end,
    )
    cost = Cost(gpu_usd_micros=gpu, storage_usd_micros=storage, transfer_usd_micros=transfer)
    stints = [
        Stint(key=n, start=START + timedelta(seconds=start), end=START + timedelta(seconds=start + length))
        for n, (start, length) in enumerate(times)
    ]
    divided = shares(instance, cost, stints)

    if not any(length for _, length in times):
        assert divided == {}
        return
    own = sum((share.own for share in divided.values()), Cost())
    overhead = sum(share.overhead_usd_micros for share in divided.values())
    assert own.total_usd_micros + overhead == cost.total_usd_micros
    assert own.transfer_usd_micros == transfer
    assert all(share.own.total_usd_micros >= 0 and share.overhead_usd_micros >= 0 for share in divided.values())

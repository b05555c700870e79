"""Who pays for a machine: its cost, divided among the attempts that ran on it, to the micro dollar. Pure."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Generic, TypeVar

from orchestrator.fleet.instance import Instance
from orchestrator.money.price import Cost

K = TypeVar("K", bound=Hashable)

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stint(Generic[K]):
    """The time in which one attempt, known by `key`, used the machine."""

    key: K
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one attempt pays: its own part, and its share of the time in which nobody used the machine."""

    own: Cost
    overhead_usd_micros: int


def shares(instance: Instance, cost: Cost, stints: Sequence[Stint[K]]) -> Mapping[K, Share]:
    """Returns the share of each attempt. Time that several used together is divided among them; the start-up and idle
    time, and the traffic, by the time of each. Without an attempt nobody pays, and the cost stays unattributed."""
    used = _used(stints)
    total = sum(used.values())
    if not total:
        return {}
    end = instance.end_time or max(one.end for one in stints)
    gpu = _part(cost.gpu_usd_micros, total, _micros(end - (instance.running_time or instance.create_time)))
    storage = _part(cost.storage_usd_micros, total, _micros(end - instance.create_time))
    overhead = cost.gpu_usd_micros - gpu + cost.storage_usd_micros - storage
    divided = [_divide(amount, used) for amount in (gpu, storage, cost.transfer_usd_micros, overhead)]
    return {
        key: Share(
            own=Cost(
                gpu_usd_micros=divided[0][key],
                storage_usd_micros=divided[1][key],
                transfer_usd_micros=divided[2][key],
            ),
            overhead_usd_micros=divided[3][key],
        )
        for key in used
    }


def _used(stints: Sequence[Stint[K]]) -> dict[K, int]:
    """Returns the microseconds of each, where one that n used together counts as 1/n for each of them."""
    moments = sorted({one.start for one in stints} | {one.end for one in stints})
    used: dict[K, int] = {one.key: 0 for one in stints}
    for start, end in pairwise(moments):
        together = [one.key for one in stints if one.start <= start and end <= one.end]
        for key, share in _divide(_micros(end - start), dict.fromkeys(together, 1)).items():
            used[key] += share
    return used


def _part(amount: int, used: int, whole: int) -> int:
    return amount if used >= whole else amount * used // whole


def _divide(amount: int, weights: Mapping[K, int]) -> dict[K, int]:
    """Divides whole units by weight; what is left over goes to the largest remainders, so that the sum is exact."""
    total = sum(weights.values())
    if not total:
        return dict.fromkeys(weights, 0)
    divided = {key: amount * weight // total for key, weight in weights.items()}
    rest = amount - sum(divided.values())
    for key in sorted(weights, key=lambda one: -(amount * weights[one] % total))[:rest]:
        divided[key] += 1
    return divided


def _micros(time: timedelta) -> int:
    return max(time // _MICROSECOND, 0)

"""Money: prices, what was spent, and what may still be."""

from datetime import timedelta
from typing import Any

from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.money.budget import Budget, hourly_rate, spent_in_a_day
from orchestrator.money.cost import cost_since, cost_so_far
from orchestrator.money.price import Cost, dollars, rent, traffic
from tests.simulators.records import START, make_instance, make_offer

HOUR = timedelta(hours=1)


def rented(name: str, *, hours: float = 1, state: InstanceState = InstanceState.READY, **fields: Any) -> Instance:
    """An instance of 36 cents an hour that runs since START, or ended after so many hours."""
    ended: dict[str, Any] = {"end_time": START + hours * HOUR} if state is InstanceState.DESTROYED else {}
    return make_instance(name, state=state, offer=make_offer(), running_time=START, **(ended | fields))


def test_the_gpu_is_paid_while_it_runs_and_the_disk_as_long_as_it_exists() -> None:
    cost = rent(make_offer(), existing=2 * HOUR, running=HOUR)
    assert cost == Cost(gpu_usd_micros=356_000, storage_usd_micros=8_000)
    assert rent(make_offer(), existing=timedelta(microseconds=1), running=timedelta()).total_usd_micros == 1
    assert traffic(make_offer(), received_bytes=10**9, sent_bytes=1).total_usd_micros == 10_001


def test_an_instance_that_only_loads_costs_its_disk() -> None:
    loading = make_instance("i", offer=make_offer(), state=InstanceState.STARTING)
    assert cost_so_far(loading, now=START + HOUR).total_usd_micros == 4_000
    assert cost_so_far(make_instance("free"), now=START + HOUR) == Cost()


def test_what_the_marketplace_charged_counts_in_the_end() -> None:
    charged = Cost(gpu_usd_micros=7)
    assert cost_so_far(rented("i", state=InstanceState.DESTROYED, charged=charged), now=START + HOUR) == charged


def test_only_what_lies_in_the_window_was_spent_in_it() -> None:
    one = rented("i", hours=3, state=InstanceState.DESTROYED)
    assert cost_since(one, START + 2 * HOUR, now=START + 9 * HOUR).total_usd_micros == 360_000
    assert spent_in_a_day([one], now=START + 26 * HOUR) == 360_000
    assert spent_in_a_day([one], now=START + 27 * HOUR) == 0


def test_a_clock_that_jumps_back_makes_no_cost_negative() -> None:
    assert cost_so_far(rented("i"), now=START - HOUR) == Cost()


def test_an_intent_counts_as_if_it_ran() -> None:
    wished = make_instance("i", offer=make_offer(), state=InstanceState.REQUESTED)
    assert hourly_rate([wished, rented("gone", state=InstanceState.DESTROYED)]) == 360_000
    budget = Budget(usd_micros_per_hour=700_000)
    assert "more than the 0.700 $" in budget.objection(make_offer(), [wished], now=START)
    assert budget.objection(make_offer(), [], now=START) == ""


def test_a_machine_that_will_not_die_counts_until_it_is_gone() -> None:
    dying = rented("i", state=InstanceState.DESTROYING)
    assert Budget(usd_micros_per_hour=360_000).objection(make_offer(), [dying], now=START) != ""


def test_the_daily_budget_stops_launches_then_work_then_machines() -> None:
    budget = Budget(usd_micros_per_day=1_000_000)
    one = rented("i")

    def at(hours: float) -> tuple[bool, bool, bool]:
        now = START + hours * HOUR
        return (
            bool(budget.objection(make_offer(), [one], now=now)),
            bool(budget.is_running_out([one], now=now)),
            bool(budget.is_used_up([one], now=now)),
        )

    assert at(1) == (False, False, False)
    assert at(2.4) == (True, False, False)
    assert at(2.6) == (True, True, False)
    assert at(2.78) == (True, True, True)
    # Without a machine nothing runs out, however much was spent.
    ended = rented("i", hours=2.7, state=InstanceState.DESTROYED)
    assert not budget.is_running_out([ended], now=START + 2.7 * HOUR)


def test_no_bound_is_no_bound() -> None:
    many = [rented(str(n)) for n in range(100)]
    assert Budget().objection(make_offer(), many, now=START + 99 * HOUR) == ""
    assert Budget().is_used_up(many, now=START + 99 * HOUR) == ""


def test_amounts_are_written_for_people() -> None:
    assert [dollars(amount) for amount in (123, 45_600, 360_000, 12_345_678, 123_456_789)] == [
        "0.000123 $",
        "0.04560 $",
        "0.360 $",
        "12.346 $",
        "123.46 $",
    ]

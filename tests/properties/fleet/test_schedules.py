"""An hour of bad luck, twenty times: nothing leaks, nothing is lost or done twice. `make check-long` runs 200 hours."""

import pytest

from tests.properties.fleet.bad_luck import ANSWERS, CREATES, SPELLS, STRIKES
from tests.properties.fleet.schedule import EVENTS, run_schedule, run_schedules

COUNT = 20
# In 200 schedules every kind is met; in these, which are always the same, nearly all are.
LEAST_KINDS = 55
LEAST_PLACES = 10
# None of them may be a kind that these schedules happen to do without.
IMPORTANT = {
    *("api_down", "key_revoked", "answer_lost", "list_truncated", "create_answer_lost", "create_request_lost"),
    *("half_success", "server_error", "hidden_first_reads", "destroy_ignored", "destroy_not_found", "resurrect"),
    *("outbid", "host_offline", "contract_end", "exits_at_start", "dead_worker", "rate_limit_retry_after"),
}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whatever_happens_all_ends_well() -> None:
    report = run_schedules(range(1, COUNT + 1), processes=2)
    assert not report.findings, report.words()
    assert (report.leaked_seconds, report.lost_jobs, report.duplicates) == (0, 0, 0), report.words()
    # Nothing of this would mean anything if little had happened.
    assert report.schedules == COUNT
    assert report.contracts == report.destroyed > 3 * COUNT
    assert report.attempts > report.jobs > 15 * COUNT
    assert len(report.fired.keys() & _kinds()) >= LEAST_KINDS, report.words()
    assert report.fired.keys() >= IMPORTANT | EVENTS, report.words()
    assert len(report.crashes) >= LEAST_PLACES, report.words()
    assert {"before", "after", "at"} == {place.partition(" ")[0] for place in report.crashes}


def _kinds() -> set[str]:
    return {*ANSWERS, *CREATES, *SPELLS, *(f"{what} of a contract" for what in STRIKES), *EVENTS}


def test_a_schedule_can_be_run_again_exactly() -> None:
    told: list[list[str]] = [[], []]
    first, second = (run_schedule(3, tell=lines.append) for lines in told)
    assert first == second
    assert told[0] == told[1]

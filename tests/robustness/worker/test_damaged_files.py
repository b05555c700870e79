"""A short run of the search for files that break us; `python -m tests.robustness.worker.fuzz` is the long one."""

from pathlib import Path

from tests.robustness.worker.fuzz import ground, one_case

_SEED = 2_026
_COUNT = 16


async def test_damaged_files_end_in_a_result_or_a_reason_and_leave_nothing(tmp_path: Path) -> None:
    ends = []
    async with ground(tmp_path) as place:
        for number in range(_SEED, _SEED + _COUNT):
            print(f"case {number}")  # noqa: T201 - shown when it fails
            ends.append(await one_case(place, number))
    assert any(not end.endswith("done") for end in ends), ends

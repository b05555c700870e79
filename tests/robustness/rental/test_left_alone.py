"""What becomes of a rented machine when its orchestrator never comes back: it must not bill for ever."""

import signal
from pathlib import Path

import pytest

from tests.robustness.deployment import deployed, until
from tests.robustness.rental.conftest import BOOT, Renting
from tests.simulators.renting import open_market

pytestmark = pytest.mark.timeout(180)

# The setting's least is a minute. Longer than a busy machine may need between two words to its worker, who is spoken to
# at once when it answers, and when it is given a task.
_SILENCE_SECONDS = "8"


async def test_a_worker_whose_orchestrator_never_comes_back_destroys_its_own_machine_in_the_middle_of_its_work(
    tmp_path: Path,
) -> None:
    overriding = {"SPOTREEL_WORKER_DEAD_MAN_TIMEOUT": _SILENCE_SECONDS}
    async with (
        deployed(tmp_path) as deployment,
        open_market(tmp_path / "market", boot=BOOT, ffmpeg=deployment.ffmpeg, overriding=overriding) as (market, url),
    ):
        Renting(deployment, market, url).settings(idle_seconds=600)
        hold = deployment.hold("encode")
        await deployment.start()
        await deployment.create_job()
        await deployment.held("encode")
        (contract,) = market.contracts
        await deployment.end(signal.SIGKILL)
        asked = market.requests.get("destroy", 0)
        await until(lambda: not market.contracts)
        bill = market.billed_usd_micros()
        hold.unlink()

        assert contract.order.environment["SPOTREEL_WORKER_DEAD_MAN_TIMEOUT"] == "600"
        assert contract.destroyed is not None
        # Nobody else is left who could have asked.
        assert (asked, market.requests["destroy"], market.creates) == (0, 1, 1)
        await market.settle()
        assert market.billed_usd_micros() == bill > 0

"""Which jobs may run where, and for which of them a machine is rented."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.fleet.demand import Demand
from orchestrator.fleet.instance import Instance
from orchestrator.jobs.job import Job, JobSpec
from orchestrator.jobs.needs import copies_only, disk_needed, encoder_needed, may_copy, work_of
from orchestrator.ports import Ledger
from servicekit.errors import NotFound

LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """The rules. With `rents`, machines are rented for what needs an encoder, and local workers are *house workers*
    that take what only copies; without, local workers take everything. `house` says whether there are any.

    What may turn out to be a copy goes to the house worker, which looks at its inputs and then does it, or says that an
    encoder is needed.
    """

    rents: bool = False
    house: bool = True

    def may_run(self, job: Job, instance: Instance) -> bool:
        """Whether the job may be given to the instance, which is READY."""
        if not self.rents:
            return True
        if instance.cloud == LOCAL:
            return _is_for_the_house(job.spec, needs_encoder=job.needs_encoder)
        needed = encoder_needed(job.spec)
        return not needed or needed in instance.hardware_codecs

    def prefers(self, instance: Instance) -> bool:
        """Whether jobs are better off there than on others that they may run on: what costs nothing goes first."""
        return self.rents and instance.cloud == LOCAL

    def only_copies(self, instance: Instance) -> bool:
        """Whether what runs there must not encode."""
        return self.rents and instance.cloud == LOCAL

    def is_rented_for(self, spec: JobSpec, *, needs_encoder: bool) -> bool:
        """Whether a machine is rented where there is none for it; `needs_encoder` says that it cannot be a copy."""
        return self.rents and not (self.house and _is_for_the_house(spec, needs_encoder=needs_encoder))


def _is_for_the_house(spec: JobSpec, *, needs_encoder: bool) -> bool:
    return copies_only(spec) or (may_copy(spec) and not needs_encoder)


class RentedDemands:
    """What the queued jobs ask of rented machines."""

    def __init__(self, *, ledger: Ledger, routing: Routing) -> None:
        self._ledger = ledger
        self._routing = routing
        # Assets never change, so their sizes are asked for once.
        self._sizes: dict[str, int] = {}

    async def queued(self, jobs: Sequence[Job]) -> Sequence[Demand]:
        """Returns the demands of the jobs that a machine is rented for, in their order."""
        return [
            await self.of(job.spec, job.id)
            for job in jobs
            if self._routing.is_rented_for(job.spec, needs_encoder=job.needs_encoder)
        ]

    async def of(self, spec: JobSpec, job_id: str = "") -> Demand:
        """Returns the demand of one job."""
        work = work_of(spec, {name: await self._size(name) for name in spec.assets})
        return Demand(
            job_id=job_id,
            encoder=encoder_needed(spec),
            disk_bytes=disk_needed(work),
            work=work,
            placement=spec.placement,
        )

    async def _size(self, name: str) -> int:
        if name not in self._sizes:
            try:
                self._sizes[name] = (await self._ledger.get_asset(name.removeprefix("assets/"))).size_bytes
            except NotFound:
                # Its job will fail with a clear reason when it runs.
                return 0
        return self._sizes[name]

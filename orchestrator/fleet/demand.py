"""What queued jobs ask of machines. Pure; nothing of media but the name of a codec."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.jobs.job import Job, Placement
from orchestrator.offers.gpus import encoder_model
from orchestrator.offers.requirements import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one queued job asks: a GPU that encodes `encoder` (empty: any machine), room for `disk_bytes`, and what it
    would be rented for."""

    job_id: str
    encoder: str
    disk_bytes: int
    work: Work
    placement: Placement

    def fits(self, instance: Instance) -> bool:
        """Whether it may run there, by what the worker said, or before that by what its GPU's model promises."""
        if not self.encoder:
            return True
        if instance.state is InstanceState.READY:
            return self.encoder in instance.hardware_codecs
        model = None if instance.offer is None else encoder_model(instance.offer.gpu_name)
        return model is not None and self.encoder in model.codecs


class Demands(Protocol):
    """Who knows which queued jobs a fleet is to serve, the first in the queue first."""

    async def queued(self, jobs: Sequence[Job]) -> Sequence[Demand]:
        """Returns the demands of those of the jobs that this fleet is to serve."""
        ...

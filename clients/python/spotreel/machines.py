"""The machines that work, and those that could be rented: the part of the client that operators use."""

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from spotreel.orchestrator.v1.instance_pb2 import Instance
from spotreel.orchestrator.v1.instance_service_pb2 import (
    DestroyInstanceRequest,
    DrainInstanceRequest,
    GetInstanceRequest,
    ListInstancesRequest,
)
from spotreel.orchestrator.v1.job_pb2 import JobSpec
from spotreel.orchestrator.v1.offer_service_pb2 import OfferRequirements, SearchOffersRequest, SearchOffersResponse

if TYPE_CHECKING:
    from spotreel.connection import Connection


class Machines:
    """The calls of InstanceService and OfferService, for a class that has a `_connection`."""

    @property
    def _connection(self) -> "Connection":
        raise NotImplementedError

    async def list_instances(
        self, *, states: Sequence["Instance.State.ValueType"] = (), page_size: int = 0
    ) -> AsyncGenerator[Instance, None]:
        """Yields the instances in one of `states` (by default all but DESTROYED), the newest first."""
        request = ListInstancesRequest(state_filter=list(states), page_size=page_size)
        while True:
            page = await self._connection.call(self._connection.instances.ListInstances, request)
            for instance in page.instances:
                yield instance
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def get_instance(self, name: str) -> Instance:
        """Gets the instance called `instances/…`. Raises NotFound."""
        request = GetInstanceRequest(name=name)
        return (await self._connection.call(self._connection.instances.GetInstance, request)).instance

    async def drain_instance(self, name: str) -> Instance:
        """Gives an instance no more work; it is destroyed when it is done with what it has. Raises NotFound."""
        request = DrainInstanceRequest(name=name)
        return (await self._connection.call(self._connection.instances.DrainInstance, request)).instance

    async def destroy_instance(self, name: str) -> Instance:
        """Destroys an instance at once; jobs that run on it are queued again while tries are left. Raises NotFound."""
        request = DestroyInstanceRequest(name=name)
        return (await self._connection.call(self._connection.instances.DestroyInstance, request)).instance

    async def search_offers(
        self,
        *,
        requirements: OfferRequirements | None = None,
        spec: JobSpec | None = None,
        limit: int = 0,
    ) -> SearchOffersResponse:
        """Asks what could be rented for a job (by default for an hour of use), and why the rest is left out.

        Raises ServerUnavailable where the marketplace does not answer, Unimplemented where there is none.
        """
        request = SearchOffersRequest(requirements=requirements, spec=spec, page_size=limit)
        return await self._connection.call(self._connection.offers.SearchOffers, request)

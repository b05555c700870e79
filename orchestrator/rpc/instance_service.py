"""InstanceService: what works, with what, at what cost; and an operator's own hand on it."""
# ruff: noqa: N802, ARG002 - the names and arguments of the methods are gRPC's

from collections import Counter
from collections.abc import Callable

from spotreel.orchestrator.v1 import instance_pb2, instance_service_pb2, instance_service_pb2_grpc

from orchestrator.convert.instances import instance_to_proto
from orchestrator.fleet.instance import Instance, InstanceState, draining, given_up
from orchestrator.pages import decode_token, encode_token, page_size
from orchestrator.ports import Ledger
from orchestrator.rpc.names import read_name, read_states
from servicekit.clock import Clock
from servicekit.rpc.stages import Context


class InstanceService(instance_service_pb2_grpc.InstanceServiceServicer):
    """Answers the calls of InstanceService."""

    def __init__(self, *, ledger: Ledger, clock: Clock, wake_fleet: Callable[[], None]) -> None:
        """Takes `wake_fleet`, called when an instance was told to go."""
        self._ledger = ledger
        self._clock = clock
        self._wake_fleet = wake_fleet

    async def ListInstances(
        self, request: instance_service_pb2.ListInstancesRequest, context: Context
    ) -> instance_service_pb2.ListInstancesResponse:
        states = read_states(request.state_filter, instance_pb2.Instance.State.DESCRIPTOR, InstanceState)
        states = states or frozenset(InstanceState) - {InstanceState.DESTROYED}
        question, limit = f"instances {sorted(states)}", page_size(request.page_size)
        after = decode_token(request.page_token, question)
        found = await self._ledger.list_instances(states=states, limit=limit + 1, after=after)
        page, busy = found[:limit], await self._busy_slots()
        token = encode_token((page[-1].create_time, page[-1].id), question) if len(found) > limit else ""
        return instance_service_pb2.ListInstancesResponse(
            instances=[self._written(one, busy) for one in page],
            next_page_token=token,
        )

    async def GetInstance(
        self, request: instance_service_pb2.GetInstanceRequest, context: Context
    ) -> instance_service_pb2.GetInstanceResponse:
        instance = await self._ledger.get_instance(read_name(request.name, "instances"))
        return instance_service_pb2.GetInstanceResponse(instance=await self._shown(instance))

    async def DrainInstance(
        self, request: instance_service_pb2.DrainInstanceRequest, context: Context
    ) -> instance_service_pb2.DrainInstanceResponse:
        instance_id = read_name(request.name, "instances")
        instance = await self._ledger.change_instance(instance_id, _drained_by_hand)
        self._wake_fleet()
        return instance_service_pb2.DrainInstanceResponse(instance=await self._shown(instance))

    async def DestroyInstance(
        self, request: instance_service_pb2.DestroyInstanceRequest, context: Context
    ) -> instance_service_pb2.DestroyInstanceResponse:
        instance_id = read_name(request.name, "instances")
        instance = await self._ledger.change_instance(instance_id, lambda one: given_up(one, failure=None))
        self._wake_fleet()
        return instance_service_pb2.DestroyInstanceResponse(instance=await self._shown(instance))

    async def _shown(self, instance: Instance) -> instance_pb2.Instance:
        return self._written(instance, await self._busy_slots())

    def _written(self, instance: Instance, busy: Counter[str]) -> instance_pb2.Instance:
        return instance_to_proto(instance, busy_slots=busy[instance.id], now=self._clock.now())

    async def _busy_slots(self) -> Counter[str]:
        running = [job.running_attempt for job in await self._ledger.unfinished_jobs()]
        return Counter(attempt.instance_id for attempt in running if attempt is not None)


def _drained_by_hand(instance: Instance) -> Instance:
    """One that does not take work yet has none to finish, so that it goes at once."""
    return draining(instance) if instance.state is InstanceState.READY else _ended_unless_draining(instance)


def _ended_unless_draining(instance: Instance) -> Instance:
    return instance if instance.state is InstanceState.DRAINING else given_up(instance, failure=None)

"""InstanceService: what works, and with what; an operator's own hand on it is not offered yet."""
# ruff: noqa: N802, ARG002 - the names and arguments of the methods are gRPC's

from collections import Counter

from spotreel.orchestrator.v1 import instance_pb2, instance_service_pb2, instance_service_pb2_grpc

from orchestrator import convert
from orchestrator.fleet.instance import InstanceState
from orchestrator.pages import decode_token, encode_token, page_size
from orchestrator.ports import Ledger
from orchestrator.rpc.names import read_name, read_states
from servicekit.errors import Unimplemented
from servicekit.rpc.stages import Context


class InstanceService(instance_service_pb2_grpc.InstanceServiceServicer):
    """Answers the calls of InstanceService."""

    def __init__(self, *, ledger: Ledger) -> None:
        self._ledger = ledger

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
            instances=[convert.instance_to_proto(one, busy_slots=busy[one.id]) for one in page],
            next_page_token=token,
        )

    async def GetInstance(
        self, request: instance_service_pb2.GetInstanceRequest, context: Context
    ) -> instance_service_pb2.GetInstanceResponse:
        instance = await self._ledger.get_instance(read_name(request.name, "instances"))
        busy = await self._busy_slots()
        return instance_service_pb2.GetInstanceResponse(
            instance=convert.instance_to_proto(instance, busy_slots=busy[instance.id])
        )

    async def DrainInstance(
        self, request: instance_service_pb2.DrainInstanceRequest, context: Context
    ) -> instance_service_pb2.DrainInstanceResponse:
        await self._ledger.get_instance(read_name(request.name, "instances"))
        raise _not_offered("Draining an instance by hand", "DrainInstance")

    async def DestroyInstance(
        self, request: instance_service_pb2.DestroyInstanceRequest, context: Context
    ) -> instance_service_pb2.DestroyInstanceResponse:
        await self._ledger.get_instance(read_name(request.name, "instances"))
        raise _not_offered("Destroying an instance by hand", "DestroyInstance")

    async def _busy_slots(self) -> Counter[str]:
        running = [job.running_attempt for job in await self._ledger.unfinished_jobs()]
        return Counter(attempt.instance_id for attempt in running if attempt is not None)


def _not_offered(what: str, method: str) -> Unimplemented:
    return Unimplemented(
        f"{what} is not offered yet; the server starts and ends its local workers itself.",
        reason="NOT_IMPLEMENTED",
        metadata={"method": method},
    )

"""Instances."""

from datetime import datetime

from spotreel.orchestrator.v1 import instance_pb2
from spotreel.worker.v1 import capabilities_pb2

from orchestrator.convert.offers import offer_to_proto
from orchestrator.convert.times import optional_timestamp, timestamp
from orchestrator.fleet.instance import Instance, InstanceFailure
from orchestrator.money.cost import cost_so_far
from orchestrator.money.price import Cost
from servicekit.media.convert import enum_to_proto


def instance_to_proto(instance: Instance, *, busy_slots: int, now: datetime) -> instance_pb2.Instance:
    """Writes an instance; its secret stays here."""
    message = instance_pb2.Instance(
        name=instance.name,
        cloud=instance.cloud,
        provider_id=instance.provider_id,
        offer=None if instance.offer is None else offer_to_proto(instance.offer),
        capabilities=(
            capabilities_pb2.Capabilities.FromString(instance.capabilities) if instance.capabilities else None
        ),
        slots=instance.slots,
        busy_slots=busy_slots,
        address=instance.address,
        create_time=timestamp(instance.create_time),
        ready_time=optional_timestamp(instance.ready_time),
        cost=cost_to_proto(cost_so_far(instance, now=now), final=_cost_is_final(instance)),
        failure=None if instance.failure is None else failure_to_proto(instance.failure),
    )
    enum_to_proto(message, "state", instance.state)
    return message


def cost_to_proto(cost: Cost, *, final: bool) -> instance_pb2.InstanceCost:
    """Writes what an instance cost."""
    return instance_pb2.InstanceCost(
        total_usd_micros=cost.total_usd_micros,
        gpu_usd_micros=cost.gpu_usd_micros,
        storage_usd_micros=cost.storage_usd_micros,
        transfer_usd_micros=cost.transfer_usd_micros,
        final=final,
    )


def cost_from_proto(message: instance_pb2.InstanceCost) -> Cost:
    """Reads what an instance cost."""
    return Cost(
        gpu_usd_micros=message.gpu_usd_micros,
        storage_usd_micros=message.storage_usd_micros,
        transfer_usd_micros=message.transfer_usd_micros,
    )


def failure_to_proto(failure: InstanceFailure) -> instance_pb2.InstanceFailure:
    """Writes why an instance was given up."""
    return instance_pb2.InstanceFailure(reason=failure.reason, message=failure.message, log_tail=failure.log_tail)


def failure_from_proto(message: instance_pb2.InstanceFailure) -> InstanceFailure:
    """Reads why an instance was given up."""
    return InstanceFailure(reason=message.reason, message=message.message, log_tail=message.log_tail)


def hardware_codecs(capabilities: bytes) -> frozenset[str]:
    """Reads the codecs that a worker's GPU was seen to encode from its serialised `Capabilities`."""
    message = capabilities_pb2.Capabilities.FromString(capabilities)
    return frozenset(one.codec for one in message.encoders if one.hardware and one.usable)


def hardware_objections(capabilities: bytes) -> dict[str, str]:
    """Reads, by codec, why a worker's GPU does not encode it, as the worker says it."""
    message = capabilities_pb2.Capabilities.FromString(capabilities)
    return {one.codec: one.reason for one in message.encoders if one.hardware and not one.usable}


def _cost_is_final(instance: Instance) -> bool:
    """What is rented is final when the marketplace has said so; until then its own meters may differ from ours."""
    return instance.end_time is not None and (instance.offer is None or instance.charged is not None)

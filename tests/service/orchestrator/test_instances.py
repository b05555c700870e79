"""InstanceService and OfferService: what they show, and what an operator can do."""

from dataclasses import replace
from datetime import timedelta

from spotreel.orchestrator.v1 import instance_pb2, offer_service_pb2
from spotreel.orchestrator.v1 import instance_service_pb2 as pb
from spotreel.worker.v1 import capabilities_pb2

from orchestrator.fleet.instance import InstanceState, settled
from orchestrator.money.price import Cost
from tests.service.orchestrator.conftest import Service, refusal
from tests.service.orchestrator.test_jobs import create, job_id
from tests.simulators.records import START, make_instance, make_offer


async def test_an_instance_shows_its_slots_and_never_its_secret(service: Service) -> None:
    capabilities = capabilities_pb2.Capabilities(cpu_count=4)
    await service.ledger.add_instance(
        make_instance("i1", state=InstanceState.READY, slots=2, capabilities=capabilities.SerializeToString())
    )
    await service.ledger.add_instance(make_instance("i0", state=InstanceState.DESTROYED))
    job = await create(service)
    await service.dispatch.start(job_id(job))
    (listed,) = (await service.instances.ListInstances(pb.ListInstancesRequest())).instances
    assert (listed.name, listed.slots, listed.busy_slots) == ("instances/i1", 2, 1)
    assert listed.capabilities == capabilities
    assert b"s" * 32 not in listed.SerializeToString()
    assert (await service.instances.GetInstance(pb.GetInstanceRequest(name=listed.name))).instance == listed
    destroyed = pb.ListInstancesRequest(state_filter=[instance_pb2.Instance.State.STATE_DESTROYED])
    assert [one.name for one in (await service.instances.ListInstances(destroyed)).instances] == ["instances/i0"]


async def test_pages_of_instances(service: Service) -> None:
    for number in range(3):
        instance = make_instance(f"i{number}")
        await service.ledger.add_instance(replace(instance, state=InstanceState.STARTING))
    page = await service.instances.ListInstances(pb.ListInstancesRequest(page_size=2))
    request = pb.ListInstancesRequest(page_size=2, page_token=page.next_page_token)
    rest = await service.instances.ListInstances(request)
    assert [one.name[-1] for one in (*page.instances, *rest.instances)] == ["2", "1", "0"]
    bad = service.instances.ListInstances(pb.ListInstancesRequest(page_token="x"))
    assert (await refusal(bad)).pair == ("INVALID_ARGUMENT", "PAGE_TOKEN_INVALID")


async def test_an_operator_can_drain_and_destroy(service: Service) -> None:
    for name, state in (("i1", InstanceState.READY), ("i2", InstanceState.STARTING), ("i3", InstanceState.READY)):
        await service.ledger.add_instance(make_instance(name, state=state))
    drained = (await service.instances.DrainInstance(pb.DrainInstanceRequest(name="instances/i1"))).instance
    again = (await service.instances.DrainInstance(pb.DrainInstanceRequest(name="instances/i1"))).instance
    early = (await service.instances.DrainInstance(pb.DrainInstanceRequest(name="instances/i2"))).instance
    destroyed = (await service.instances.DestroyInstance(pb.DestroyInstanceRequest(name="instances/i3"))).instance

    states = instance_pb2.Instance.State
    assert (drained.state, again.state) == (states.STATE_DRAINING, states.STATE_DRAINING)
    assert (early.state, destroyed.state) == (states.STATE_DESTROYING, states.STATE_DESTROYING)
    for call in (
        service.instances.GetInstance(pb.GetInstanceRequest(name="instances/none")),
        service.instances.DrainInstance(pb.DrainInstanceRequest(name="instances/none")),
        service.instances.DestroyInstance(pb.DestroyInstanceRequest(name="instances/none")),
    ):
        assert (await refusal(call)).pair == ("NOT_FOUND", "INSTANCE_NOT_FOUND")


async def test_what_was_rented_shows_its_offer_and_its_cost(service: Service) -> None:
    end = START + timedelta(hours=2)
    rented = make_instance(
        "i1", state=InstanceState.DESTROYED, offer=make_offer(), running_time=START + timedelta(hours=1), end_time=end
    )
    await service.ledger.add_instance(rented)
    shown = (await service.instances.GetInstance(pb.GetInstanceRequest(name="instances/i1"))).instance
    await service.ledger.change_instance("i1", lambda one: settled(one, charged=Cost(gpu_usd_micros=355_555)))
    charged = (await service.instances.GetInstance(pb.GetInstanceRequest(name="instances/i1"))).instance

    assert (shown.offer.gpu_name, shown.offer.usd_micros_per_hour) == ("RTX 4090", 360_000)
    # An hour of the GPU, two of its disk.
    assert (shown.cost.gpu_usd_micros, shown.cost.storage_usd_micros) == (356_000, 8_000)
    assert not shown.cost.final
    assert charged.cost.total_usd_micros == 355_555
    assert charged.cost.final


async def test_a_server_without_a_marketplace_says_so(service: Service) -> None:
    offers = service.offers.SearchOffers(offer_service_pb2.SearchOffersRequest())
    assert (await refusal(offers)).pair == ("UNIMPLEMENTED", "NOT_IMPLEMENTED")

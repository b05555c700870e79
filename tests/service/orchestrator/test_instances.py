"""InstanceService and OfferService: what they show, and what they say they do not do."""

from dataclasses import replace

from spotreel.orchestrator.v1 import instance_pb2, offer_service_pb2
from spotreel.orchestrator.v1 import instance_service_pb2 as pb
from spotreel.worker.v1 import capabilities_pb2

from orchestrator.fleet.instance import InstanceState
from tests.service.orchestrator.conftest import Service, refusal
from tests.service.orchestrator.test_jobs import create, job_id
from tests.simulators.records import make_instance


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


async def test_what_is_not_offered_is_said_so(service: Service) -> None:
    await service.ledger.add_instance(make_instance("i1"))
    for drain, destroy, pair in (
        ("instances/none", "instances/none", ("NOT_FOUND", "INSTANCE_NOT_FOUND")),
        ("instances/i1", "instances/i1", ("UNIMPLEMENTED", "NOT_IMPLEMENTED")),
    ):
        assert (await refusal(service.instances.DrainInstance(pb.DrainInstanceRequest(name=drain)))).pair == pair
        assert (await refusal(service.instances.DestroyInstance(pb.DestroyInstanceRequest(name=destroy)))).pair == pair
    missing = service.instances.GetInstance(pb.GetInstanceRequest(name="instances/none"))
    assert (await refusal(missing)).pair == ("NOT_FOUND", "INSTANCE_NOT_FOUND")
    offers = service.offers.SearchOffers(offer_service_pb2.SearchOffersRequest())
    assert (await refusal(offers)).pair == ("UNIMPLEMENTED", "NOT_IMPLEMENTED")

"""What every ledger promises about assets, uploads and instances."""

from dataclasses import replace
from datetime import timedelta

import pytest
from spotreel.worker.v1.capabilities_pb2 import Capabilities

from orchestrator.fleet.instance import InstanceFailure, InstanceState
from orchestrator.money.price import Cost
from orchestrator.ports import Ledger
from servicekit.errors import AlreadyExists, NotFound
from tests.simulators.records import START, make_asset, make_instance, make_offer, make_upload

DAY = timedelta(days=1)
_CAPABILITIES = Capabilities(
    encoders=[
        Capabilities.Encoder(name="h264_nvenc", codec="h264", hardware=True, usable=True),
        Capabilities.Encoder(name="hevc_nvenc", codec="hevc", hardware=True),
        Capabilities.Encoder(name="libsvtav1", codec="av1", usable=True),
    ]
).SerializeToString()


async def test_an_asset_is_known_by_its_content_and_its_expiry_only_moves_later(ledger: Ledger) -> None:
    asset = await ledger.add_asset(make_asset("a"))
    later = await ledger.add_asset(replace(asset, file_name="other", expire_time=asset.expire_time + DAY))
    assert later == replace(asset, expire_time=asset.expire_time + DAY)
    assert await ledger.touch_asset(asset.sha256, expire_time=START) == later
    assert await ledger.get_asset(asset.sha256) == later
    with pytest.raises(NotFound, match="assets/b"):
        await ledger.touch_asset("b" * 64, expire_time=START)


async def test_assets_are_listed_the_newest_first(ledger: Ledger) -> None:
    for digit in "abc":
        await ledger.add_asset(make_asset(digit, at=START + (DAY if digit == "a" else timedelta())))
    first = await ledger.list_assets(limit=2, after=None)
    rest = await ledger.list_assets(limit=2, after=(first[-1].create_time, first[-1].sha256))
    assert [asset.sha256[0] for asset in (*first, *rest)] == ["a", "c", "b"]


async def test_uploads_are_begun_once(ledger: Ledger) -> None:
    upload = await ledger.begin_upload(make_upload("u1"))
    assert await ledger.begin_upload(make_upload("u1", at=START + DAY)) == upload
    with pytest.raises(AlreadyExists) as caught:
        await ledger.begin_upload(make_upload("u1", size_bytes=6))
    assert caught.value.reason == "UPLOAD_ID_REUSED"
    assert await ledger.uploads_before(START) == []
    assert await ledger.uploads_before(START + DAY) == [upload]
    await ledger.delete_upload("u1")
    await ledger.delete_upload("u1")
    with pytest.raises(NotFound):
        await ledger.get_upload("u1")


async def test_an_instance_comes_back_as_it_was_written(ledger: Ledger) -> None:
    await ledger.add_instance(make_instance("i1"))
    failure = InstanceFailure(reason="WORKER_EXITED", message="it is gone", log_tail="the end")
    changed = await ledger.change_instance(
        "i1",
        lambda one: replace(
            one,
            state=InstanceState.DESTROYING,
            provider_id="77",
            address="127.0.0.1:1",
            ready_time=START + DAY,
            end_time=START + DAY,
            slots=2,
            capabilities=_CAPABILITIES,
            hardware_codecs=frozenset({"h264"}),
            failure=failure,
            offer=make_offer("7"),
            image="registry.example/worker:1",
            encoder="h264",
            running_time=START,
            received_bytes=5,
            sent_bytes=6,
            charged=Cost(gpu_usd_micros=1, storage_usd_micros=2, transfer_usd_micros=3),
        ),
    )
    assert await ledger.get_instance("i1") == changed
    assert (changed.failure, changed.secret) == (failure, b"s" * 32)
    with pytest.raises(NotFound):
        await ledger.change_instance("i2", lambda one: one)


async def test_instances_of_a_cloud_since_a_moment(ledger: Ledger) -> None:
    for number in range(3):
        await ledger.add_instance(make_instance(f"i{number}", at=START + number * DAY, end_time=START + number * DAY))
    await ledger.add_instance(make_instance("i3", at=START + 3 * DAY))
    await ledger.add_instance(replace(make_instance("i4", at=START + 4 * DAY), cloud="vast"))
    found = await ledger.instances_since("local", START + DAY)
    assert [one.id for one in found] == ["i3", "i2"]


async def test_instances_are_listed_by_state_the_newest_first(ledger: Ledger) -> None:
    for number in range(3):
        await ledger.add_instance(make_instance(f"i{number}", at=START + number * DAY))
    await ledger.change_instance("i1", lambda one: replace(one, state=InstanceState.DESTROYED))
    states = frozenset(InstanceState) - {InstanceState.DESTROYED}
    (first,) = await ledger.list_instances(states=states, limit=1)
    rest = await ledger.list_instances(states=states, limit=9, after=(first.create_time, first.id))
    assert [one.id for one in (first, *rest)] == ["i2", "i0"]

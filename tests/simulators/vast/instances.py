"""Reads of instances, and all that is done to one: label, stop, start, reboot, bid, destroy."""

from typing import Any

from tests.simulators.vast.contracts import Contract
from tests.simulators.vast.rows import instance_row
from tests.simulators.vast.wire import Answer, refused, said
from tests.simulators.vast.world import Call, World

_MOST_LABEL = 1024
_LEAST_BID = 0.001
_NULLABLE = (
    *("geolocation", "cpu_cores", "cpu_name", "gpu_util", "gpu_temp", "status_msg", "inet_up", "inet_down"),
    *("reliability2", "verification", "driver_version", "dph_total", "public_ipaddr"),
)


def show(world: World, call: Call) -> Answer:
    """`GET /api/v0/instances/{id}/`: the plural key, one object, null where there is none."""
    contract = world.contract(call)
    if contract is not None and visible(contract):
        hit = world.faults.hit("transient_null_read", **world.circumstances(call))
        return said({"instances": None if hit else row(world, contract, call)})
    if contract is None and world.faults.hit("unknown_as_404", **world.circumstances(call)):
        return no_such_instance(call.number)
    return said({"instances": None})


def visible(contract: Contract) -> bool:
    """Tells whether a read finds a contract; the first ones may not."""
    if contract.hidden_reads > 0:
        contract.hidden_reads -= 1
        return False
    return True


def row(world: World, contract: Contract, call: Call) -> dict[str, Any]:
    """Returns the row of an instance as it is now."""
    shown = instance_row(contract, now=world.now, epoch=world.epoch)
    if world.faults.hit("null_fields", endpoint=call.endpoint, **contract.circumstances()):
        shown |= dict.fromkeys(_NULLABLE)
    return shown


def no_such_instance(instance_id: int) -> Answer:
    """Returns the refusal for an id that is not there (observed; documented as not_found)."""
    return refused(404, "no_such_instance", f"Instance {instance_id} not found.")


def update(world: World, call: Call) -> Answer:
    """`PUT /api/v0/instances/{id}/`: a state, a label, or both."""
    contract = world.contract(call)
    if contract is None:
        return no_such_instance(call.number)
    if (objection := _objection(call)) is not None:
        return objection
    if "label" in call.body:
        contract.label = call.body["label"]
    return _set_state(world, contract, call.body.get("state"))


def update_many(world: World, call: Call) -> Answer:
    """`PUT /api/v0/instances/` with `ids`."""
    contracts = _named(world, call, "ids")
    if isinstance(contracts, Answer):
        return contracts
    if (objection := _objection(call)) is not None:
        return objection
    answers = [_set_state(world, contract, call.body.get("state")) for contract in contracts]
    return next((answer for answer in answers if not answer.json()["success"]), said({"success": True}))


def destroy(world: World, call: Call) -> Answer:
    """`DELETE /api/v0/instances/{id}/`"""
    about = world.circumstances(call)
    contract = world.contract(call)
    if contract is None or world.faults.hit("destroy_not_found", **about):
        return no_such_instance(call.number)
    return _destroy(world, contract, call)


def destroy_many(world: World, call: Call) -> Answer:
    """`DELETE /api/v0/instances/` with `instance_ids`."""
    contracts = _named(world, call, "instance_ids")
    if isinstance(contracts, Answer):
        return contracts
    for contract in contracts:
        _destroy(world, contract, call)
    return said({"success": True})


def reboot(world: World, call: Call) -> Answer:
    """`PUT /api/v0/instances/reboot/{id}/`"""
    contract = world.contract(call)
    if contract is None:
        return no_such_instance(call.number)
    if contract.actual != "running":
        return said({"success": False, "msg": "Instance is not running."})
    world.lifecycle.reboot(contract, world.now)
    return said({"success": True})


def recycle(world: World, call: Call) -> Answer:
    """`PUT /api/v0/instances/recycle/{id}/`"""
    contract = world.contract(call)
    if contract is None:
        return no_such_instance(call.number)
    if contract.intended != "running" or contract.actual is None:
        return said({"success": False, "msg": "Instance is not running."})
    world.lifecycle.recycle(contract, world.now)
    return said({"success": True})


def change_bid(world: World, call: Call) -> Answer:
    """`PUT /api/v0/instances/bid_price/{id}/`"""
    contract = world.contract(call)
    price = call.body.get("price")
    if isinstance(price, bool) or not isinstance(price, int | float) or price < _LEAST_BID:
        return refused(400, "invalid_price", f"Please set a bid price >= {_LEAST_BID}.")
    if contract is None or contract.price is None:
        return refused(404, "no_such_instance", "Instance with that ID does not exist.")
    contract.price = float(price)
    if price < contract.offer.min_bid:
        world.lifecycle.stop(contract, world.now, because="bid_too_low")
    elif contract.stopped_because == "bid_too_low":
        world.lifecycle.start(contract, world.now)
    return said({"success": True})


def _set_state(world: World, contract: Contract, state: Any) -> Answer:
    if state == "stopped":
        contract.queued = False
        world.lifecycle.stop(contract, world.now, because="asked")
    elif state == "running":
        if world.accounts.credit <= 0:
            return said({"success": False, "msg": "Your account lacks credit; see the billing page."})
        if not world.lifecycle.start(contract, world.now):
            msg = "Required resources are currently unavailable, state change queued"
            return said({"success": False, "msg": msg})
    return said({"success": True})


def _objection(call: Call) -> Answer | None:
    label, state = call.body.get("label", ""), call.body.get("state", "")
    if "label" not in call.body and "state" not in call.body:
        return refused(400, "invalid_args", "Either state or label is required.")
    if not isinstance(label, str | None) or len(label or "") > _MOST_LABEL:
        return refused(400, "invalid_args", f"label must have at most {_MOST_LABEL} characters")
    if state not in ("", "running", "stopped"):
        return refused(400, "invalid_args", f"{state} is not a state")
    return None


def _named(world: World, call: Call, name: str) -> list[Contract] | Answer:
    ids = call.body.get(name)
    if not isinstance(ids, list) or not all(isinstance(one, int) for one in ids) or not ids:
        return refused(400, "invalid_args", f"{name} must be a list of ids")
    missing = [one for one in ids if one not in world.living]
    return no_such_instance(missing[0]) if missing else [world.living[one] for one in dict.fromkeys(ids)]


def _destroy(world: World, contract: Contract, call: Call) -> Answer:
    about = {"endpoint": call.endpoint, **contract.circumstances()}
    if not world.faults.hit("destroy_ignored", **about):
        world.lifecycle.destroy(contract, world.now)
    return said({"success": True, "msg": f"Instance {contract.id} destroyed."})

"""The simulator's own endpoints, for tests and demonstrations: faults, events, time, and the truth."""

import ipaddress
from collections.abc import Callable
from typing import Any

from tests.simulators.vast.contracts import Contract
from tests.simulators.vast.meters import Kind
from tests.simulators.vast.wire import Answer, Json, Request, refused, said
from tests.simulators.vast.world import Call, World

_ARMED_BY = frozenset({"times", "probability", "script", "match", "value", "seconds"})


def faults(world: World, call: Call) -> Answer:
    """`GET /control/faults`"""
    return said({"faults": {knob.name: knob.described() for knob in world.faults}})


def fault(world: World, call: Call) -> Answer:
    """`GET /control/faults/{name}`"""
    return _known(world, call) or said(world.faults[call.path[0]].described())


def arm(world: World, call: Call) -> Answer:
    """`PUT /control/faults/{name}` with times, probability or script, and match, value, seconds."""
    if (objection := _known(world, call)) is not None:
        return objection
    unknown = sorted(call.body.keys() - _ARMED_BY)
    if unknown:
        return refused(400, "invalid_args", f"{unknown[0]} is none of {', '.join(sorted(_ARMED_BY))}")
    try:
        return said(world.faults.arm(call.path[0], **call.body).described())
    except (ValueError, TypeError) as error:
        return refused(400, "invalid_args", str(error))


def disarm(world: World, call: Call) -> Answer:
    """`DELETE /control/faults/{name}`"""
    if (objection := _known(world, call)) is not None:
        return objection
    world.faults.disarm(call.path[0])
    return said(world.faults[call.path[0]].described())


def disarm_all(world: World, call: Call) -> Answer:
    """`DELETE /control/faults`"""
    world.faults.disarm()
    return said({"success": True})


def state(world: World, call: Call) -> Answer:
    """`GET /control/state`: the truth."""
    return said(
        {
            "now": world.epoch,
            "credit_usd": world.accounts.credit,
            "billed_usd": world.accounts.billed,
            "creates": world.creates,
            "requests": dict(world.requests),
            "refused_for_pace": dict(world.pacing.refused),
            "keys_leaked": world.keys_leaked,
            "fired": world.faults.fired,
            "contracts": [described(world, contract) for contract in world.living.values()],
            "history": [described(world, contract) for contract in world.lifecycle.history],
        }
    )


def described(world: World, contract: Contract) -> Json:
    """Returns what is true of a contract, and what it has used."""
    bill = world.accounts.bills[contract.id]
    address = contract.address
    return {
        "id": contract.id,
        "label": contract.label,
        "machine_id": contract.offer.machine_id,
        "offer_id": contract.offer.id,
        "gpu_name": contract.offer.gpu_name,
        "bid": contract.price,
        "created": world.epoch - (world.now - contract.created),
        "destroyed": None if contract.destroyed is None else world.epoch - (world.now - contract.destroyed),
        "actual_status": contract.actual,
        "intended_status": contract.intended,
        "stopped_because": contract.stopped_because,
        "fates": contract.fates,
        "ports": {} if address is None else dict(address.ports),
        "pid": 0 if address is None else address.pid,
        "gpu_seconds": bill.quantity(Kind.GPU),
        "storage_seconds": bill.quantity(Kind.DISK),
        "down_bytes": bill.quantity(Kind.DOWN),
        "up_bytes": bill.quantity(Kind.UP),
        "billed_usd": bill.amount(),
    }


def act(world: World, call: Call) -> Answer:
    """`POST /control/instances/{id}/{what}`"""
    number, what = int(call.path[0]), call.path[1]
    if what == "resurrect":
        return _resurrect(world, number)
    contract = world.living.get(number)
    if contract is None:
        return refused(404, "no_such_instance", f"There is no instance {number}.")
    action = _ACTIONS.get(what)
    if action is None:
        return refused(404, "no_such_action", f"{what} is none of {', '.join(sorted(_ACTIONS))}, resurrect")
    action(world, contract, call)
    return said(described(world, contract))


def _resurrect(world: World, number: int) -> Answer:
    contract = next((one for one in world.lifecycle.history if one.id == number), None)
    if contract is None:
        return refused(404, "no_such_instance", f"No instance {number} was ever destroyed.")
    world.lifecycle.resurrect(contract, world.now)
    return said(described(world, contract))


def credit(world: World, call: Call) -> Answer:
    """`POST /control/credit` with `usd`: the credit from now on."""
    usd = call.body.get("usd")
    if isinstance(usd, bool) or not isinstance(usd, int | float):
        return refused(400, "invalid_args", "usd must be a number")
    set_credit(world, float(usd))
    return said({"credit_usd": world.accounts.credit})


def set_credit(world: World, usd: float) -> None:
    """Makes the credit what it is to be."""
    world.accounts.deposited += usd - world.accounts.credit


def allowed(request: Request) -> bool:
    """Tells whether a caller may use these endpoints: only one on this machine."""
    try:
        return ipaddress.ip_address(request.client).is_loopback
    except ValueError:
        return False


def _known(world: World, call: Call) -> Answer | None:
    name = call.path[0]
    return None if name in world.faults else refused(404, "no_such_fault", f"There is no fault {name}.")


def _traffic(world: World, contract: Contract, call: Call) -> None:
    down, up = int(call.body.get("down_bytes") or 0), int(call.body.get("up_bytes") or 0)
    world.accounts.transfer(contract, down_bytes=down, up_bytes=up)


def _stop(world: World, contract: Contract, call: Call) -> None:
    world.lifecycle.stop(contract, world.now, because="asked")


def _simply(name: str) -> Callable[[World, Contract, Call], Any]:
    return lambda world, contract, call: getattr(world.lifecycle, name)(contract, world.now)


_ACTIONS: dict[str, Callable[[World, Contract, Call], Any]] = {
    "loaded": _simply("loaded"),
    "outbid": _simply("outbid"),
    "resume": _simply("resume"),
    "stop": _stop,
    "kill": _simply("exit"),
    "end_contract": _simply("end"),
    "offline": _simply("offline"),
    "online": _simply("online"),
    "destroy": _simply("destroy"),
    "traffic": _traffic,
}

ROUTES: tuple[tuple[str, str, Callable[[World, Call], Answer]], ...] = (
    ("GET", "/control/faults/", faults),
    ("DELETE", "/control/faults/", disarm_all),
    ("GET", "/control/faults/{word}/", fault),
    ("PUT", "/control/faults/{word}/", arm),
    ("DELETE", "/control/faults/{word}/", disarm),
    ("GET", "/control/state/", state),
    ("POST", "/control/instances/{id}/{word}/", act),
    ("POST", "/control/credit/", credit),
)
"""Method, path and handler of those that need not wait; moving the clock is the market's own."""

"""Creates: an offer becomes a contract, or does not."""

import re
from typing import Any

from tests.simulators.vast.contracts import Contract, Order, pairs, words_of
from tests.simulators.vast.offers import Offer
from tests.simulators.vast.wire import Answer, Json, refused, said
from tests.simulators.vast.world import Call, World

# Limits of Vast.ai's documentation of the create call.
_LEAST_DISK_GB = 8.0
_MOST_IMAGE, _MOST_LABEL, _MOST_START = 1024, 256, 4096
_MOST_ENV_ENTRY, _MOST_ENV, _MOST_PORTS = 256, 32_768, 64
_LEAST_BID, _MOST_BID = 0.001, 128.0
_IMAGE = re.compile(r"[a-z0-9][a-z0-9._/:@-]*(:[\w.-]+)?(@sha256:[0-9a-f]{64})?", re.ASCII)

_GONE = {
    "offer_gone_404": (
        404,
        "invalid_args",
        "error 404/3603: no_such_ask Instance type by id {id} is not available.",
    ),
    "offer_gone_410": (
        410,
        "no_such_ask",
        "error 410/3907: no_such_ask Instance type by id {id} is no longer available.",
    ),
    "offer_gone_400": (
        400,
        "invalid_args",
        "error 404/3603: no_such_ask Instance type by id {id} is not available.",
    ),
}


class Refused(Exception):
    """The create is refused; nothing was made."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body.decode())
        self.answer = answer


def create(world: World, call: Call) -> Answer:
    """`PUT /api/v0/asks/{id}/`"""
    try:
        _check_faults(world, call)
        order = _order(call.body)
        offer = _offer(world, call.number, order)
        _check_money(world)
    except Refused as error:
        return error.answer
    bid_too_low = order.price is not None and order.price < offer.min_bid
    if bid_too_low and call.body.get("cancel_unavail"):
        return refused(400, "unavailable", "Required resources are currently unavailable, the request was cancelled.")
    hit = world.faults.hit("half_success", **world.circumstances(call))
    wanted = "asked" if call.body.get("target_state") == "stopped" else ""
    contract = _contract(world, offer, order, stopped="bid_too_low" if bid_too_low or hit is not None else wanted)
    if bid_too_low or hit is not None:
        msg = "Bid too low: the instance was created and is stopped."
        body = {"success": False, "error": "bid_too_low", "msg": msg, "new_contract": contract.id}
        return said(body, status=200 if hit is None else int(hit.value))
    return said({"success": True, "new_contract": contract.id, "instance_api_key": contract.key})


def gone(name: str, offer_id: int) -> Answer:
    """Returns one of the three ways in which the marketplace says that an offer is gone."""
    status, error, msg = _GONE[name]
    return refused(status, error, msg.format(id=offer_id), ask_id=offer_id)


def _check_faults(world: World, call: Call) -> None:
    about = world.circumstances(call)
    for name in _GONE:
        if world.faults.hit(name, **about):
            raise Refused(gone(name, call.number))
    if world.faults.hit("insufficient_credit", **about):
        raise Refused(_no_credit())
    if world.faults.hit("spend_rate_limit", **about):
        msg = "New accounts may not spend this fast; verify the account or try again later."
        raise Refused(refused(400, "spend_rate_limit", msg))
    if world.faults.hit("server_error", **about):
        raise Refused(_went_wrong())


def _no_credit() -> Answer:
    return refused(400, "insufficient_credit", "Your account lacks credit; see the billing page.")


def _went_wrong() -> Answer:
    return refused(400, "server_error", "Something went wrong. Please try again or contact support.")


def _check_money(world: World) -> None:
    if world.accounts.credit <= 0:
        raise Refused(_no_credit())


def _offer(world: World, offer_id: int, order: Order) -> Offer:
    offer = world.book.get(offer_id)
    if offer is None or not offer.rentable:
        raise Refused(gone("offer_gone_404", offer_id))
    contracts = list(world.living.values())
    if any(one.holds_gpus and one.offer.id == offer.id for one in contracts):
        raise Refused(gone("offer_gone_410", offer_id))
    if not world.book.available(offer, contracts) or world.now >= world.started + offer.remaining_seconds:
        raise Refused(gone("offer_gone_400", offer_id))
    if order.disk_gb > offer.disk_space:
        raise Refused(_invalid(f"disk: the machine has {offer.disk_space} GB"))
    return offer


def _contract(world: World, offer: Offer, order: Order, *, stopped: str) -> Contract:
    about = {"offer": offer.id, "machine": offer.machine_id, "gpu_name": offer.gpu_name, "label": order.label or ""}
    about |= {"image": order.image}
    driver = world.faults.hit("old_driver", **about)
    hidden = world.faults.hit("hidden_first_reads", **about)
    contract = Contract(
        id=world.next_id,
        offer=offer,
        order=order,
        key="".join(world.chance.choices("0123456789abcdef", k=64)),
        created=world.now,
        driver_version=offer.driver_version if driver is None else str(driver.value),
        price=order.price,
        label=order.label,
        hidden_reads=world.settings.hidden_reads if hidden is None else int(hidden.value),
        end=world.started + offer.remaining_seconds,
    )
    if stopped:
        contract.intended = contract.cur_state = contract.next_state = "stopped"
        contract.stopped_because = stopped
    world.next_id += world.chance.randint(1, 40)
    world.creates += 1
    world.accounts.open_bill(contract)
    world.lifecycle.begin(contract, world.now)
    if world.settings.image_bytes:
        world.accounts.transfer(contract, down_bytes=world.settings.image_bytes, up_bytes=0)
    return contract


def _order(body: Json) -> Order:
    _check_texts(body)
    args = words_of(body.get("args"))
    return Order(
        image=str(body["image"]),
        disk_gb=_disk(body.get("disk")),
        label=body.get("label"),
        env=_environment(body.get("env")),
        runtype=str(body.get("runtype") or ("args" if args else "ssh")),
        args=args,
        onstart=body.get("onstart"),
        price=_price(body.get("price")),
        login=bool(body.get("image_login")),
        template_hash=body.get("template_hash_id"),
    )


def _check_texts(body: Json) -> None:
    image, label = body.get("image"), body.get("label") or ""
    if not image:
        raise Refused(_invalid("image is required"))
    if len(str(image)) > _MOST_IMAGE or not _IMAGE.fullmatch(str(image)):
        raise Refused(_went_wrong())
    if not isinstance(label, str) or len(label) > _MOST_LABEL:
        raise Refused(_invalid(f"label must have at most {_MOST_LABEL} characters"))
    start = [body.get("onstart") or "", body.get("args_str") or "", *words_of(body.get("args"))]
    if sum(map(len, start)) > _MOST_START:
        raise Refused(_invalid(f"onstart, args and args_str must have at most {_MOST_START} characters together"))


def _environment(env: Any) -> tuple[tuple[str, str], ...]:
    entries = pairs(env)
    if any(len(name) > _MOST_ENV_ENTRY or len(value) > _MOST_ENV_ENTRY for name, value in entries):
        raise Refused(_invalid(f"env: an entry must have at most {_MOST_ENV_ENTRY} characters"))
    if sum(len(name) + len(value) for name, value in entries) > _MOST_ENV:
        raise Refused(_invalid(f"env must have at most {_MOST_ENV} characters"))
    if sum(name.startswith("-p ") for name, _ in entries) > _MOST_PORTS:
        raise Refused(_invalid(f"env: at most {_MOST_PORTS} ports can be opened"))
    return entries


def _disk(disk: Any) -> float:
    try:
        gigabytes = _LEAST_DISK_GB if disk is None else float(disk)
    except (TypeError, ValueError):
        raise Refused(_invalid("disk must be a number")) from None
    if gigabytes < _LEAST_DISK_GB:
        raise Refused(_invalid(f"disk must be at least {_LEAST_DISK_GB:.0f} GB"))
    return gigabytes


def _price(price: Any) -> float | None:
    if price is None:
        return None
    if isinstance(price, bool) or not isinstance(price, int | float) or not _LEAST_BID <= price <= _MOST_BID:
        raise Refused(refused(400, "invalid_price", f"price must be from {_LEAST_BID} to {_MOST_BID}"))
    return float(price)


def _invalid(msg: str) -> Answer:
    return refused(400, "invalid_args", msg)

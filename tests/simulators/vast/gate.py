"""What stands between a request and its endpoint, and what may become of an answer on its way back."""

from collections.abc import Callable, Sequence

from tests.simulators.vast import pacing
from tests.simulators.vast.faults import Hit
from tests.simulators.vast.wire import Answer, Drop, dropped, html, plain, refused, said
from tests.simulators.vast.world import Call, World

_TITLES = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}


def before(world: World, call: Call) -> Answer | None:
    """Returns what is answered although nothing is done; None for a request that gets through."""
    about = world.circumstances(call)
    for name, make, endpoints in _BEFORE:
        if endpoints and call.endpoint not in endpoints:
            continue
        hit = world.faults.hit(name, **about)
        if hit is not None:
            return make(world, call, hit)
    return None


def after(world: World, call: Call, answer: Answer) -> Answer:
    """Returns what becomes of an answer to something that was done."""
    about = world.circumstances(call)
    for name, change, endpoints in _AFTER:
        if endpoints and call.endpoint not in endpoints:
            continue
        if name == "create_answer_lost" and b'"new_contract"' not in answer.body:
            continue
        hit = world.faults.hit(name, **about)
        if hit is not None:
            answer = change(answer, hit)
    return answer


def _refused_connection(world: World, call: Call, hit: Hit) -> Answer:
    return dropped(Drop.REFUSED)


def _lost(world: World, call: Call, hit: Hit) -> Answer:
    return dropped(Drop(hit.value))


def _down(world: World, call: Call, hit: Hit) -> Answer:
    return dropped(Drop.REFUSED) if hit.value == Drop.REFUSED else _gateway(world, call, hit)


def _gateway(world: World, call: Call, hit: Hit) -> Answer:
    return _page(int(hit.value))


def _page(status: int) -> Answer:
    return html(status, f"{status} {_TITLES.get(status, 'Error')}")


def _redirect(world: World, call: Call, hit: Hit) -> Answer:
    return moved(int(hit.value), "/api/v0/moved/")


def moved(status: int, location: str) -> Answer:
    """Returns a redirect. Its body is valid JSON that has none of the keys of an answer (observed 2026-09)."""
    body = {"message": "Moved Permanently", "location": location}
    return said(body, status=status, Location=location)


def _unknown_key(world: World, call: Call, hit: Hit) -> Answer:
    return unknown_key(int(hit.value))


def unknown_key(status: int = 404) -> Answer:
    """Returns what a key gets that does not exist (404 observed 2026-09-29, documented as 401)."""
    return refused(status, "auth_error", "Invalid user key")


def _text_429(world: World, call: Call, hit: Hit) -> Answer:
    return plain(429, str(hit.value))


def _detail_429(world: World, call: Call, hit: Hit) -> Answer:
    return pacing.too_often_detail(float(hit.value), 0.0)


def _json_429(world: World, call: Call, hit: Hit) -> Answer:
    return pacing.too_often_json(_threshold(call), 0.0)


def _threshold(call: Call) -> float:
    interval = pacing.INTERVALS.get(call.endpoint)
    return interval.seconds if interval else 1.0


def _retry_after_429(world: World, call: Call, hit: Hit) -> Answer:
    return pacing.too_often_retry_after(_threshold(call), float(hit.value) - 0.5)


def _quota(world: World, call: Call, hit: Hit) -> Answer:
    until_midnight = 86400.0 - world.epoch % 86400.0
    return pacing.quota_exceeded(until_midnight if hit.value is None else float(hit.value), world.epoch)


def _destroy_429(world: World, call: Call, hit: Hit) -> Answer:
    return pacing.too_often_threshold(pacing.INTERVALS["destroy"].seconds, 0.0)


def _deprecated(world: World, call: Call, hit: Hit) -> Answer:
    return deprecated(call.request.path)


def deprecated(path: str) -> Answer:
    """Returns what the old list answers since the summer of 2026."""
    msg = f"{path} is deprecated. Use /api/v1/instances/ instead."
    return refused(410, "deprecated_endpoint", msg)


def _no_success(world: World, call: Call, hit: Hit) -> Answer:
    return said({"success": False, "msg": str(hit.value)})


_Before = tuple[str, Callable[[World, Call, Hit], Answer], Sequence[str]]
_BEFORE: tuple[_Before, ...] = (
    ("connection_refused", _refused_connection, ()),
    ("api_down", _down, ()),
    ("request_lost", _lost, ()),
    ("create_request_lost", _lost, ("create",)),
    ("bad_gateway", _gateway, ()),
    ("wrong_redirect", _redirect, ()),
    ("key_revoked", _unknown_key, ()),
    ("rate_limit_text", _text_429, ()),
    ("rate_limit_detail", _detail_429, ()),
    ("rate_limit_json", _json_429, ()),
    ("rate_limit_retry_after", _retry_after_429, ()),
    ("search_quota_exceeded", _quota, ("search",)),
    ("destroy_rate_limited", _destroy_429, ("destroy", "destroy_many")),
    ("list_v0_style_410", _deprecated, ("list",)),
    ("success_false_200", _no_success, ()),
)


def _is_late(answer: Answer, hit: Hit) -> Answer:
    return answer.late(float(hit.value))


def _is_lost(answer: Answer, hit: Hit) -> Answer:
    return answer.lost(Drop(hit.value))


def _is_a_page(answer: Answer, hit: Hit) -> Answer:
    return html(200, "Vast.ai | Console")


def _gateway_gave_up(answer: Answer, hit: Hit) -> Answer:
    return _page(int(hit.value))


_After = tuple[str, Callable[[Answer, Hit], Answer], Sequence[str]]
_AFTER: tuple[_After, ...] = (
    ("bad_gateway_after_effect", _gateway_gave_up, ()),
    ("not_json", _is_a_page, ()),
    ("answer_lost", _is_lost, ()),
    ("create_answer_lost", _is_lost, ("create",)),
    ("slow_answer", _is_late, ()),
)

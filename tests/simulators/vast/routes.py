"""Which method and path is which endpoint, and what happens to the slash at the end."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.simulators.vast import account, control, instances, listing, logs, rental, search
from tests.simulators.vast.gate import moved
from tests.simulators.vast.wire import Answer, Json, Request, plain, refused
from tests.simulators.vast.world import Call, World

Handler = Callable[[World, Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint: its name, its method, its path with the slash at the end, and what it does."""

    endpoint: str
    method: str
    path: str
    handler: Handler
    slash_optional: bool = False
    anonymous: bool = False
    """Whether it needs no key."""
    own_instance: bool = False
    """Whether the key of an instance is enough, for that instance."""
    pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        pattern = self.path.replace("{id}", r"(\d+)").replace("{word}", r"([\w.-]+)").rstrip("/")
        object.__setattr__(self, "pattern", re.compile(f"{pattern}(/?)"))


ROUTES: tuple[Route, ...] = (
    Route("search", "POST", "/api/v0/bundles/", search.search, anonymous=True),
    Route("search", "GET", "/api/v0/bundles/", search.search, anonymous=True),
    Route("search", "PUT", "/api/v0/search/asks/", search.search, anonymous=True),
    Route("gpu_names", "GET", "/api/v0/gpu_names/unique/", search.gpu_names, anonymous=True),
    Route("create", "PUT", "/api/v0/asks/{id}/", rental.create),
    Route("old_list", "GET", "/api/v0/instances/", listing.old_list),
    Route("list", "GET", "/api/v1/instances/", listing.list_page),
    Route("filters", "GET", "/api/v0/instances/filters/", listing.filters),
    Route("show", "GET", "/api/v0/instances/{id}/", instances.show, own_instance=True),
    Route("update", "PUT", "/api/v0/instances/{id}/", instances.update, own_instance=True),
    Route("update_many", "PUT", "/api/v0/instances/", instances.update_many),
    Route("destroy", "DELETE", "/api/v0/instances/{id}/", instances.destroy, own_instance=True),
    Route("destroy_many", "DELETE", "/api/v0/instances/", instances.destroy_many),
    Route("reboot", "PUT", "/api/v0/instances/reboot/{id}/", instances.reboot),
    Route("recycle", "PUT", "/api/v0/instances/recycle/{id}/", instances.recycle),
    Route("bid", "PUT", "/api/v0/instances/bid_price/{id}/", instances.change_bid),
    Route("logs", "PUT", "/api/v0/instances/request_logs/{id}/", logs.request_logs),
    Route("execute", "PUT", "/api/v0/instances/command/{id}/", logs.execute),
    Route("log_file", "GET", "/s3/instance_logs/{word}.log", logs.log_file, slash_optional=True, anonymous=True),
    Route("user", "GET", "/api/v0/users/current/", account.user, slash_optional=True),
    Route("charges", "GET", "/api/v0/charges/", account.charges),
    Route("templates", "GET", "/api/v0/template/", account.templates),
    *(
        Route("control", method, path, handler, slash_optional=True, anonymous=True)
        for method, path, handler in control.ROUTES
    ),
)


class Unroutable(Exception):
    """There is nothing to do for a request but to answer so."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def understood(request: Request) -> tuple[Route, Call]:
    """Returns the endpoint of a request and what it asks; raises Unroutable."""
    matches = [(route, match) for route in ROUTES if (match := route.pattern.fullmatch(request.path)) is not None]
    if not matches:
        raise Unroutable(plain(404, "<html>404 Not Found</html>", content_type="text/html"))
    found = next(((route, match) for route, match in matches if route.method == request.method), None)
    if found is None:
        raise Unroutable(refused(405, "method_not_allowed", f"{request.method} is not allowed here."))
    route, match = found
    *path, slash = match.groups()
    if not slash and not route.slash_optional:
        query = request.target.removeprefix(request.path)
        raise Unroutable(moved(301, f"{request.path}/{query}"))
    return route, Call(
        request=request, endpoint=route.endpoint, path=tuple(path), query=request.query, body=_body(request)
    )


def _body(request: Request) -> Json:
    if request.method == "GET" and "q" in request.query and not request.body:
        return {"q": _decoded(request.query["q"].encode())}
    return _decoded(request.body) if request.body else {}


def _decoded(content: bytes) -> Json:
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Unroutable(refused(400, "invalid_request", "Invalid json body"))
    return body

"""A request and an answer, without sockets; the shapes in which the marketplace says no."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

JSON_HEADERS = {"Content-Type": "application/json"}
"""Exactly so: with a charset behind it the official client shows no rows."""

Json = dict[str, Any]


class Drop(StrEnum):
    """How the caller loses the answer."""

    REFUSED = "refused"
    """There was no connection."""
    RESET = "reset"
    """The connection is cut."""
    TIMEOUT = "timeout"
    """Nothing comes, for longer than anybody waits."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request: `target` is path and query as sent, `client` the address it came from."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    client: str = "127.0.0.1"

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    def header(self, name: str) -> str:
        """Returns the value of a header, whatever the case of its name; empty where there is none."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), "")

    @property
    def key(self) -> str | None:
        """The API key: of the header, or of the old query parameter; None without one."""
        scheme, _, token = self.header("Authorization").partition(" ")
        if scheme.lower() == "bearer":
            return token.strip()
        return self.query.get("api_key")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, `delay` seconds of the clock after the request; with `drop` it never gets there."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    delay: float = 0.0
    drop: Drop | None = None

    @property
    def dropped(self) -> bool:
        """Whether the caller gets no answer."""
        return self.drop is not None

    def json(self) -> Any:
        """Returns the decoded body."""
        return json.loads(self.body)

    def late(self, seconds: float) -> Self:
        """Returns the same answer, later."""
        return replace(self, delay=self.delay + seconds)

    def lost(self, how: Drop) -> Self:
        """Returns the answer that is lost on its way."""
        return replace(self, drop=how)


def said(body: Any, *, status: int = 200, **headers: str) -> Answer:
    """Returns an answer with a JSON body."""
    return Answer(status, {**JSON_HEADERS, **headers}, json.dumps(body).encode())


def refused(status: int, error: str, msg: str, **more: Any) -> Answer:
    """Returns the usual shape of a refusal."""
    return said({"success": False, "error": error, "msg": msg, **more}, status=status)


def plain(status: int, text: str, *, content_type: str = "text/plain; charset=utf-8", **headers: str) -> Answer:
    """Returns an answer that is no JSON."""
    return Answer(status, {"Content-Type": content_type, **headers}, text.encode())


def html(status: int, title: str) -> Answer:
    """Returns the page that a gateway in front of the service shows."""
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body><center><h1>{title}</h1></center></body>\r\n</html>"
    return plain(status, page, content_type="text/html")


def dropped(how: Drop) -> Answer:
    """Returns the answer of a connection that brings none."""
    return Answer(0, {}, b"", drop=how)

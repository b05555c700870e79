"""Speaks HTTP with the marketplace: paced, without redirects, and exact about what an answer proves.

Three things can come of a call: an answer, the certainty that nothing was done (`NotDone`, and what pacing raises), or
neither (`AnswerLost`). Only the caller knows what that means for what it asked.
"""

import contextlib
import json
from collections.abc import Mapping
from typing import Any

import httpx
import structlog

from orchestrator.cloud.vast.pacing import Endpoint, Pacer, RateLimited
from orchestrator.ports import CloudForbidden, CloudUnavailable
from servicekit.clock import Clock

Json = dict[str, Any]

# The official client waits 120 s; an answer that takes longer than this is asked for again, where that is harmless.
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_MOST_BYTES = 16 << 20
# Words of the service that are shown; it has been seen to answer with whole pages.
_MOST_CHARACTERS = 300


class NotDone(CloudUnavailable):
    """The request never arrived."""


class AnswerLost(CloudUnavailable):
    """The request may have arrived, and may have been carried out."""


class Refusal(Exception):
    """The marketplace answered no: `code` is its error code, such as `no_such_ask`, `body` all that it said."""

    def __init__(self, status: int, code: str, message: str, body: Json) -> None:
        super().__init__(message or code or f"status {status}")
        self.status = status
        self.code = code
        self.body = body


class VastClient:
    """Calls of the REST API with one API key, which only ever travels in a header."""

    def __init__(self, *, http: httpx.AsyncClient, base_url: str, api_key: str, clock: Clock) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}", "Accept": "application/json"}
        self._pacer = Pacer(clock=clock)
        self._log = structlog.get_logger("vast")

    async def call(
        self,
        endpoint: Endpoint,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Json:
        """Returns the JSON object that was answered; paths end in a slash, values of the query that are no text are
        written as JSON.

        Raises Refusal, CloudForbidden, RateLimited, NotDone, AnswerLost.
        """
        await self._pacer.turn(endpoint)
        parameters = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in (query or {}).items()
        }
        response = await self._send(method, self._base_url + path, json=body, params=parameters, headers=self._headers)
        self._pacer.arrived(endpoint)
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise self._limited(endpoint, response)
        self._pacer.answered(endpoint)
        return _read(response)

    def wait(self, endpoint: Endpoint) -> float:
        """Returns for how many seconds a call would wait for its turn, at least."""
        return self._pacer.wait(endpoint)

    async def log_file(self, url: str) -> str | None:
        """Returns a log file that the service has prepared elsewhere; None while it is not there. Our key stays here.

        Raises NotDone, AnswerLost.
        """
        await self._pacer.turn(Endpoint.LOG_FILE)
        response = await self._send("GET", url)
        return response.text if response.is_success else None

    async def _send(self, method: str, url: str, **options: Any) -> httpx.Response:
        try:
            return await self._http.request(method, url, timeout=_TIMEOUT, follow_redirects=False, **options)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            raise NotDone(_words(error)) from error
        except httpx.HTTPError as error:
            raise AnswerLost(_words(error)) from error

    def _limited(self, endpoint: Endpoint, response: httpx.Response) -> RateLimited:
        pause = self._pacer.limited(endpoint, _asked_pause(response))
        self._log.warning(
            "rate_limited", endpoint=endpoint.label, seconds=pause, detail=response.text[:_MOST_CHARACTERS]
        )
        return RateLimited(f"It was asked too often ({endpoint.label}); it is asked again in {pause:.0f} s.")


def _read(response: httpx.Response) -> Json:
    status = response.status_code
    if response.is_redirect or response.has_redirect_location or 300 <= status < 400:
        # A redirect was seen to carry valid JSON without the rows that were asked for.
        raise AnswerLost(f"It answered with a redirect ({status}), which is not followed.")
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise AnswerLost(f"It answered with status {status}.")
    try:
        body = response.json() if len(response.content) <= _MOST_BYTES else None
    except ValueError:
        body = None
    if not isinstance(body, dict):
        if response.is_success:
            raise AnswerLost("Its answer is no JSON object.")
        body = {"msg": response.text[:_MOST_CHARACTERS]}
    code, message = _said(body)
    # Before 404 is read as "not found": a revoked key would look like an empty account.
    if code == "auth_error" or status == httpx.codes.UNAUTHORIZED:
        raise CloudForbidden(message or code)
    if not response.is_success or body.get("success") is False:
        raise Refusal(status, code, message, body)
    return body


def _said(body: Json) -> tuple[str, str]:
    """Returns the error code and the words; some answers have either, and under different names."""
    code = str(body.get("error") or "")
    message = next((str(body[name]) for name in ("msg", "message", "detail") if body.get(name)), "")
    return code[:_MOST_CHARACTERS], message.strip()[:_MOST_CHARACTERS]


def _asked_pause(response: httpx.Response) -> float | None:
    """Returns the seconds that a 429 asks for, in its header or, for the search quota, in its body."""
    for value in (response.headers.get("Retry-After"), _field(response, "retry_after")):
        with contextlib.suppress(TypeError, ValueError):
            if 0 <= (seconds := float(value)) < float("inf"):
                return seconds
    return None


def _field(response: httpx.Response, name: str) -> Any:
    try:
        body = response.json()
    except ValueError:
        return None
    return body.get(name) if isinstance(body, dict) else None


def _words(error: httpx.HTTPError) -> str:
    return str(error).strip()[:_MOST_CHARACTERS] or type(error).__name__

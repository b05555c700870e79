"""The rented container that this worker runs in, and how it is given back.

The marketplace puts the id of the instance and a key for this instance alone into the environment of a container
(Vast.ai's documentation of the container environment; read 2026-11-23).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp

from worker.ports import InstanceRemains

_ID = "CONTAINER_ID"
API_KEY = "CONTAINER_API_KEY"

_REQUEST_SECONDS = 30.0
_ANSWER_BYTES = 64 * 1024
_WORD = re.compile(r"[a-z0-9_]{1,64}")
# Both mean that there is nothing left to destroy. A key that is not accepted is a 404 too, called `auth_error`.
_GONE = frozenset({"no_such_instance", "not_found"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A rented container: the id of its instance, and the key for it (empty where there is none)."""

    instance_id: str
    api_key: str = field(default="", repr=False)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self | None:
        """Returns the container that an environment tells of; None outside of one."""
        instance_id = environment.get(_ID, "")
        # Other programs use the name too, for a box's name say; instances have numbers.
        if not (instance_id.isascii() and instance_id.isdecimal()):
            return None
        return cls(instance_id=instance_id, api_key=environment.get(API_KEY, "").strip())


class RentedInstance:
    """Destroys the container's own instance over the marketplace's API. `worker.ports.OwnInstance` says the rest."""

    def __init__(self, container: Container, *, marketplace_url: str) -> None:
        # The slash at the end counts: without it the marketplace redirects, and a redirect is never followed here,
        # since it would take the key elsewhere.
        self._url = f"{marketplace_url}/api/v0/instances/{container.instance_id}/"
        self._headers = {"Authorization": f"Bearer {container.api_key}", "User-Agent": "spotreel-worker"}

    async def destroy(self) -> None:
        try:
            status, answer = await self._ask()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # Not its text, which may quote what was sent.
            raise InstanceRemains(f"the marketplace was not reached ({type(error).__name__})") from error
        word = answer.get("error")
        if (status == 200 and answer.get("success") is True) or (status == 404 and word in _GONE):
            return
        shown = f" {word}" if isinstance(word, str) and _WORD.fullmatch(word) else ""
        raise InstanceRemains(f"the marketplace answered {status}{shown}")

    async def _ask(self) -> tuple[int, dict[str, Any]]:
        """Returns the status, and the answer where it is a JSON object."""
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=_REQUEST_SECONDS),
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            ) as session,
            session.delete(self._url, json={}, allow_redirects=False) as response,
        ):
            content = bytearray()
            while len(content) < _ANSWER_BYTES and (part := await response.content.read(_ANSWER_BYTES)):
                content += part
            return response.status, _object(bytes(content))


def _object(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}

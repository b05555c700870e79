"""What a call has to present: one of the server's keys, or a session's token together with the deployment's key."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Protocol

from servicekit.errors import Unauthenticated


class KeyCheck(Protocol):
    """Decides on a call by its metadata."""

    def __call__(self, metadata: Mapping[str, str]) -> None:
        """Returns where the call may pass; raises Unauthenticated."""
        ...


class AnyKey:
    """Lets calls pass with one of the keys, as `authorization: Bearer <key>` or `x-api-key: <key>`.

    Raises Unauthenticated (API_KEY_MISSING, API_KEY_INVALID). Without keys every call passes.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        # Digests are equally long, so that a comparison tells nothing about the length of a key either.
        self._digests = [_digest(key) for key in keys]

    def __call__(self, metadata: Mapping[str, str]) -> None:
        if not self._digests:
            return
        presented = [key for key in (_bearer(metadata), _api_key(metadata)) if key]
        if not presented:
            raise Unauthenticated(
                "This call needs an API key, as metadata `authorization: Bearer <key>` or `x-api-key: <key>`.",
                reason="API_KEY_MISSING",
            )
        # Every key is compared, so that the time says nothing about which one came close.
        matches = [hmac.compare_digest(_digest(one), digest) for one in presented for digest in self._digests]
        if not any(matches):
            raise Unauthenticated(
                "The API key is not one of this server's; check for a typo, or ask its operator for a key.",
                reason="API_KEY_INVALID",
            )


class SessionKeys:
    """Lets calls pass with `authorization: Bearer <session token>` and, where there is one, `x-api-key: <its key>`.

    Raises Unauthenticated (SESSION_TOKEN_INVALID, DEPLOYMENT_KEY_INVALID), where it is missing too.
    """

    def __init__(self, *, token: str, deployment_key: str = "") -> None:
        """Takes the token of the session, and the key that all workers of a deployment share (empty: none)."""
        self._token = _digest(token)
        self._deployment_key = _digest(deployment_key) if deployment_key else None

    def __call__(self, metadata: Mapping[str, str]) -> None:
        # Both are compared before anything is said about either.
        right_token = hmac.compare_digest(_digest(_bearer(metadata)), self._token)
        right_key = self._deployment_key is None or hmac.compare_digest(
            _digest(_api_key(metadata)), self._deployment_key
        )
        if not right_token:
            raise Unauthenticated(
                "This call needs the token of this worker's session, as metadata `authorization: Bearer <token>`.",
                reason="SESSION_TOKEN_INVALID",
            )
        if not right_key:
            raise Unauthenticated(
                "This call needs the key of this worker's deployment, as metadata `x-api-key: <key>`.",
                reason="DEPLOYMENT_KEY_INVALID",
            )


def _bearer(metadata: Mapping[str, str]) -> str:
    scheme, _, token = metadata.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _api_key(metadata: Mapping[str, str]) -> str:
    return metadata.get("x-api-key", "").strip()


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()

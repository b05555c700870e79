"""Structured logs: one event a line on stderr (stdout is for data), without secrets."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, Final

import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars, unbind_contextvars

__all__ = ["bind_context", "clear_context", "configure_logging", "mask_secrets", "mask_text", "unbind_context"]

bind_context = bind_contextvars
unbind_context = unbind_contextvars
clear_context = clear_contextvars

_MASK: Final = "***"
_SECRET_KEY = re.compile(
    r"(api[-_]?key|authorization|token|secret|password|passwd|credential|private[-_]?key|cookie)s?$", re.IGNORECASE
)
_BEARER = re.compile(r"\b(bearer|basic)\s+[^\s,;'\"]+", re.IGNORECASE)
_ASSIGNMENT = re.compile(
    r"\b((?:[\w-]*[-_])?(?:api[-_]?key|token|secret|password))(\s*[=:]\s*)[^\s,;&'\"]+", re.IGNORECASE
)
_URL = re.compile(r"\b(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<rest>[^\s'\"<>\\]+)", re.IGNORECASE)
# A page token is no credential, and support needs it.
_HARMLESS_KEYS = frozenset({"page_token", "next_page_token"})


def configure_logging(service: str, level: str = "INFO", json: bool = True) -> None:  # noqa: FBT001, FBT002 - called once, from main
    """Sends structlog's and the standard library's logs to stderr in one form: JSON lines, or columns for people.

    Every line carries `timestamp` (ISO 8601, UTC), `level`, `event`, `service` and the bound context.
    Raises ValueError for a level that logging does not know.
    """
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_service(service),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(json=json)],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(capture=True)


def mask_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Masks the values of keys that name a secret, credentials in text, and what a URL carries besides its path."""
    return {key: _mask(key, value) for key, value in event.items()}


def mask_text(text: str) -> str:
    """Returns the text without bearer tokens and `token=…`, and with URLs stripped of user, query and fragment."""
    without_credentials = _ASSIGNMENT.sub(rf"\1\2{_MASK}", _BEARER.sub(rf"\1 {_MASK}", text))
    return _URL.sub(_strip_url, without_credentials)


def _add_service(service: str) -> structlog.types.Processor:
    def add(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("service", service)
        return event

    return add


def _renderers(*, json: bool) -> list[structlog.types.Processor]:
    if json:
        return [structlog.processors.format_exc_info, mask_secrets, structlog.processors.JSONRenderer(default=str)]
    return [
        structlog.processors.format_exc_info,
        mask_secrets,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
    ]


def _mask(key: str, value: Any) -> Any:
    if _SECRET_KEY.search(key) and key not in _HARMLESS_KEYS and value not in (None, ""):
        return _MASK
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        return {name: _mask(str(name), inner) for name, inner in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [_mask(key, inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return mask_text(str(value))


def _strip_url(match: re.Match[str]) -> str:
    address, _, _ = match["rest"].partition("#")
    address, question, _ = address.partition("?")
    host, slash, path = address.partition("/")
    user, at, host = host.rpartition("@")
    return f"{match['scheme']}://{_MASK + at if user else ''}{host}{slash}{path}{'?' + _MASK if question else ''}"

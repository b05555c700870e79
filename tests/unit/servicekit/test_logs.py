"""Logs go to stderr, one JSON object a line, and carry no secret."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from servicekit.logs import bind_context, clear_context, configure_logging, mask_text


@pytest.fixture(autouse=True)
def restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    clear_context()


def test_structlog_and_logging_share_one_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("worker", "info", json=True)
    bind_context(request_id="r-1")
    structlog.get_logger("spool").info("chunk_read", offset=7)
    logging.getLogger("foreign").warning("slow %s", "disk")
    structlog.get_logger().debug("not_shown")

    output = capsys.readouterr()
    first, second = (json.loads(line) for line in output.err.splitlines())
    assert output.out == ""
    assert first == first | {"event": "chunk_read", "offset": 7, "service": "worker", "request_id": "r-1"}
    assert first["timestamp"].endswith("Z")
    assert second == second | {"event": "slow disk", "level": "warning", "logger": "foreign"}


def test_secrets_never_reach_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("orchestrator", "INFO", json=True)
    log = structlog.get_logger()
    secret = "hunter2"
    try:
        raise ValueError(f"refused: Bearer {secret}")
    except ValueError:
        log.exception(
            "call_failed",
            api_key=secret,
            authorization=f"Bearer {secret}",
            metadata={"x-api-key": secret, "nested": [{"session_token": secret}]},
            url=f"https://user:{secret}@host.example/a.mp4?X-Amz-Signature={secret}#{secret}",
            note=f"token={secret} and password: {secret}",
            page_token="kept",
        )

    line = capsys.readouterr().err
    assert secret not in line
    fields = json.loads(line)
    assert fields["url"] == "https://***@host.example/a.mp4?***"
    assert fields["page_token"] == "kept"


def test_people_can_ask_for_columns(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("worker", "INFO", json=False)
    structlog.get_logger().info("started", port=5, token="hunter2")

    line = capsys.readouterr().err
    assert "started" in line
    assert "hunter2" not in line


def test_plain_text_stays_as_it_is() -> None:
    text = "Encoding frame=  12 fps=24.0 of /tmp/a b.mp4 at 10.0.0.1:443"
    assert mask_text(text) == text

"""What is drawn from: the faults of the simulated marketplace with the values that make sense here, and the places at
which an orchestrator is killed."""

from collections.abc import Sequence
from typing import Any

from tests.simulators.rental import DEPLOYMENT

OURS = {"label": f"spotreel/{DEPLOYMENT}/*"}
"""What faults of contracts are matched with, so that they hit none of somebody else's."""

ANSWERS: dict[str, Sequence[Any]] = {
    "connection_refused": (None,),
    "request_lost": ("reset", "timeout"),
    "answer_lost": ("reset", "timeout"),
    "bad_gateway": (502, 503, 500),
    "bad_gateway_after_effect": (504, 502),
    "slow_answer": (3.0, 20.0, 40.0),
    "not_json": (None,),
    "wrong_redirect": (301, 308),
    "success_false_200": (None,),
    "rate_limit_text": (None,),
    "rate_limit_detail": (2.0,),
    "rate_limit_json": (None,),
    "rate_limit_retry_after": (5.0, 60.0),
    "destroy_rate_limited": (None,),
    "list_truncated": ("token", "short", "cut", "reset", "timeout"),
    "list_v0_style_410": (None,),
    "duplicate_rows": (None,),
    "transient_null_read": (None,),
    "unknown_as_404": (None,),
    "destroy_not_found": (None,),
    "destroy_ignored": (None,),
    "null_fields": (None,),
    "filter_ignored": (None,),
    "disk_only_rows": (None,),
    "log_not_ready": (3, 30),
}
"""Knobs of single answers, and the values between which is chosen."""

CREATES: dict[str, Sequence[Any]] = {
    "offer_gone_404": (None,),
    "offer_gone_410": (None,),
    "offer_gone_400": (None,),
    "insufficient_credit": (None,),
    "spend_rate_limit": (None,),
    "server_error": (None,),
    "create_request_lost": ("reset", "timeout"),
    "create_answer_lost": ("reset", "timeout"),
    "half_success": (200, 400),
    "hidden_first_reads": (3, 10),
    "stuck_scheduling": (None,),
    "stuck_loading": (None,),
    "docker_build_error": (None,),
    "pull_error_network": (None,),
    "image_not_found": (None,),
    "cdi_failure": (None,),
    "exits_at_start": (2.0, 30.0),
    "dead_worker": (None,),
    "old_driver": (None,),
    "no_nvenc_chip": (None,),
    "port_missing": (None,),
    "port_null": ("ports", "port", "empty"),
    "unreachable_port": (None,),
    "outbid": (10.0, 120.0, 400.0),
    "host_offline": (10.0, 120.0, 400.0),
    "contract_end": (60.0, 400.0),
    "host_comes_back": (60.0, 600.0),
    "auto_resume": (60.0, 300.0),
    "resurrect": (5.0, 40.0, 300.0),
}
"""Knobs of creates and of what becomes of a contract, asked once for each; and their values."""

SPELLS: dict[str, Sequence[float]] = {
    "api_down": (30.0, 300.0, 900.0),
    "key_revoked": (60.0, 300.0),
    "search_quota_exceeded": (120.0, 600.0),
}
"""Knobs that hold for a while, with the seconds between which is chosen."""

STRIKES = ("outbid", "resume", "offline", "online", "kill", "end_contract", "destroy", "resurrect")
"""What is done to a contract that exists, or to one that existed."""

CALLS = (
    *("ledger.add_instance", "ledger.change_instance", "ledger.change_instance", "ledger.change_job", "ledger.*"),
    *("http.create", "http.create", "http.create", "http.destroy", "http.list", "http.search", "http.*"),
)
"""At which calls an orchestrator is killed, by shell patterns; those that matter most are there twice."""

RARE = frozenset({"transient_null_read", "unknown_as_404"})
"""Knobs that only single reads ask, which there are few of: when idle machines end with their orchestrator."""

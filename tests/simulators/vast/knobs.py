"""The names of all faults, what each does, and the value that it has unless another is given."""

from typing import Any

KNOBS: dict[str, tuple[str, Any]] = {
    # On the way, whatever is asked.
    "connection_refused": ("Nobody accepts the connection.", None),
    "request_lost": ("The connection is cut before anything is done. Value: reset or timeout.", "reset"),
    "answer_lost": ("It is done, and the answer is lost. Value: reset or timeout.", "reset"),
    "api_down": ("Nothing works. Value: a status, or refused.", 503),
    "bad_gateway": ("A gateway answers instead, nothing is done. Value: the status.", 502),
    "bad_gateway_after_effect": ("It is done, and then a gateway answers. Value: the status.", 504),
    "slow_answer": ("The answer takes its time. Value: seconds.", 20.0),
    "not_json": ("It is done, and the answer is a page.", None),
    "wrong_redirect": ("A redirect whose body is JSON without what was asked for. Value: the status.", 301),
    "success_false_200": ("Nothing is done, and it says so with status 200. Value: the words.", "Something went wrong"),
    "key_revoked": ("The key is not known any more. Value: the status, 404 as observed or 401 as documented.", 404),
    # Too often.
    "rate_limit_text": ("429 as plain text.", "API requests too frequent"),
    "rate_limit_detail": ("429 as JSON with `detail`. Value: the threshold in seconds.", 2.0),
    "rate_limit_json": ("429 in the usual shape.", None),
    "rate_limit_retry_after": ("429 with Retry-After. Value: seconds.", 5.0),
    "search_quota_exceeded": ("The rows of the day are used up. Value: seconds until there are new ones.", None),
    "destroy_rate_limited": ("429 for a destroy.", None),
    # Searches.
    "filter_ignored": ("Numeric filters are not applied. Value: names of columns; none for all.", ()),
    "disk_only_rows": ("Rows of machines without a GPU are among the others.", None),
    "null_fields": ("Fields are null that mostly are not.", None),
    # Create.
    "offer_gone_404": ("The offer is gone, said as documented.", None),
    "offer_gone_410": ("The offer is gone, said as for one that was just rented.", None),
    "offer_gone_400": ("The offer is gone, said as observed: 400, with 404/3603 in the text.", None),
    "insufficient_credit": ("The account has no credit.", None),
    "spend_rate_limit": ("A new account spends too fast.", None),
    "create_request_lost": ("The request never arrives. Value: reset or timeout.", "reset"),
    "create_answer_lost": ("The contract is made, the answer is lost. Value: reset or timeout.", "timeout"),
    "half_success": ("It says no, and has made a contract that is stopped. Value: the status.", 200),
    "server_error": ("Something went wrong, with nothing done.", None),
    # What becomes of a contract; asked when it is made.
    "hidden_first_reads": ("It is not in the first reads. Value: how many.", 3),
    "stuck_scheduling": ("It never gets a status.", None),
    "stuck_loading": ("It never gets its image.", None),
    "docker_build_error": ("The host cannot write its files.", None),
    "pull_error_network": ("The host cannot fetch the image.", None),
    "image_not_found": ("The registry does not know the image. Value: its words.", "manifest unknown"),
    "cdi_failure": ("The host's GPU runtime is broken.", None),
    "exits_at_start": ("The container ends as soon as it is started. Value: seconds that it lives.", 2.0),
    "dead_worker": ("It runs, and nothing listens in it.", None),
    "old_driver": ("The driver is older than the offer said. Value: its version.", "470.82.01"),
    "no_nvenc_chip": ("The GPU has no NVENC that can be used.", None),
    "clock_skew": ("The host's clock is off. Value: seconds.", 7200.0),
    "port_missing": ("The port is not in `ports`.", None),
    "port_null": ("`ports` or the port in it is null. Value: ports, binding, port or empty.", "port"),
    "unreachable_port": ("Nothing answers at the port that is named.", None),
    # What happens to one that runs; asked when it starts to run.
    "outbid": ("Somebody bids more. Value: seconds after the start.", 60.0),
    "host_offline": ("The host goes away. Value: seconds after the start.", 60.0),
    "host_comes_back": ("A host that went away comes back, asked when it goes. Value: seconds later.", 300.0),
    "credit_stop": ("The credit is used up. Value: seconds after the start.", 60.0),
    "contract_end": ("The host's offer ends. Value: seconds after the start.", 60.0),
    "auto_resume": ("One that was outbid resumes by itself, asked when it is outbid. Value: seconds later.", 300.0),
    # Reads.
    "transient_null_read": ("A read of one says that there is none.", None),
    "unknown_as_404": ("A read of one that does not exist says so with 404, not with null.", None),
    "duplicate_rows": ("A list has rows twice.", None),
    "list_truncated": (
        "A list breaks off. Value: token (the next page is refused), short or cut (half a body).",
        "token",
    ),
    "list_v0_style_410": ("The list says that it is deprecated.", None),
    "log_not_ready": ("A log file is not there yet. Value: how many reads find nothing.", 3),
    # Destroy.
    "destroy_not_found": ("It says that there is no such instance, which goes on.", None),
    "destroy_ignored": ("It says yes and does nothing.", None),
    "resurrect": ("It comes back. Value: seconds later.", 30.0),
}

"""What the marketplace's words about a start mean: that it goes on, that the host is broken, or that we are wrong."""

from orchestrator.ports import StartProblem

# Ours: no host in the world will find this image.
_OURS = {
    "IMAGE_NOT_FOUND": ("manifest unknown", "manifest for", "repository does not exist", "failed to resolve reference"),
    "REGISTRY_DENIED": ("pull access denied", "unauthorized", "authentication required", "requested access to"),
}
# Theirs, as seen on the real service in 2026: the container runtime, the disk, the network of a host.
_THEIRS = {
    "HOST_BROKEN": (
        *("cdi devices", "oci runtime", "failed to create task", "failed to start containers", "nvidia-container"),
        *("docker_build() error", "error writing dockerfile", "no space left", "permission denied"),
    ),
    "HOST_NETWORK": (
        *("download failed", "connection reset", "connection refused", "i/o timeout", "tls handshake"),
        *("no such host", "context deadline"),
    ),
}
_MESSAGES = {
    "IMAGE_NOT_FOUND": "The worker's image does not exist. Push it, or set SPOTREEL_VAST_IMAGE to the right name.",
    "REGISTRY_DENIED": "The registry does not give out the worker's image. Check SPOTREEL_VAST_IMAGE_LOGIN.",
    "HOST_BROKEN": "The host cannot start the container.",
    "HOST_NETWORK": "The host cannot fetch the worker's image.",
    "WORKER_EXITED": "The container ended by itself.",
}


def start_problem(actual_status: str, words: str) -> StartProblem | None:
    """Returns what has failed for good, by `actual_status` and `status_msg`; None while the start may go on.

    "Retrying" overrides every word of failure, as in Vast.ai's own self-test.
    """
    if actual_status == "exited":
        return _problem("WORKER_EXITED", words)
    said = words.lower()
    if "retrying" in said:
        return None
    for reason, signs in (_OURS | _THEIRS).items():
        if any(sign in said for sign in signs):
            return _problem(reason, words)
    return None


def _problem(reason: str, words: str) -> StartProblem:
    said = f' It says: "{words[:300]}"' if words else ""
    return StartProblem(reason=reason, message=_MESSAGES[reason] + said)

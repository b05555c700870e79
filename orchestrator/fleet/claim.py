"""One orchestrator for each deployment: two would take each other's instances for forgotten ones, and destroy them."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import structlog

from orchestrator.fleet.launch import label_prefix
from orchestrator.ports import Cloud, CloudUnavailable, Ledger
from servicekit.errors import FailedPrecondition

_LOCKS = Path("/run/lock")
_EVER = datetime.min.replace(tzinfo=UTC)


@contextmanager
def claimed(deployment: str) -> Iterator[None]:
    """Holds a deployment on this machine while the block runs, against other processes of this user.

    Whatever the account: one account has several keys, and one marketplace several addresses. Raises FailedPrecondition
    (DEPLOYMENT_IN_USE) where another process holds it.
    """
    digest = hashlib.sha256(deployment.encode()).hexdigest()[:16]
    folder = _LOCKS if os.access(_LOCKS, os.W_OK) else Path(tempfile.gettempdir())
    path = folder / f"spotreel-{os.getuid()}-{digest}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _in_use(deployment, "Another orchestrator on this machine rents under this name.") from error
        yield
    finally:
        os.close(descriptor)


async def refuse_strangers(*, ledger: Ledger, cloud: Cloud, deployment: str) -> None:
    """Looks whether somebody else rents under our name already: a ledger that never rented anything cannot be why.

    Raises FailedPrecondition (DEPLOYMENT_IN_USE). Nothing is refused where the cloud does not answer.
    """
    if await ledger.instances_since(cloud.name, _EVER):
        return
    try:
        listed = await cloud.list()
    except CloudUnavailable as error:
        structlog.get_logger("fleet").warning("deployment_not_checked", detail=str(error))
        return
    ours = [one for one in listed if one.label.startswith(label_prefix(deployment))]
    if ours:
        raise _in_use(
            deployment,
            f"The account has {len(ours)} instances of it that this ledger knows nothing of. If they are what a lost "
            "ledger left, start once with SPOTREEL_TAKE_OVER=true: they are destroyed then.",
        )


def _in_use(deployment: str, why: str) -> FailedPrecondition:
    return FailedPrecondition(
        f"The deployment {deployment!r} is in use. {why} Or choose another SPOTREEL_DEPLOYMENT.",
        reason="DEPLOYMENT_IN_USE",
        subject=deployment,
        metadata={"deployment": deployment},
    )

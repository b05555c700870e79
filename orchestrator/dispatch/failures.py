"""What ended an attempt, as the reason that the job's owner gets to read."""

from collections.abc import Mapping

from orchestrator.dispatch.delivery import DeliveryFailed
from orchestrator.dispatch.disk_space import is_disk_full
from orchestrator.dispatch.joining import PartDamaged
from orchestrator.jobs.job import Failure
from orchestrator.money.price import dollars
from orchestrator.ports import TaskGone, WorkerUnreachable
from servicekit.errors import Code, SpotreelError

# A request that one worker finds wrong is wrong for the next one too.
_HOPELESS = frozenset({Code.INVALID_ARGUMENT, Code.UNIMPLEMENTED, Code.PERMISSION_DENIED})
_NOT_THE_PARTS = frozenset(
    {
        "BUDGET_EXCEEDED",
        "DISK_FULL",
        "ENCODER_UNAVAILABLE",
        "INPUT_FORBIDDEN_ADDRESS",
        "INPUT_NOT_FOUND",
        "INPUT_TIMEOUT",
        "INPUT_TOO_LARGE",
        "INSTANCE_LOST",
        "RUN_TIMEOUT",
        "STALLED",
    }
)
_INPUT_IS_GONE = frozenset({"ASSET_NOT_FOUND", "BLOB_MISSING"})


class TaskFailed(Exception):
    """The worker says that the task failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class InstanceLost(Exception):
    """The instance of the attempt is gone, or given up."""


class LedgerAway(Exception):
    """The ledger cannot be read or written just now; the attempt is none the worse for it."""


class BudgetExceeded(Exception):
    """The job has cost as much as it may."""

    def __init__(self, limit_usd_micros: int) -> None:
        super().__init__(
            f"The job has cost the {dollars(limit_usd_micros)} that it may cost at most (max_cost_usd_micros). "
            "Allow it more, or less effort."
        )
        self.failure = Failure(
            reason="BUDGET_EXCEEDED", message=str(self), metadata={"max_cost_usd_micros": str(limit_usd_micros)}
        )


class OtherEncoder(Exception):
    """The attempt encodes with another encoder than the one that made what was kept."""

    def __init__(self, kept: str, here: str) -> None:
        super().__init__(
            f"This machine encodes with {here}, and what is at home was made by {kept}, which does not go together."
        )


class OutputDamaged(Exception):
    """What came home is not what the worker made, also after it was fetched anew."""


def failure_of(error: BaseException) -> Failure | None:
    """Returns the failure for an error that can be foreseen; None for one that is a bug."""
    match error:
        case BaseExceptionGroup():
            return failure_of(error.exceptions[0])
        case TaskFailed() | DeliveryFailed() | BudgetExceeded():
            return error.failure
        case TaskGone():
            return _lost("The worker was started anew and no longer knows the task.")
        case WorkerUnreachable() | InstanceLost():
            return _lost(str(error))
        case OtherEncoder():
            return Failure(reason="ENCODER_UNAVAILABLE", message=str(error), retryable=True)
        case OutputDamaged() | PartDamaged():
            return Failure(reason="INTERNAL", message=str(error), retryable=True)
        case TimeoutError():
            return Failure(reason="RUN_TIMEOUT", message="The worker did not keep the time limit of the attempt.")
        case OSError() | SpotreelError() if is_disk_full(error):
            return Failure(reason="DISK_FULL", message=_words(error), retryable=True)
        case SpotreelError():
            return _refused(error)
    return None


def ends_a_part(error: Exception, failure: Failure) -> bool:
    """Whether an attempt that went on behind what was kept of others may have failed because of it.

    What befell its machine, its inputs or its owner's limits would have come without a part as well.
    """
    return isinstance(error, OtherEncoder) or failure.reason not in _NOT_THE_PARTS


def bug() -> Failure:
    """Returns the failure for what nobody foresaw; its words stay in the log."""
    return Failure(
        reason="INTERNAL", message="The orchestrator failed at this attempt; its log tells why.", retryable=True
    )


def _lost(message: str) -> Failure:
    return Failure(reason="INSTANCE_LOST", message=message, retryable=True)


def _refused(error: SpotreelError) -> Failure:
    metadata: Mapping[str, str] = error.metadata
    if error.reason in _INPUT_IS_GONE:
        return Failure(reason="INPUT_NOT_FOUND", message=error.message, metadata=metadata)
    return Failure(
        reason="INTERNAL",
        message=f"The attempt ended with {error.reason}: {error.message}",
        retryable=error.code not in _HOPELESS,
        metadata=metadata,
    )


def _words(error: OSError | SpotreelError) -> str:
    if isinstance(error, SpotreelError):
        return error.message
    return "The orchestrator's disk is full. Free some space on it."

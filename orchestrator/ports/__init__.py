"""The seams of the orchestrator: what its domain needs of the outside, with the semantics that every
implementation keeps. The contract tests in `tests/contracts` run against each of them."""

from orchestrator.ports.cloud import (
    Account,
    Blame,
    Cloud,
    CloudForbidden,
    CloudInstance,
    CloudState,
    CloudUnavailable,
    LaunchOrder,
    LaunchRefused,
    LaunchStillborn,
    LaunchUnknown,
    Marketplace,
    StartProblem,
)
from orchestrator.ports.dispatch import (
    Dispatch,
    JobNews,
    OutputInterrupted,
    Spools,
)
from orchestrator.ports.ledger import (
    JobQuery,
    Ledger,
)
from orchestrator.ports.storage import (
    BlobStore,
)
from orchestrator.ports.worker import (
    OutputChunk,
    TaskGone,
    TaskProgress,
    TaskRequest,
    TaskState,
    TaskStatus,
    Tracks,
    WorkerLink,
    WorkerLinks,
    WorkerReady,
    WorkerUnreachable,
)

__all__ = [
    "Account",
    "Blame",
    "BlobStore",
    "Cloud",
    "CloudForbidden",
    "CloudInstance",
    "CloudState",
    "CloudUnavailable",
    "Dispatch",
    "JobNews",
    "JobQuery",
    "LaunchOrder",
    "LaunchRefused",
    "LaunchStillborn",
    "LaunchUnknown",
    "Ledger",
    "Marketplace",
    "OutputChunk",
    "OutputInterrupted",
    "Spools",
    "StartProblem",
    "TaskGone",
    "TaskProgress",
    "TaskRequest",
    "TaskState",
    "TaskStatus",
    "Tracks",
    "WorkerLink",
    "WorkerLinks",
    "WorkerReady",
    "WorkerUnreachable",
]

"""The real grpcurl, which is not installed but built: tests that need it say so by its name."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BUILT = ROOT / "out/clients/bin"


@pytest.fixture(scope="session")
def grpcurl() -> Path:
    """Where grpcurl is. Without it the test is skipped, except in CI, which has every tool."""
    found = shutil.which("grpcurl", path=f"{BUILT}{os.pathsep}{os.environ['PATH']}")
    if found is not None:
        return Path(found)
    missing = (
        "grpcurl is missing; build it with "
        f"GOBIN={BUILT} go -C tools/go install github.com/fullstorydev/grpcurl/cmd/grpcurl"
    )
    if os.environ.get("CI"):
        pytest.fail(f"CI must not skip this: {missing}")
    pytest.skip(missing)

"""The clients of this repository, and how the driver of each is started once it is built."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PYTHON = ROOT / "clients/python/conformance/driver.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client: `command` starts its driver, which is there once `built` is."""

    name: str
    command: Sequence[str | Path]
    built: Path


CLIENTS = {
    client.name: client
    for client in (
        Client(name="python", command=(sys.executable, _PYTHON), built=_PYTHON),
        Client(name="python-sync", command=(sys.executable, _PYTHON, "--sync"), built=_PYTHON),
        Client(name="go", command=(ROOT / "out/clients/conformance-go",), built=ROOT / "out/clients/conformance-go"),
        Client(
            name="typescript",
            command=("node", ROOT / "clients/typescript/dist/conformance/driver.js"),
            built=ROOT / "clients/typescript/dist/conformance/driver.js",
        ),
        Client(
            name="java",
            command=(
                *("java", "-XX:+UseSerialGC", "-cp"),
                f"@{ROOT / 'clients/java/target/driver.classpath'}",
                "io.spotreel.client.conformance.Driver",
            ),
            built=ROOT / "clients/java/target/driver.classpath",
        ),
    )
}

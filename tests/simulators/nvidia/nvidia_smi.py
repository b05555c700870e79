"""An nvidia-smi that answers from `gpu.json` beside it. `pretence.install` makes a program of this file."""

import json
import sys
from pathlib import Path
from typing import Any

# The value that nvidia-smi has for each field of --query-gpu, from the keys of gpu.json.
_FIELDS = {
    "name": "name",
    "gpu_name": "name",
    "driver_version": "driver_version",
    "memory.total": "memory_mib",
    "compute_cap": "compute_cap",
    "count": "count",
}
_UNITS = {"memory.total": " MiB"}
_NO_DRIVER = (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
    "Make sure that the latest NVIDIA driver is installed and running.\n"
)


def answer(gpu: dict[str, Any], arguments: list[str]) -> tuple[int, str]:
    """Returns the exit status and what is printed; only `--query-gpu` and `-L` are known."""
    if not gpu["driver_version"]:
        return 9, _NO_DRIVER
    if "-L" in arguments:
        return 0, "".join(f"GPU {number}: {gpu['name']} (UUID: GPU-{number:08x})\n" for number in range(gpu["count"]))
    asked = [argument.partition("=")[2] for argument in arguments if argument.startswith("--query-gpu=")]
    options = [argument.partition("=")[2] for argument in arguments if argument.startswith("--format=")]
    if not asked or not options or "csv" not in options[0]:
        return 1, "Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n"
    fields, words = asked[0].split(","), options[0].split(",")
    unknown = [field for field in fields if field not in _FIELDS]
    if unknown:
        return 2, f'Field "{unknown[0]}" is not a valid field to query.\n'
    units = {} if "nounits" in words else _UNITS
    row = ", ".join(f"{gpu[_FIELDS[field]]}{units.get(field, '')}" for field in fields)
    head = [] if "noheader" in words else [", ".join(fields)]
    return 0, "".join(f"{line}\n" for line in [*head, *[row] * gpu["count"]])


def main() -> None:
    """Runs as nvidia-smi."""
    gpu = json.loads(Path(__file__).with_name("gpu.json").read_text())
    status, text = answer(gpu, sys.argv[1:])
    sys.stdout.write(text)
    sys.stdout.flush()
    sys.exit(status)

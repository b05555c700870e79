"""`doctor`: whether what is needed is there, and what to do where it is not."""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import click

from spotreel.cli.failures import DONE, FAILED
from spotreel.cli.options import ServerOptions, output_options, server_options
from spotreel.errors import SpotreelClientError
from spotreel.extras import missing_distributions

_VERSIONED = ("spotreel", "grpcio", "protobuf", "click", "rich")
_ANSWER_TIMEOUT_SECONDS = 5.0
_TRIAL_TIMEOUT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `hint` says what to do where it is not `ok`."""

    what: str
    ok: bool
    found: str
    hint: str = ""
    needed: bool = True


@click.command()
@server_options
@output_options
def doctor(**values: Any) -> None:
    """Look whether everything that is needed is there; exit status 1 if not."""
    server = ServerOptions(**{name: values.pop(name) for name in ("server", "api_key_file", "tls", "tls_ca")})
    findings = list(_findings(server))
    if values["as_json"]:
        for finding in findings:
            print(json.dumps({"event": "finding", **asdict(finding)}, ensure_ascii=False))
    else:
        _show(findings)
    sys.exit(DONE if all(finding.ok or not finding.needed for finding in findings) else FAILED)


def _findings(server: ServerOptions) -> Iterator[Finding]:
    yield Finding("Python", sys.version_info >= (3, 11), sys.version.split()[0], "Spotreel needs Python 3.11 or newer")
    yield Finding("packages", True, ", ".join(f"{name} {metadata.version(name)}" for name in _VERSIONED))
    yield from _local_findings(needed=server.server is None)
    if server.server is not None:
        yield from asyncio.run(_server_findings(server))


def _local_findings(*, needed: bool) -> Iterator[Finding]:
    missing = missing_distributions("all")
    hint = "pip install 'spotreel[all]', or name a server with --server"
    found = f"missing: {', '.join(missing)}" if missing else "orchestrator and worker are installed"
    yield Finding("work on this machine", not missing, found, hint, needed=needed)
    if not missing:
        yield _tried("FFmpeg", _ffmpeg, "install FFmpeg, or the package imageio-ffmpeg")
        if needed:
            yield from _hardware_findings()
        yield _tried("fonts", _fonts, "install spotreel again: its font is part of the package")
    yield _tried("temporary folder", _writable, "set TMPDIR to a folder that can be written")


def _tried(what: str, look: Callable[[], str], hint: str) -> Finding:
    try:
        return Finding(what, True, look())
    except (OSError, subprocess.SubprocessError, RuntimeError, ImportError) as error:
        return Finding(what, False, str(error) or type(error).__name__, hint)


def _ffmpeg() -> str:
    import imageio_ffmpeg  # noqa: PLC0415 - there only with the extra

    program = shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()
    answer = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=10, check=True)
    version = answer.stdout.removeprefix("ffmpeg version ").split(maxsplit=1)[0]
    return f"{version}\n{program}"


def _hardware_findings() -> Iterator[Finding]:
    """Tries this machine as a worker would; takes seconds unless a worker has done so before."""
    command = [sys.executable, "-P", "-m", "worker.hardware"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_TRIAL_TIMEOUT_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip()
        yield Finding("encoders", False, said, "see FFmpeg above")
        return
    yield from hardware_findings(json.loads(answer.stdout))


def hardware_findings(found: dict[str, Any]) -> Iterator[Finding]:
    """Reads what a machine can do from the JSON of its `Capabilities`."""
    encoders = found.get("encoders", [])
    usable = [f"{one['name']} {one.get('framesPerSecond', 0):.0f} fps" for one in encoders if one.get("usable")]
    yield Finding("encoders", bool(usable), f"1080p: {', '.join(usable) or 'none works'}", "use a complete FFmpeg")
    hardware = [one for one in encoders if one.get("hardware")]
    gpus = ", ".join(one["name"] for one in found.get("gpus", []))
    works = any(one.get("usable") for one in hardware)
    diagnosis = found.get("diagnosis", "DIAGNOSIS_UNSPECIFIED").removeprefix("DIAGNOSIS_")
    why = next((one["reason"] for one in hardware if one.get("reason")), "FFmpeg has no encoder for it.")
    absent = not works and diagnosis == "NO_GPU"
    decodes = ", ".join(found.get("decoders", []))
    words = [gpus, *([] if works else [f"{diagnosis}: {why}"]), *([f"it decodes {decodes}"] if decodes else [])]
    hint = f"{_GPU_HINTS.get(diagnosis, 'look at the log of a worker')}; until then the CPU encodes"
    yield Finding("GPU", works or absent, "\n".join(filter(None, words)), hint, needed=False)


_GPU_HINTS = {
    "NO_DRIVER": "install NVIDIA's driver, or let the container have the GPU (docker run --gpus all)",
    "DRIVER_TOO_OLD": "update the driver, or use an FFmpeg built for older ones (SPOTREEL_WORKER_FFMPEG)",
    "NO_ENGINE": "encode on a model that has NVENC; no driver adds it",
    "VIDEO_CAPABILITY_MISSING": "set NVIDIA_DRIVER_CAPABILITIES=compute,utility,video for the container",
    "SESSIONS_USED_UP": "end other encodes on this host, or start again later",
    "DEVICE_FAULT": "look at dmesg for Xid errors, and restart the machine or replace the GPU",
    "NOT_BUILT": "use an FFmpeg with NVENC, such as that of imageio-ffmpeg",
}


def _fonts() -> str:
    fonts = [entry.name for entry in resources.files("worker.fonts").iterdir() if entry.name.endswith(".ttf")]
    if not fonts:
        raise FileNotFoundError("no font in the package")
    return ", ".join(sorted(fonts))


def _writable() -> str:
    with tempfile.TemporaryDirectory(prefix="spotreel-") as folder:
        Path(folder, "probe").write_bytes(b"probe")
        free = shutil.disk_usage(folder).free
    return f"{tempfile.gettempdir()}, {free / 1e9:.1f} GB free"


async def _server_findings(options: ServerOptions) -> list[Finding]:
    from spotreel.channel import Endpoint  # noqa: PLC0415 - gRPC is imported when it is needed
    from spotreel.connection import Connection  # noqa: PLC0415
    from spotreel.orchestrator.v1.job_service_pb2 import ListJobsRequest  # noqa: PLC0415

    try:
        endpoint = Endpoint.resolve(options.server, api_key=options.api_key(), tls=options.tls, tls_ca=options.tls_ca)
    except SpotreelClientError as error:
        return [Finding("server", False, error.message)]
    connection = Connection(endpoint, timeout=_ANSWER_TIMEOUT_SECONDS, patience=0.0, heartbeat_seconds=1.0)
    try:
        serving = await connection.is_serving(timeout=_ANSWER_TIMEOUT_SECONDS)
        how = f"{endpoint.target}, {'TLS' if endpoint.tls else 'no TLS'}"
        reached = Finding("server", serving, f"{how}, {'serving' if serving else 'shutting down'}", "wait, try again")
    except SpotreelClientError as error:
        await connection.close()
        return [Finding("server", False, error.message, "check the address, --tls/--no-tls and the firewall")]
    try:
        await connection.call(connection.jobs.ListJobs, ListJobsRequest(page_size=1))
        key = Finding("API key", True, "accepted" if endpoint.api_key else "none, and none is wanted")
    except SpotreelClientError as error:
        key = Finding("API key", False, error.message, "set SPOTREEL_API_KEY, or pass --api-key-file")
    finally:
        await connection.close()
    return [reached, key]


def _show(findings: list[Finding]) -> None:
    from rich.console import Console  # noqa: PLC0415 - drawn only for people
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        mark = Text("✓", "green") if finding.ok else Text("✗", "red" if finding.needed else "yellow")
        words = finding.found if finding.ok else f"{finding.found}\n→ {finding.hint}".rstrip("→ \n")
        table.add_row(mark, finding.what, Text(words))
    Console(highlight=False, soft_wrap=True).print(table)

"""What was found out about a machine, kept in a file: the trials take seconds, and the machine rarely changes."""

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servicekit.media.outputs import VideoCodec
from worker.hardware.capabilities import Decoder, Encoder, Gpu
from worker.hardware.diagnosis import TRANSIENT, Diagnosis

_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What trials found; `slots` 0 where they were not asked to."""

    encoders: tuple[Encoder, ...]
    decoders: tuple[Decoder, ...]
    slots: int

    @property
    def lasting(self) -> bool:
        """Tells whether all of it will hold at the next start; another tenant's sessions, say, will not."""
        tried: list[Encoder | Decoder] = [*self.encoders, *self.decoders]
        return not any(one.diagnosis in TRANSIENT for one in tried if not one.usable)


class MachineRecord:
    """The findings for one FFmpeg on one machine, in a file of their own. Files that cannot be used are no error."""

    def __init__(self, folder: Path, ffmpeg: Path, gpus: Sequence[Gpu], *, slots_measured: bool) -> None:
        program = ffmpeg.resolve()
        status = program.stat()
        identity = [_VERSION, str(program), status.st_size, status.st_mtime_ns, [str(gpu) for gpu in gpus]]
        key = hashlib.sha256(json.dumps([*identity, slots_measured]).encode()).hexdigest()
        self._path = folder / f"machine-{key[:16]}.json"

    def read(self) -> Findings | None:
        """Returns what was found before, None where there is nothing that can be read."""
        try:
            content = json.loads(self._path.read_text())
            return Findings(
                encoders=tuple(_encoder(entry) for entry in content["encoders"]),
                decoders=tuple(_decoder(entry) for entry in content["decoders"]),
                slots=int(content["slots"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, found: Findings) -> None:
        """Keeps findings for the next start, if they will hold and there is room for them."""
        if not found.lasting:
            return
        partial = self._path.with_suffix(".partial")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial.write_text(json.dumps(dataclasses.asdict(found), indent=1))
            partial.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                partial.unlink()


def _encoder(entry: dict[str, Any]) -> Encoder:
    known = {**entry, "codec": VideoCodec(entry["codec"]), "diagnosis": Diagnosis(entry["diagnosis"])}
    return Encoder(**known)


def _decoder(entry: dict[str, Any]) -> Decoder:
    known = {**entry, "diagnosis": Diagnosis(entry["diagnosis"])}
    return Decoder(**known)

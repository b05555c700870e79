"""The private folder FFmpeg runs in: fixed names for everything, so that no user text is ever a path or a filter."""

from collections.abc import Mapping
from pathlib import Path

from worker.media.arguments import FONTS_FOLDER, JOIN_FILE
from worker.media.plan import JoinedFiles, Plan

_FONTCONFIG_FILE = "fonts.conf"
# libass asks fontconfig where FFmpeg has it; this one knows our fonts only, so that no font of the machine is drawn
# with, and its cache stays in the folder that is deleted with the task.
_FONTCONFIG = f"""<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="cwd">{FONTS_FOLDER}</dir>
  <cachedir prefix="cwd">fontcache</cachedir>
</fontconfig>
"""


def prepare_workdir(plan: Plan, folder: Path) -> None:
    """Puts the plan's files and fonts into an existing folder; what is already there under these names is replaced."""
    for name, content in plan.files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    if plan.fonts:
        (folder / _FONTCONFIG_FILE).write_text(_FONTCONFIG, encoding="utf-8")
        fonts = folder / FONTS_FOLDER
        fonts.mkdir(exist_ok=True)
        for number, path in enumerate(dict.fromkeys(plan.fonts)):
            _link(path, fonts / f"{number}{path.suffix}")
    for entry in plan.inputs:
        if isinstance(entry, JoinedFiles):
            _join(entry, folder)


def _join(entry: JoinedFiles, folder: Path) -> None:
    names = [f"joined-{number}" for number in range(len(entry.paths))]
    for name, path in zip(names, entry.paths, strict=True):
        _link(path, folder / name)
    (folder / JOIN_FILE).write_text("".join(f"file {name}\n" for name in names))


def _link(path: Path, link: Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(path.absolute())


def environment(folder: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment for FFmpeg in that folder."""
    return {**inherited, "FONTCONFIG_PATH": str(folder.absolute()), "FONTCONFIG_FILE": _FONTCONFIG_FILE}

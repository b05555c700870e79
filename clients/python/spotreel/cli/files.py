"""What is checked about files before anything is started."""

from pathlib import Path

import click

from spotreel.errors import SpotreelClientError

CONTAINERS = {".mp4": "CONTAINER_MP4", ".mov": "CONTAINER_MOV", ".mkv": "CONTAINER_MKV", ".webm": "CONTAINER_WEBM"}

PICTURE_KINDS = {".jpg": "poster", ".jpeg": "poster", ".zip": "sprite_sheet"}


class WrongUsage(SpotreelClientError):
    """The command line asks for what cannot be done; nothing was started."""


class InputSource(click.ParamType):  # type: ignore[type-arg]  # not generic before 8.4
    """A local file that can be read and is not empty, or an http(s) URL, which is left as it is."""

    name = "file or URL"

    def convert(self, value: str | Path, _param: click.Parameter | None, _ctx: click.Context | None) -> str | Path:
        """Raises WrongUsage with what is wrong with the file."""
        text = str(value)
        if text.startswith(("http://", "https://")):
            return text
        path = Path(text)
        try:
            _check_readable(path)
        except OSError as error:
            raise WrongUsage(
                f"{path} cannot be read: {error.strerror or error}.", reason="INPUT_UNREADABLE", metadata={"path": text}
            ) from error
        return path


def _check_readable(path: Path) -> None:
    problem = ""
    if not path.exists():
        reason, problem = "INPUT_MISSING", "does not exist"
    elif path.is_dir():
        reason, problem = "INPUT_IS_DIRECTORY", "is a directory; name a file"
    elif not path.is_file():
        reason, problem = "INPUT_UNREADABLE", "is no regular file"
    else:
        with path.open("rb") as file:
            if not file.read(1):
                reason, problem = "INPUT_EMPTY", "is empty"
            else:
                return
    raise WrongUsage(f"{path} {problem}.", reason=reason, metadata={"path": str(path)})


def container_of(out: Path) -> str:
    """Returns the name of the container for OUT's ending; raises WrongUsage for any other."""
    try:
        return CONTAINERS[out.suffix.lower()]
    except KeyError:
        raise WrongUsage(
            f"{out} has no ending that names a format: use one of {', '.join(CONTAINERS)}.",
            reason="OUTPUT_FORMAT_UNKNOWN",
            metadata={"path": str(out)},
        ) from None


def picture_kind_of(out: Path) -> str:
    """Returns `poster` or `sprite_sheet` for OUT's ending; raises WrongUsage for any other."""
    try:
        return PICTURE_KINDS[out.suffix.lower()]
    except KeyError:
        raise WrongUsage(
            f"{out} has no ending that says what is wanted: use .jpg for a poster, .zip for sprite sheets.",
            reason="OUTPUT_FORMAT_UNKNOWN",
            metadata={"path": str(out)},
        ) from None


def check_target(out: Path, *, overwrite: bool) -> None:
    """Raises WrongUsage where OUT cannot be written, or exists and must not be replaced."""
    parent = out.absolute().parent
    problem = ""
    if out.is_dir():
        reason, problem = "OUTPUT_IS_DIRECTORY", "is a directory; name a file in it"
    elif out.exists() and not overwrite:
        reason, problem = "OUTPUT_EXISTS", "exists already; choose another name, or replace it with --overwrite"
    elif not parent.is_dir():
        reason, problem = "DIRECTORY_MISSING", f"cannot be written: there is no directory {parent}"
    else:
        return
    raise WrongUsage(f"{out} {problem}.", reason=reason, metadata={"path": str(out)})

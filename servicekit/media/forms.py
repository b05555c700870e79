"""The form of an output: what kind of file an operation delivers."""

from dataclasses import dataclass

from servicekit.media.operations import Operation, Poster, Thumbnails
from servicekit.media.outputs import OutputSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputForm:
    """What a delivered file is called and how it travels: `suffix` has its dot, `content_type` is a media type.

    A `muxed` output is audio and video in a container, which comes home in an append-only form and is delivered in
    another; any other output is delivered as it was made.
    """

    content_type: str
    suffix: str
    muxed: bool


PICTURE = OutputForm(content_type="image/jpeg", suffix=".jpg", muxed=False)
SPRITES = OutputForm(content_type="application/zip", suffix=".zip", muxed=False)


def output_form(operation: Operation, output: OutputSpec) -> OutputForm:
    """Returns the form that the operation's output has; everything but pictures is in the container asked for."""
    if isinstance(operation, Thumbnails):
        return PICTURE if isinstance(operation.kind, Poster) else SPRITES
    return OutputForm(content_type=output.container.content_type, suffix=output.container.suffix, muxed=True)

"""Lists of things: a table on a terminal, tab-separated lines elsewhere, JSON where it is asked for."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from rich.table import Table

T = TypeVar("T")


def as_json(message: "Message", *, indent: int | None = None) -> str:
    """Returns a message as JSON, on one line unless `indent` is given."""
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - protobuf is imported when it is needed

    return json.dumps(MessageToDict(message), ensure_ascii=False, indent=indent)


def show(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints rows. The first column is there to be copied: it is whole however narrow the terminal."""
    cells = list(rows)
    if not sys.stdout.isatty():
        for row in cells:
            print("\t".join(row))
        return
    from rich.console import Console  # noqa: PLC0415 - only these commands draw a table

    Console(highlight=False).print(_table(titles, cells), crop=False)


def show_messages(
    found: Sequence[T], *, titles: Sequence[str], cells: Callable[[T], Sequence[str]], in_json: bool
) -> None:
    """Prints messages, one row or one line of JSON each."""
    if in_json:
        message: Any
        for message in found:
            print(as_json(message))
    else:
        show(titles, map(cells, found))


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> "Table":
    from rich.table import Table  # noqa: PLC0415 - only these commands draw a table

    table = Table(box=None, pad_edge=False)
    table.add_column(titles[0], no_wrap=True, min_width=max((len(row[0]) for row in rows), default=0))
    for title in titles[1:]:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table

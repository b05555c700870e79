"""Which optional parts of the package are installed."""

import re
from collections.abc import Iterator
from importlib import metadata

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


def missing_distributions(extra: str) -> list[str]:
    """Names the distributions that `spotreel[extra]` asks for and that are not installed, sorted."""
    return sorted({name for name in _required(extra) if not _is_installed(name)})


def extra_missing(extra: str, missing: list[str]) -> str:
    """Says that `spotreel[extra]` has to be installed, and what of it is missing."""
    return f"spotreel[{extra}] is not installed: pip install 'spotreel[{extra}]' (missing: {', '.join(missing)})."


def _required(extra: str) -> Iterator[str]:
    for requirement in metadata.requires("spotreel") or []:
        condition, named = _EXTRA.search(requirement), _NAME.match(requirement)
        if condition is None or named is None or condition.group(1) != extra:
            continue
        if named.group() == "spotreel":
            inner = requirement[requirement.index("[") + 1 : requirement.index("]")]
            for part in inner.split(","):
                yield from _required(part.strip())
        else:
            yield named.group()


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True

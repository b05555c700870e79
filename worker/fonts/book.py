"""Which fonts are at hand and which characters they have."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from fontTools.ttLib import TTCollection, TTFont, TTLibError

SHIPPED = Path(__file__).parent

_SUFFIXES = frozenset({".ttf", ".otf", ".ttc", ".otc"})
_COLLECTION = b"ttcf"
_FAMILY, _TYPOGRAPHIC_FAMILY = 1, 16
_SEMIBOLD = 600


@dataclass(frozen=True, slots=True)
class Face:
    """One font of a family, and the characters it has."""

    path: Path
    bold: bool
    characters: frozenset[int]


@dataclass(frozen=True, slots=True)
class NamedFace:
    """A font, and the family that it says to belong to."""

    family: str
    face: Face


@dataclass(frozen=True, slots=True)
class Family:
    """The faces that share a family name."""

    name: str
    faces: tuple[Face, ...]

    def covers(self, code: int, *, bold: bool) -> bool:
        """Tells whether the faces libass would choose for that weight have the character."""
        fitting = [face for face in self.faces if face.bold == bold] or self.faces
        return any(code in face.characters for face in fitting)


class FontBook:
    """The font families in the configured folders; nothing the machine happens to have installed counts."""

    def __init__(self, families: Mapping[str, Family]) -> None:
        self._families = {name.casefold(): family for name, family in families.items()}

    @classmethod
    def load(cls, folders: Iterable[Path] = ()) -> Self:
        """Reads the shipped fonts and those under `folders`; files that are no fonts are passed over."""
        families: dict[str, Family] = {}
        for folder in (SHIPPED, *folders):
            for path in sorted(folder.rglob("*")):
                if path.suffix.lower() in _SUFFIXES:
                    _add(families, path)
        return cls(families)

    def with_faces(self, faces: Iterable[NamedFace]) -> "FontBook":
        """Returns a book that has these fonts too; a family of a name that is known goes before that one."""
        families = {family.name: family for family in self._families.values()}
        own: dict[str, Family] = {}
        for named in faces:
            known = own.get(named.family)
            own[named.family] = Family(named.family, (*known.faces, named.face) if known else (named.face,))
        taken = {name.casefold() for name in own}
        return FontBook(own | {name: family for name, family in families.items() if name.casefold() not in taken})

    @property
    def names(self) -> tuple[str, ...]:
        """The families by name, the shipped ones first."""
        return tuple(family.name for family in self._families.values())

    def family(self, name: str) -> Family | None:
        """Returns the family of that name, whatever its case."""
        return self._families.get(name.casefold())

    def family_for(self, char: str, preferred: Family, *, bold: bool) -> Family | None:
        """Returns the preferred family if it has the character, else the first one that has it, else None."""
        if not needs_glyph(char):
            return preferred
        candidates = (preferred, *self._families.values())
        return next((family for family in candidates if family.covers(ord(char), bold=bold)), None)


def needs_glyph(char: str) -> bool:
    """Tells whether a character leaves a mark: blanks, controls and format characters do not."""
    return unicodedata.category(char) not in ("Zs", "Zl", "Zp", "Cc", "Cf") and not 0xFE00 <= ord(char) <= 0xFE0F


def _add(families: dict[str, Family], path: Path) -> None:
    try:
        for name, face in faces_in(path):
            known = families.get(name)
            families[name] = Family(name, (*known.faces, face) if known else (face,))
    except (TTLibError, OSError):
        return


def faces_in(path: Path) -> Iterator[tuple[str, Face]]:
    """Yields the fonts of a file, each with the name of its family; raises TTLibError for what is no font."""
    with path.open("rb") as file:
        collection = file.read(4) == _COLLECTION
    if collection:
        with TTCollection(path, lazy=True) as fonts:
            yield from [_face(font, path) for font in fonts.fonts]
        return
    with TTFont(path, lazy=True) as font:
        yield _face(font, path)


def _face(font: TTFont, path: Path) -> tuple[str, Face]:
    names = font["name"]
    name = names.getDebugName(_FAMILY) or names.getDebugName(_TYPOGRAPHIC_FAMILY) or "unnamed"
    bold = "OS/2" in font and font["OS/2"].usWeightClass >= _SEMIBOLD
    return str(name), Face(path, bold, frozenset(font.getBestCmap() or {}))

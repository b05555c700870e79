"""Caption cues and a style → an ASS script for libass, in which every look is ours and no user text is markup."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby, pairwise

from servicekit.media.operations import CaptionAlignment, CaptionStyle, MissingGlyphs
from worker.errors import FailureReason, TaskFailed
from worker.fonts.book import Family, FontBook
from worker.media.subtitles import Cue, Spoken

SCRIPT_FILE = "captions.ass"
"""What the script is called in FFmpeg's working folder."""

# A script height of 1000 makes the sizes of CaptionStyle (1/1000 of the picture height) script units.
_SCRIPT_HEIGHT = 1000
_NAMED_CHARACTERS = 10
# With BorderStyle 4 libass pads the box by the shadow; below this text touches the edge.
_BOX_PADDING = 8
# As the encoding of a style it makes libass take the direction of a line from its text; anything else is left to right,
# which puts the brackets and full stops of Arabic and Hebrew on the wrong side.
_BY_TEXT = -1
# Numbered as on a keypad.
_ALIGNMENTS = {
    CaptionAlignment.BOTTOM_LEFT: 1,
    CaptionAlignment.BOTTOM_CENTER: 2,
    CaptionAlignment.BOTTOM_RIGHT: 3,
    CaptionAlignment.MIDDLE_LEFT: 4,
    CaptionAlignment.MIDDLE_CENTER: 5,
    CaptionAlignment.MIDDLE_RIGHT: 6,
    CaptionAlignment.TOP_LEFT: 7,
    CaptionAlignment.TOP_CENTER: 8,
    CaptionAlignment.TOP_RIGHT: 9,
}
_STYLE_FIELDS = (
    "Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, "
    "StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, "
    "Encoding"
)
_EVENT_FIELDS = "Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"


@dataclass(frozen=True, slots=True)
class CaptionScript:
    """An ASS script and the font families it names."""

    text: str
    families: tuple[Family, ...]


@dataclass(frozen=True, slots=True)
class _Look:
    family: str
    bold: bool
    italic: bool
    underline: bool
    spoken: Spoken | None


_Glyph = tuple[str, _Look]


def caption_script(
    cues: Sequence[Cue],
    style: CaptionStyle,
    *,
    aspect: float,
    fonts: FontBook,
    missing: MissingGlyphs = MissingGlyphs.FAIL,
) -> CaptionScript:
    """Writes the script for a picture of that aspect (width / height as displayed).

    Characters the asked-for family lacks are drawn with another family at hand, named in the script, because libass
    alone would look for them among the fonts of the machine.
    Raises TaskFailed(FONT_MISSING) for an unknown family, and for characters that no font has, naming up to ten, unless
    these are to be omitted.
    """
    family = fonts.family(style.font_family)
    if family is None:
        at_hand = ", ".join(fonts.names)
        message = f"There is no font {style.font_family!r} on this worker; it has: {at_hand}."
        raise TaskFailed(FailureReason.FONT_MISSING, message, metadata={"font_family": style.font_family})
    writer = _CueWriter(style, family, fonts)
    events = [event for cue in cues for event in writer.events(cue)]
    if missing is MissingGlyphs.FAIL:
        writer.refuse_missing()
    width = max(round(_SCRIPT_HEIGHT * aspect), 1)
    text = "\n".join([*_header(width), "", *_styles(style, family), "", *_events(events), ""])
    return CaptionScript(text, tuple(writer.families))


class _CueWriter:
    """Writes cues as events, and keeps which families they need and which characters nobody has."""

    def __init__(self, style: CaptionStyle, family: Family, fonts: FontBook) -> None:
        self._style = style
        self._family = family
        self._fonts = fonts
        self._missing: dict[str, None] = {}
        self.families = {family: None}

    def events(self, cue: Cue) -> Iterator[str]:
        """One for each word that is highlighted, all with the same text, so that nothing but a colour changes."""
        glyphs = _wrapped(list(self._glyphs(cue)), self._style.max_line_chars)
        runs = [(look, "".join(_escaped(char) for char, _ in run)) for look, run in groupby(glyphs, key=_look_of)]
        for start, end in pairwise(self._moments(cue)):
            text = "".join(self._run(look, text, start) for look, text in runs)
            yield f"Dialogue: 0,{_time(start)},{_time(end)},Caption,,0,0,0,,{text}"

    def _moments(self, cue: Cue) -> list[timedelta]:
        """When the cue comes, when another word is highlighted, and when it goes."""
        moments = {cue.start, cue.end}
        if self._style.highlight_color:
            words = [span.spoken for span in cue.spans if span.spoken is not None]
            spoken = {moment for word in words for moment in (word.start, word.end)}
            moments |= {moment for moment in spoken if cue.start < moment < cue.end}
        return sorted(moments)

    def refuse_missing(self) -> None:
        if not self._missing:
            return
        characters = list(self._missing)[:_NAMED_CHARACTERS]
        named = ", ".join(f"{char} (U+{ord(char):04X})" for char in characters)
        more = f" and {len(self._missing) - len(characters)} more" if len(self._missing) > len(characters) else ""
        message = f"No font at hand has these characters of the subtitles: {named}{more}."
        raise TaskFailed(FailureReason.FONT_MISSING, message, metadata={"characters": "".join(characters)})

    def _glyphs(self, cue: Cue) -> Iterator[_Glyph]:
        for span in cue.spans:
            text = span.text.upper() if self._style.uppercase else span.text
            for char in text:
                if char == "\n" or char.isprintable() or char == "\u00a0" or _is_format(char):
                    family = self._family_name(char, bold=span.bold or self._style.bold)
                    if family is not None:
                        spoken = span.spoken if self._style.highlight_color else None
                        yield char, _Look(family, span.bold, span.italic, span.underline, spoken)

    def _family_name(self, char: str, *, bold: bool) -> str | None:
        """The name of the family that draws the character; None, and noted, where there is none."""
        if char == "\n":
            return self._family.name
        family = self._fonts.family_for(char, self._family, bold=bold)
        if family is None:
            self._missing[char] = None
            return None
        self.families[family] = None
        return family.name

    def _run(self, look: _Look, text: str, now: timedelta) -> str:
        tags = [
            # Said of words that wait as well, so that the text is shaped in the same pieces all the time.
            *([_colour_tags(self._colour_of(look.spoken, now))] if look.spoken is not None else []),
            *([rf"\fn{look.family}"] if look.family != self._family.name else []),
            *([r"\b1"] if look.bold and not self._style.bold else []),
            *([r"\i1"] if look.italic and not self._style.italic else []),
            *([r"\u1"] if look.underline else []),
        ]
        return f"{{{''.join(tags)}}}{text}{{\\r}}" if tags else text

    def _colour_of(self, word: Spoken, now: timedelta) -> str:
        return self._style.highlight_color if word.start <= now < word.end else self._style.primary_color


def _colour_tags(color: str) -> str:
    value = _colour(color)
    return rf"\1c&H{value[4:]}&\1a{value[:4]}&"


def _look_of(glyph: _Glyph) -> _Look:
    return glyph[1]


def _is_format(char: str) -> bool:
    """Joiners and direction marks (U+200C to U+200F, U+2066 to U+2069), which Arabic, Hebrew and emoji need."""
    return "\u200c" <= char <= "\u200f" or "\u2066" <= char <= "\u2069"


def _escaped(char: str) -> str:
    match char:
        case "\n":
            return r"\N"
        case "{":
            return r"\{"
        case "\\":
            # libass has no escape for a backslash; a word joiner (no glyph, no width) keeps it from being a command.
            return "\\\u2060"
        case _:
            return char


def _wrapped(glyphs: list[_Glyph], limit: int) -> list[_Glyph]:
    """Breaks lines at blanks to at most `limit` characters where words allow; 0 leaves it to libass."""
    if limit <= 0:
        return glyphs
    wrapped = list(glyphs)
    line_start, blank = 0, None
    for index, char in enumerate([*(char for char, _ in glyphs), "\n"]):
        if char not in " \n":
            continue
        if index - line_start > limit and blank is not None:
            wrapped[blank] = ("\n", glyphs[blank][1])
            line_start = blank + 1
        blank = index
        if char == "\n":
            line_start, blank = index + 1, None
    return wrapped


def _header(width: int) -> list[str]:
    return [
        "[Script Info]",
        "ScriptType: v4.00+",
        f"PlayResX: {width}",
        f"PlayResY: {_SCRIPT_HEIGHT}",
        "WrapStyle: 0",
        "ScaledBorderAndShadow: yes",
        # Without it libass takes our colours for BT.601 and changes them on HD video.
        "YCbCr Matrix: None",
    ]


def _styles(style: CaptionStyle, family: Family) -> list[str]:
    boxed = bool(style.back_color)
    values = [
        "Caption",
        family.name,
        style.font_size,
        _colour(style.primary_color),
        _colour(style.primary_color),
        _colour(style.outline_color),
        _colour(style.back_color if boxed else "#00000080"),
        -int(style.bold),
        -int(style.italic),
        "0,0,100,100,0,0",
        4 if boxed else 1,
        style.outline_width,
        max(style.shadow, _BOX_PADDING) if boxed else style.shadow,
        _ALIGNMENTS[style.alignment],
        style.margin_horizontal,
        style.margin_horizontal,
        style.margin_vertical,
        _BY_TEXT,
    ]
    return ["[V4+ Styles]", f"Format: {_STYLE_FIELDS}", "Style: " + ",".join(str(value) for value in values)]


def _events(events: Sequence[str]) -> list[str]:
    return ["[Events]", f"Format: {_EVENT_FIELDS}", *events]


def _colour(value: str) -> str:
    """`#RRGGBB[AA]` as ASS writes it: &HAABBGGRR, where AA is transparency."""
    red, green, blue = value[1:3], value[3:5], value[5:7]
    opacity = int(value[7:9] or "FF", 16)
    return f"&H{255 - opacity:02X}{blue}{green}{red}".upper()


def _time(time: timedelta) -> str:
    hundredths = math.floor(time.total_seconds() * 100 + 0.5)
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes // 60}:{minutes % 60:02}:{rest // 100:02}.{rest % 100:02}"

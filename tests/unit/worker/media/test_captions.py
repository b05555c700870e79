"""The caption script says what the style asks for and lets no text become markup."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.media.operations import CaptionAlignment, CaptionStyle, MissingGlyphs
from worker.errors import FailureReason, TaskFailed
from worker.fonts.book import FontBook
from worker.media.captions import caption_script
from worker.media.subtitles import Cue, Span, Spoken

FONTS = FontBook.load()


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def event(text: str, style: CaptionStyle | None = None, *, bold: bool = False, italic: bool = False) -> str:
    spans = (Span(text, bold=bold, italic=italic),)
    cue = Cue(start=timedelta(seconds=61.5), end=timedelta(hours=1), spans=spans, line=1)
    script = caption_script([cue], style or CaptionStyle(), aspect=16 / 9, fonts=FONTS).text
    (line,) = [line for line in script.splitlines() if line.startswith("Dialogue")]
    return line


def style_fields(style: CaptionStyle) -> dict[str, str]:
    cue = Cue(start=timedelta(), end=timedelta(seconds=1), spans=(Span("x"),), line=1)
    lines = caption_script([cue], style, aspect=1, fonts=FONTS).text.splitlines()
    names, values = (
        next(line for line in lines if line.startswith(kind)).split(":", 1)[1].split(",")
        for kind in ("Format: Name", "Style")
    )
    return dict(zip((name.strip() for name in names), (value.strip() for value in values), strict=True))


def test_times_and_newlines() -> None:
    assert event("a\nb") == r"Dialogue: 0,0:01:01.50,1:00:00.00,Caption,,0,0,0,,a\Nb"


@given(st.text(st.sampled_from("a{}\\N n\n,h"), max_size=30))
def test_text_never_becomes_markup(text: str) -> None:
    written = event(text).split(",,", 2)[-1].removeprefix("0,0,0,,")
    drawn = written.replace("\\N", "\n").replace("\\{", "{").replace("\\\u2060", "\\")
    assert drawn == text
    assert "{" not in written.replace("\\{", "")


def test_each_word_is_highlighted_while_it_is_spoken() -> None:
    words = [
        Span("one ", spoken=Spoken(seconds(1), seconds(2))),
        Span("two", spoken=Spoken(seconds(2), seconds(3))),
        Span(" quiet"),
    ]
    cue = Cue(start=seconds(1), end=seconds(4), spans=tuple(words), line=1)
    style = CaptionStyle(highlight_color="#FFD200", primary_color="#FFFFFF80")
    lines = caption_script([cue], style, aspect=1, fonts=FONTS).text.splitlines()
    events = [line.split(",", 9) for line in lines if line.startswith("Dialogue")]
    on, off = r"{\1c&H00D2FF&\1a&H00&}", r"{\1c&HFFFFFF&\1a&H7F&}"
    assert [(fields[1], fields[2], fields[9]) for fields in events] == [
        ("0:00:01.00", "0:00:02.00", rf"{on}one {{\r}}{off}two{{\r}} quiet"),
        ("0:00:02.00", "0:00:03.00", rf"{off}one {{\r}}{on}two{{\r}} quiet"),
        ("0:00:03.00", "0:00:04.00", rf"{off}one {{\r}}{off}two{{\r}} quiet"),
    ]
    assert "1c" not in caption_script([cue], CaptionStyle(), aspect=1, fonts=FONTS).text


def test_characters_that_no_font_has_are_left_out_where_that_is_asked_for() -> None:
    cue = Cue(start=seconds(0), end=seconds(1), spans=(Span("a漢b"),), line=1)
    with pytest.raises(TaskFailed, match=r"漢 \(U\+6F22\)"):
        caption_script([cue], CaptionStyle(), aspect=1, fonts=FONTS)
    script = caption_script([cue], CaptionStyle(), aspect=1, fonts=FONTS, missing=MissingGlyphs.OMIT)
    assert script.text.rstrip().endswith(",,ab")


def test_emphasis_and_uppercase() -> None:
    assert event("straße", CaptionStyle(uppercase=True), bold=True).endswith(r"{\b1}STRASSE{\r}")


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=9), max_size=20), st.integers(5, 20))
def test_wrapping_keeps_the_words_and_the_limit(words: list[str], limit: int) -> None:
    written = event(" ".join(words), CaptionStyle(max_line_chars=limit)).split(",,")[-1]
    lines = written.split(r"\N")
    assert " ".join(lines).split() == words
    assert all(len(line) <= limit or " " not in line for line in lines)


def test_style_in_script_units() -> None:
    fields = style_fields(
        CaptionStyle(
            font_size=70, primary_color="#112233", outline_color="#44556680", alignment=CaptionAlignment.TOP_LEFT
        )
    )
    assert fields["Fontsize"] == "70"
    assert (fields["PrimaryColour"], fields["OutlineColour"]) == ("&H00332211", "&H7F665544")
    assert (fields["Alignment"], fields["BorderStyle"]) == ("7", "1")
    assert style_fields(CaptionStyle(back_color="#000000"))["BorderStyle"] == "4"


def test_characters_without_a_font_are_named() -> None:
    with pytest.raises(TaskFailed, match=r"漢 \(U\+6F22\), 字 \(U\+5B57\)\.") as failed:
        event("漢字 ok 漢")
    assert failed.value.reason is FailureReason.FONT_MISSING
    assert failed.value.metadata == {"characters": "漢字"}


def test_an_unknown_font_is_named_with_those_at_hand() -> None:
    with pytest.raises(TaskFailed, match=r"no font 'Comic Sans'.*DejaVu Sans") as failed:
        event("x", CaptionStyle(font_family="Comic Sans"))
    assert failed.value.reason is FailureReason.FONT_MISSING


@pytest.mark.parametrize("text", ["Ελληνικά", "Привет", "مرحبا", "שלום", "naïve – “quoted” …", "a\u200fb"])
def test_the_shipped_font_has_the_scripts_it_promises(text: str) -> None:
    assert text in event(text)

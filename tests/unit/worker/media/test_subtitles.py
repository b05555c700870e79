"""Subtitle files as they are found in the wild."""

import random
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import FailureReason, TaskFailed
from worker.media.subtitles import Spoken, read_subtitles

FRENCH = "1\n00:00:01,000 --> 00:00:02,500\nÇa a été déçu, où est le garçon?\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(encoding: str, newline: str) -> None:
    (cue,) = read_subtitles(FRENCH.replace("\n", newline).encode(encoding))
    assert cue.text == "Ça a été déçu, où est le garçon?"
    assert (cue.start, cue.end) == (timedelta(seconds=1), timedelta(seconds=2.5))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("Привет, как дела? Сегодня хорошая погода", "cp1251"), ("Příliš žluťoučký kůň", "cp1250"), ("Café", "cp1252")],
)
def test_legacy_code_pages(text: str, encoding: str) -> None:
    assert read_subtitles(f"1\n00:00:01,000 --> 00:00:02,000\n{text}\n".encode(encoding))[0].text == text


def test_missing_numbers_blank_lines_and_order() -> None:
    messy = (
        "00:00:05,000 --> 00:00:06,000\nlater\n2\n00:00:01.5 --> 00:00:02,000 X1:40\nfirst\nline\n\n\n"
        "00:00:01,700-->00:00:09,000\noverlapping"
    )
    assert [cue.text for cue in read_subtitles(messy.encode())] == ["first\nline", "overlapping", "later"]


def test_a_number_as_the_whole_text_stays_text() -> None:
    assert read_subtitles(b"1\n00:00:01,000 --> 00:00:02,000\n42")[0].text == "42"


def test_tags_become_looks() -> None:
    (cue,) = read_subtitles(
        b"1\n00:00:01,000 --> 00:00:02,000\n<font color='red'>a</font> <b>b<i>c</b></i> 1 < 2 {\\an8}{x}\n"
    )
    assert cue.text == "a bc 1 < 2 {x}"
    assert [(span.text, span.bold, span.italic) for span in cue.spans if span.bold or span.italic] == [
        ("b", True, False),
        ("c", True, True),
    ]


def test_webvtt() -> None:
    vtt = (
        "WEBVTT - title\n\nNOTE not --&gt; me\n\nSTYLE\n::cue {}\n\n"
        "intro\n00:01.000 --> 00:02.000 align:start\n<v Bob>Tom &amp; <00:01.500>Jerry</v>\n\nNOTE x\n"
    )
    (cue,) = read_subtitles(vtt.encode())
    assert cue.text == "Tom & Jerry"
    assert cue.start == timedelta(seconds=1)


def test_ass_gives_its_words_and_times() -> None:
    ass = (
        "[Script Info]\n[V4+ Styles]\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, "
        "Effect, Text\nComment: 0,0:00:00.00,0:00:09.00,D,,0,0,0,,no\n"
        "Dialogue: 0,0:00:01.00,0:00:02.50,D,,0,0,0,,{\\pos(1,2)}Hi, you\\Nthere\n"
    )
    (cue,) = read_subtitles(ass.encode())
    assert (cue.text, cue.end) == ("Hi, you\nthere", timedelta(seconds=2.5))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n", "empty"),
        (b"just words\n", "no cue"),
        (b"1\n00:00:01,000 --> 00:00:02,000\n\n", "no cue"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nok\n\n2\n00:00:0x --> 3\nbad\n", "Line 6"),
        (b"1\n00:00:05,000 --> 00:00:02,000\nbackwards\n", "Line 2 .* ends before it starts"),
        (b"WEBVTT\n\nNOTE x\n\n00:05.000 --> x\nbad\n", "Line 5"),
        (b"[Events]\nFormat: Start, Text\nDialogue: 0:00:01.00,Hi\n", "Line 3 .* no ASS event"),
        (b"[Events]\nDialogue: 0,0:00:01.00,soon,D,,0,0,0,,Hi\n", "Line 2 .* no ASS event"),
        (b"{25}{50}MicroDVD counts frames\n", "no cue"),
        (random.Random(1).randbytes(4000), "not text"),
    ],
)
def test_what_cannot_be_used_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(TaskFailed, match=words) as failed:
        read_subtitles(content)
    assert failed.value.reason is FailureReason.SUBTITLES_INVALID
    assert not failed.value.retryable


@given(st.binary(max_size=2000))
def test_no_bytes_raise_anything_else(content: bytes) -> None:
    with suppress(TaskFailed):
        assert read_subtitles(content)


ONE = "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n2\n00:00:03,000 --> 00:00:04,000\nWorld\n"
ASS = "[Script Info]\nTitle: x\n\n[Events]\n"
BLOCKS = (
    "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:9\n\nNOTE a --> b\nmore\n\nREGION\nid:a\n\n"
    "a name\n00:01.000 --> 00:02.000 line:0 position:20%\nHi\n\nNOTE\nend --> of it\n"
)
SSA = (
    ASS + "Format: Marked, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    "Dialogue: Marked=0,0:00:01.00,0:00:02.00,D,,0000,0000,0000,!Effect,Hi\n"
)
EVENT = "Dialogue: 0,0:00:01.00,0:00:02.00,D,,0,0,0,,"


@pytest.mark.parametrize(
    ("content", "texts", "start"),
    [
        (ONE.replace("\n", "\r\r\n"), ["Hello", "World"], 1.0),
        (ONE.replace("\n\n", "\n"), ["Hello", "World"], 1.0),
        (ONE.replace(",000", ".000"), ["Hello", "World"], 1.0),
        (ONE.replace(",000", ""), ["Hello", "World"], 1.0),
        (ONE.replace(",000", ", 000"), ["Hello", "World"], 1.0),
        (ONE.replace(",000", ",000123"), ["Hello", "World"], 1.0),
        (ONE.replace("-->", "->"), ["Hello", "World"], 1.0),
        (ONE.replace("-->", "–>"), ["Hello", "World"], 1.0),
        (ONE.replace("-->", "→"), ["Hello", "World"], 1.0),
        (ONE.replace("00:00:01,000 -->", "-00:00:01,000 -->"), ["Hello", "World"], 0.0),
        ("1\n-00:00:03,000 --> -00:00:02,000\ngone\n\n" + ONE, ["Hello", "World"], 1.0),
        ("1\n00:00:02,000 --> 00:00:02,000\nnever there\n\n" + ONE, ["Hello", "World"], 1.0),
        (ONE.replace("Hello", "He said -> go"), ["He said -> go", "World"], 1.0),
        (ONE.replace("Hello", "The answer is\n42"), ["The answer is\n42", "World"], 1.0),
        (ONE.replace("Hello", "Hello<br>you<BR />there"), ["Hello\nyou\nthere", "World"], 1.0),
        (ONE.replace("Hello", "x" * 100_000), ["x" * 100_000, "World"], 1.0),
        (BLOCKS, ["Hi"], 1.0),
        ("\ufeffWEBVTT\n\n00:01.000 --> 00:02.000\nHi\n", ["Hi"], 1.0),
        (ASS + "Format: Start, End, Style, Text\nDialogue: 0:00:01.00,0:00:02.00,D,Hi, you\n", ["Hi, you"], 1.0),
        (SSA, ["Hi"], 1.0),
        (ASS + EVENT + "{\\p1}m 0 0 l 10 0{\\p0}Hi\n", ["Hi"], 1.0),
        (ASS + "Comment: 0,0:00:00.00,0:00:02.00,D,,0,0,0,,no\n" + EVENT + "Hi\\hyou\n", ["Hi\u00a0you"], 1.0),
    ],
)  # fmt: skip
def test_what_can_be_repaired_is(content: str, texts: list[str], start: float) -> None:
    cues = read_subtitles(content.encode())
    assert [cue.text for cue in cues] == texts
    assert cues[0].start == timedelta(seconds=start)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("こんにちは、世界。これは字幕です", "shift_jis"),
        ("你好，世界。这是字幕", "gb18030"),
        ("مرحبا بالعالم هذا نص", "cp1256"),
        ("Καλημέρα κόσμε, τι κάνεις", "cp1253"),
    ],
)
def test_other_scripts_without_unicode(text: str, encoding: str) -> None:
    assert read_subtitles(ONE.replace("Hello", text).encode(encoding))[0].text == text


def spoken(content: str) -> list[tuple[str, tuple[float, float] | None]]:
    (cue,) = read_subtitles(content.encode())
    return [(span.text, None if (when := span.spoken) is None else _seconds(when)) for span in cue.spans]


def _seconds(when: Spoken) -> tuple[float, float]:
    return when.start.total_seconds(), when.end.total_seconds()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("no times at all", [("no times at all", None)]),
        ("one <00:00:02.000>two", [("one ", (1.0, 2.0)), ("two", (2.0, 4.0))]),
        ("<00:01.500>one<c> two</c><00:03.000> 3", [("one", (1.5, 3.0)), (" two", (1.5, 3.0)), (" 3", (3.0, 4.0))]),
        # Out of order, and outside of the cue: they say nothing.
        ("one <00:03.000>two <00:02.000>3", [("one ", (1.0, 3.0)), ("two ", (3.0, 4.0)), ("3", (3.0, 4.0))]),
        ("one <00:00:09.000>two", [("one ", None), ("two", None)]),
    ],
)  # fmt: skip
def test_words_of_webvtt_with_their_times(body: str, words: list[tuple[str, tuple[float, float] | None]]) -> None:
    assert spoken(f"WEBVTT\n\n00:01.000 --> 00:04.000\n{body}\n") == words


def test_a_tag_of_webvtt_stays_open_across_a_timestamp() -> None:
    (cue,) = read_subtitles(b"WEBVTT\n\n00:01.000 --> 00:04.000\n<b>one <00:02.000>two</b> three\n")
    assert [(span.text, span.bold) for span in cue.spans] == [("one ", True), ("two", True), (" three", False)]


@pytest.mark.parametrize("tag", ["k", "K", "kf", "ko"])
def test_karaoke_of_ass_with_its_times(tag: str) -> None:
    event = f"Dialogue: 0,0:00:01.00,0:00:04.00,Default,,0,0,0,,{{\\{tag}50}}one {{\\{tag}25\\i1}}two{{\\r}}\\N three"
    assert spoken(f"[Events]\n{event}\n") == [
        ("one ", (1.0, 1.5)),
        ("two", (1.5, 1.75)),
        ("\n three", (1.5, 1.75)),
    ]

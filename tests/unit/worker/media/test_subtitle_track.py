"""What is written into the file that a subtitle track is copied from."""

from datetime import timedelta

import pytest

from servicekit.media.outputs import Container
from worker.errors import FailureReason, TaskFailed
from worker.media.caption_states import State, states
from worker.media.subtitle_track import subtitle_track
from worker.media.subtitles import Cue, Span

SECOND = timedelta(seconds=1)


def cue(start: float, end: float, *spans: Span) -> Cue:
    return Cue(start=start * SECOND, end=end * SECOND, spans=spans or (Span("x"),), line=7)


@pytest.mark.parametrize(
    ("container", "span", "written"),
    [
        (Container.MKV, Span("a\nb", italic=True), "<i>a</i>\n<i>b</i>"),
        (Container.MKV, Span("a\n\n \nb"), "a\nb"),
        (Container.MKV, Span("1 < 2 & <b>3"), "1 < 2 & <\u2060b>3"),
        (Container.MKV, Span("{\\an8}x --> y"), "{\u2060\\an8}x --\u2060> y"),
        (Container.WEBM, Span("1 < 2 & <b>3 --> 4"), "1 &lt; 2 &amp; &lt;b&gt;3 --&gt; 4"),
        (Container.WEBM, Span("x", bold=True, underline=True), "<b><u>x</u></b>"),
    ],
)
def test_text_stays_text_and_looks_become_tags(container: Container, span: Span, written: str) -> None:
    content = subtitle_track([cue(1, 2, span)], container, length=None).content
    assert isinstance(content, str)
    assert content.split("000\n", 1)[1].strip() == written


def test_what_lies_behind_the_end_of_the_video_is_left_out() -> None:
    content = subtitle_track([cue(1, 2), cue(3, 9), cue(6, 7)], Container.MKV, length=5 * SECOND).content
    assert isinstance(content, str)
    assert [line for line in content.splitlines() if "-->" in line] == [
        "00:00:01,000 --> 00:00:02,000",
        "00:00:03,000 --> 00:00:05,000",
    ]


def test_a_track_without_a_cue_is_refused() -> None:
    with pytest.raises(TaskFailed, match=r"starts behind the end of the video, 0\.500 s") as failed:
        subtitle_track([cue(1, 2)], Container.MP4, length=SECOND / 2)
    assert failed.value.reason is FailureReason.SUBTITLES_INVALID


def test_more_text_at_once_than_a_sample_holds_is_refused_with_its_line() -> None:
    with pytest.raises(TaskFailed, match=r"At line 7 .* 65536 bytes of text at once") as failed:
        subtitle_track([cue(1, 2, Span("x" * 65536))], Container.MP4, length=None)
    assert failed.value.metadata == {"line": "7"}


def test_overlapping_captions_are_cut_into_states() -> None:
    entries = [cue(0, 4), cue(1, 2), cue(2, 3), cue(6, 7), cue(6, 7)]
    assert list(states(entries)) == [
        State(0 * SECOND, SECOND, (0,)),
        State(SECOND, 2 * SECOND, (0, 1)),
        State(2 * SECOND, 3 * SECOND, (0, 2)),
        State(3 * SECOND, 4 * SECOND, (0,)),
        State(6 * SECOND, 7 * SECOND, (3, 4)),
    ]

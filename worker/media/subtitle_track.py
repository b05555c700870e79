"""Cues → the file of a subtitle track, written anew so that nothing of a user's file gets into the output unread.

Each container gets what its players read best, and FFmpeg copies the packets as they are:

- MP4 and MOV: 3GPP timed text (ETSI TS 126 245), the only kind that their players know.
- MKV: SubRip, which every player draws in the style its user likes; an ASS track would bring a style of its own.
- WebM: WebVTT, the only kind in its specification.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from servicekit.media.outputs import Container
from worker.errors import FailureReason, TaskFailed
from worker.media.caption_states import states
from worker.media.subtitles import Cue, Span
from worker.media.timed_text import MAX_SAMPLE_BYTES, TimedText, timed_text_file

_MILLISECOND = timedelta(milliseconds=1)
_LINE_BREAK = Span("\n")
# What a reader of SubRip would take for a tag, an override or a time range; a word joiner, which has neither glyph nor
# width, parts it, since SubRip has no escapes.
_SUBRIP_MARKUP = re.compile(r"(?<=<)(?=[A-Za-z/!])|(?<=\{)(?=\\)|(?<=--)(?=>)")
_WORD_JOINER = "\u2060"


@dataclass(frozen=True, slots=True)
class TrackFile:
    """The file that a track is copied from, and the name and content it has."""

    name: str
    content: str | bytes
    demuxer: str
    codec: str


def subtitle_track(cues: Sequence[Cue], container: Container, *, length: timedelta | None) -> TrackFile:
    """Returns the track's file; what lies behind `length`, the end of the video (None: not known), is left out.

    Raises TaskFailed(SUBTITLES_INVALID) where no cue is left, and for more text at once than a track can carry.
    """
    kept = _within(cues, length)
    match container:
        case Container.MP4 | Container.MOV:
            return TrackFile("captions.mp4", timed_text_file(_timed_texts(kept)), demuxer="mov", codec="mov_text")
        case Container.MKV:
            return TrackFile("captions.srt", _subrip(kept), demuxer="srt", codec="subrip")
        case Container.WEBM:
            return TrackFile("captions.vtt", _webvtt(kept), demuxer="webvtt", codec="webvtt")


def _within(cues: Sequence[Cue], length: timedelta | None) -> list[Cue]:
    if length is None:
        return list(cues)
    kept = [replace(cue, end=min(cue.end, length)) for cue in cues if length - cue.start >= _MILLISECOND]
    if not kept:
        message = f"Every cue of the subtitles starts behind the end of the video, {length.total_seconds():.3f} s."
        raise TaskFailed(FailureReason.SUBTITLES_INVALID, message)
    return kept


def _subrip(cues: Iterable[Cue]) -> str:
    blocks = (
        f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n{_lines(cue, _subrip_text)}\n"
        for number, cue in enumerate(cues, start=1)
    )
    return "\n".join(blocks)


def _webvtt(cues: Iterable[Cue]) -> str:
    blocks = (f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{_lines(cue, _webvtt_text)}\n" for cue in cues)
    return "\n".join(["WEBVTT\n", *blocks])


def _timed_texts(cues: Sequence[Cue]) -> Iterator[TimedText]:
    """Timed text knows no two captions at once: those of one moment stand below each other in one sample."""
    for state in states(cues):
        spans: list[Span] = []
        for index in state.present:
            spans += [_LINE_BREAK, *cues[index].spans] if spans else cues[index].spans
        size = sum(len(span.text.encode()) for span in spans)
        if size > MAX_SAMPLE_BYTES:
            line = cues[state.present[-1]].line
            message = (
                f"At line {line} the subtitles have {size} bytes of text at once; "
                f"a subtitle track in MP4 takes {MAX_SAMPLE_BYTES}."
            )
            raise TaskFailed(FailureReason.SUBTITLES_INVALID, message, metadata={"line": str(line)})
        yield TimedText(state.start, state.end, tuple(spans))


def _lines(cue: Cue, escape: Callable[[str], str]) -> str:
    """The cue's lines with tags that are closed within their line, less the blank ones, which would end the cue."""
    lines = [""]
    for span in cue.spans:
        first, *others = (_tagged(span, escape(part)) for part in span.text.split("\n"))
        lines[-1] += first
        lines += others
    return "\n".join(line for line in lines if line.strip())


def _tagged(span: Span, text: str) -> str:
    if not text:
        return ""
    tags = [tag for tag, used in (("b", span.bold), ("i", span.italic), ("u", span.underline)) if used]
    return "".join(f"<{tag}>" for tag in tags) + text + "".join(f"</{tag}>" for tag in reversed(tags))


def _subrip_text(text: str) -> str:
    return _SUBRIP_MARKUP.sub(_WORD_JOINER, text)


def _webvtt_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(time: timedelta, mark: str) -> str:
    seconds, milliseconds = divmod(round(time / _MILLISECOND), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{mark}{milliseconds:03}"

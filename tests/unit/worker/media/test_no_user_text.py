"""Nothing that a user writes gets into FFmpeg's command line."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from servicekit.media.operations import AssetSource, Caption, CaptionStyle
from servicekit.media.outputs import OutputSpec
from tests.unit.worker.media.test_planner import AUDIO, VIDEO, machine, media
from worker.fonts.book import FontBook
from worker.media.arguments import ffmpeg_arguments
from worker.media.plan import ProbedInput
from worker.media.planner import make_plan

ANY = AssetSource(asset="assets/any")
# What ends or opens something in a filter string, an option or an ASS script, between letters that no argument has.
TEXT = st.text("ΨЩ'\"[];:,\\%{}=$`<|&", min_size=1, max_size=30).map(lambda text: f"Ψ{text}Щ")
COLOUR = st.from_regex(r"#[A-F]{6}", fullmatch=True)
FONTS = FontBook.load()


@settings(max_examples=40, deadline=None)
@given(TEXT, TEXT, COLOUR, st.integers(10, 200), st.booleans())
def test_no_text_of_a_user_is_in_an_argument(
    words: str, language: str, colour: str, line_length: int, uppercase: bool
) -> None:
    style = CaptionStyle(primary_color=colour, back_color=colour, max_line_chars=line_length, uppercase=uppercase)
    subtitles = f"1\n00:00:00,000 --> 00:00:01,000\nx{words.replace('<', '')}\n".encode()
    inputs = {
        "video": ProbedInput(path=Path("/work/video"), media=media(VIDEO, replace(AUDIO, language=language))),
        "subtitles": ProbedInput(path=Path("/work/subtitles"), content=subtitles),
    }
    operation = Caption(video=ANY, subtitles=ANY, style=style)
    made = make_plan(operation, OutputSpec(), inputs, machine(), fonts=FONTS)
    for argument in ffmpeg_arguments(made, progress_fd=7):
        assert not set(argument) & set("ΨЩ"), argument
        assert colour.removeprefix("#") not in argument
    assert "Щ" in made.files["captions.ass"]

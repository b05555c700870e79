"""Films of stills: the move, the fit, transparency and hostile images."""

from datetime import timedelta

import pytest

from servicekit.media.operations import Fit, ImageToVideo, Zoom
from servicekit.media.outputs import FrameSize, OutputSpec, VideoEncoding
from tests.e2e.media.conftest import ANY, Studio
from worker.errors import FailureReason, TaskFailed

SMALL = OutputSpec(video=VideoEncoding(size=FrameSize(width=160, height=90)))
SECOND = timedelta(seconds=1)


async def test_the_zoom_makes_the_middle_larger(studio: Studio) -> None:
    still = studio.input(
        "dot.png",
        *["-f", "lavfi", "-i", "color=black:size=640x360,drawbox=x=300:y=160:w=40:h=40:color=white:t=fill"],
        *["-frames:v", "1", "-update", "1"],
    )
    operation = ImageToVideo(image=ANY, duration=SECOND, frame_rate=25, zoom=Zoom(start_scale=1, end_scale=2))
    made = await studio.make(operation, SMALL, {"image": still})

    first, last = (sum(value > 128 for value in studio.frame(made.path, at)) for at in (0, 0.96))
    assert first == pytest.approx(100, rel=0.15)
    assert last == pytest.approx(400, rel=0.15)
    assert made.info.duration == SECOND
    assert made.info.audio is None


async def test_contain_shows_all_of_the_still_between_black_bars(studio: Studio) -> None:
    still = studio.input("square.png", "-f", "lavfi", "-i", "color=white:size=90x90", "-frames:v", "1", "-update", "1")
    operation = ImageToVideo(
        image=ANY, duration=SECOND, fit=Fit.CONTAIN, zoom=Zoom(start_scale=1, end_scale=1), audio=ANY
    )
    sound = studio.input("sound.wav", "-f", "lavfi", "-i", "sine=d=1")
    made = await studio.make(operation, SMALL, {"image": still, "audio": sound})

    frame = studio.frame(made.path, 0.5)
    row = frame[45 * 160 : 46 * 160]
    assert max(row[:30]) < 40
    assert min(row[40:120]) > 200
    assert made.info.audio is not None


async def test_a_portrait_still_gives_a_portrait_film(studio: Studio) -> None:
    still = studio.input("tall.jpg", "-f", "lavfi", "-i", "testsrc2=size=60x90", "-frames:v", "1", "-update", "1")
    plan = await studio.engine.plan(ImageToVideo(image=ANY), OutputSpec(), {"image": still})
    assert (plan.expected.width, plan.expected.height) == (1080, 1920)


async def test_transparent_parts_are_black(studio: Studio) -> None:
    still = studio.input(
        "clear.png", "-f", "lavfi", "-i", "color=white@0.0:size=160x90,format=rgba", "-frames:v", "1", "-update", "1"
    )
    made = await studio.make(ImageToVideo(image=ANY, duration=SECOND), SMALL, {"image": still})
    assert max(studio.frame(made.path, 0.5)) < 40


async def test_an_image_that_breaks_off_is_refused(studio: Studio) -> None:
    whole = studio.input(
        "noise.png", "-f", "lavfi", "-i", "testsrc2=size=320x240", "-frames:v", "1", "-update", "1"
    ).read_bytes()
    # The header is right, so that planning goes well; only decoding shows what is missing.
    broken = studio.file("broken.png", whole[:60] + bytes(len(whole) - 60))
    with pytest.raises(TaskFailed) as failed:
        await studio.make(ImageToVideo(image=ANY, duration=SECOND), SMALL, {"image": broken})
    assert failed.value.reason is FailureReason.INPUT_INVALID

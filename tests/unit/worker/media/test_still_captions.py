"""Which captions can be images, and when each is shown."""

import pytest

from worker.media.plan import StripBox
from worker.media.still_captions import read_box, still_captions, strip_list, strip_script

HEAD = "[Script Info]\nPlayResY: 1000\n\n[Events]\nFormat: Layer, Start, End, Style\n"


def event(start: str, end: str, text: str = "Hello, you", effect: str = "") -> str:
    return f"Dialogue: 0,0:00:{start},0:00:{end},Caption,,0,0,0,{effect},{text}"


def script(*events: str) -> str:
    return HEAD + "\n".join(events) + "\n"


def test_captions_in_the_order_of_time() -> None:
    found = still_captions(script(event("03.50", "04.00"), event("01.00", "02.25"), event("02.25", "03.00")))
    assert found is not None
    assert [(one.start, one.end) for one in found] == [(100, 225), (225, 300), (350, 400)]


@pytest.mark.parametrize(
    "events",
    [
        # libass places what overlaps by what came before.
        [event("01.00", "03.00"), event("02.00", "04.00")],
        # What moves needs more than one image.
        [event("01.00", "02.00", r"{\kf50}Hel{\k50}lo")],
        [event("01.00", "02.00", r"{\fad(100,100)}Hello")],
        [event("01.00", "02.00", r"{\move(0,0,10,10)}Hello")],
        [event("01.00", "02.00", r"{\t(0,100,\fs20)}Hello")],
        [event("01.00", "02.00", effect="Banner;5")],
        [],
        # Shown for no time at all.
        [event("01.00", "01.00")],
        ["Dialogue: 0,soon,0:00:01.00,Caption,,0,0,0,,Hello"],
        ["Dialogue: 0,0:00:00.00"],
    ],
)
def test_what_images_cannot_do(events: list[str]) -> None:
    assert still_captions(script(*events)) is None


def test_what_stands_still_may_have_any_look() -> None:
    assert still_captions(script(event("01.00", "02.00", r"{\b1}bold{\b0}, {\fnSome Font}and so on"))) is not None


def test_each_caption_has_a_second_of_its_own_to_be_drawn_in() -> None:
    text = strip_script(script(event("30.50", "34.00", "later, then"), event("01.00", "02.25")))
    assert text.splitlines()[-2:] == [
        "Dialogue: 0,0:00:00.00,0:00:01.00,Caption,,0,0,0,,Hello, you",
        "Dialogue: 0,0:00:01.00,0:00:02.00,Caption,,0,0,0,,later, then",
    ]
    assert text.startswith(HEAD)


def test_images_last_as_long_as_their_captions_and_nothing_is_shown_in_between() -> None:
    captions = still_captions(script(event("01.00", "02.25"), event("02.25", "03.00"), event("03.50", "04.00")))
    assert captions is not None
    shown = strip_list(captions).splitlines()
    assert shown[0] == "ffconcat version 1.0"
    pairs = [line.removeprefix("file strip-00000").removesuffix(".png") for line in shown[1:] if "file" in line]
    # The fourth image is the empty one.
    assert pairs == ["4", "1", "2", "4", "3", "4"]
    assert [line for line in shown if "duration" in line] == [
        "duration 1.00",
        "duration 1.25",
        "duration 0.75",
        "duration 0.50",
        "duration 0.50",
    ]


def test_a_caption_at_the_start_comes_first() -> None:
    captions = still_captions(script(event("00.00", "01.00")))
    assert captions is not None
    assert strip_list(captions).splitlines()[1] == "file strip-000001.png"


def test_the_box_is_around_all_captions_with_even_borders() -> None:
    log = "".join(
        f"frame:{n}\nlavfi.bbox.x1={x1}\nlavfi.bbox.x2={x2}\nlavfi.bbox.y1={y1}\nlavfi.bbox.y2={y2}\nlavfi.bbox.w=1\n"
        for n, (x1, x2, y1, y2) in enumerate([(101, 200, 301, 330), (90, 150, 303, 341)])
    )
    assert read_box(log) == StripBox(left=90, top=300, width=112, height=42)
    assert read_box("frame:0\n") is None

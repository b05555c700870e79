"""Films of stills: the move, the fit, transparency, every kind of file, and how exact the frames are."""

import dataclasses
import struct
import zlib
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from servicekit.media.operations import Border, Easing, Fit, ImageToVideo, Zoom
from servicekit.media.outputs import FrameSize, OutputSpec, VideoEncoding
from tests.bench import stills
from tests.e2e.media.conftest import ANY, Studio
from worker.errors import FailureReason, TaskFailed
from worker.media.motion import ZoomJob

SMALL = OutputSpec(video=VideoEncoding(size=FrameSize(width=160, height=90)))
SECOND = timedelta(seconds=1)
STILL = Zoom(start_scale=1, end_scale=1)
RED, GREEN, BLUE = (0, 0, 255), (0, 255, 0), (255, 0, 0)


def job(image: Path, *, zoom: Zoom = STILL, fit: Fit = Fit.COVER, frames: int = 2, **more: object) -> ZoomJob:
    base = ZoomJob(image=str(image), width=160, height=90, frames=frames, fit=fit, zoom=zoom)
    return dataclasses.replace(base, **more)  # type: ignore[arg-type]  # the fields of a ZoomJob


def colours(made: ZoomJob) -> NDArray[np.int16]:
    """The first frame as BGR; FFmpeg's conversions of BT.709 are close enough to OpenCV's for flat colours."""
    frame = next(stills.our_frames(made))
    luma, blue, red = (plane.astype(np.float32) for plane in frame)
    whole = [cv2.resize(plane, (made.width, made.height), interpolation=cv2.INTER_NEAREST) for plane in (blue, red)]
    y, cb, cr = (luma - 16) * 255 / 219, (whole[0] - 128) * 255 / 224, (whole[1] - 128) * 255 / 224
    bgr = np.stack([y + 1.8556 * cb, y - 0.1873 * cb - 0.4681 * cr, y + 1.5748 * cr], axis=-1)
    return np.clip(np.round(bgr), 0, 255).astype(np.int16)


def refusal(made: ZoomJob) -> str:
    done = stills.run_producer(made)
    assert done.returncode == 1
    return done.stderr.decode().splitlines()[-1]


def png(name: str, picture: object, folder: Path) -> Path:
    path = folder / name
    cv2.imwrite(str(path), np.asarray(picture))
    return path


def flat(
    color: tuple[int, ...], width: int = 160, height: int = 90
) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    return np.full((height, width, len(color)), color, np.uint8)


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


async def test_a_pan_over_a_blurred_border_with_sound_that_is_too_short(studio: Studio) -> None:
    picture = flat((255, 255, 255), 90, 90)
    picture[:, 45:] = 0
    still = png("halves.png", picture, studio.folder)
    zoom = Zoom(start_scale=4, end_scale=4, focus_x=0, end_focus_x=1, easing=Easing.EASE_IN_OUT)
    operation = ImageToVideo(
        image=ANY, duration=SECOND, zoom=zoom, fit=Fit.CONTAIN, border=Border.BLUR, frame_rate=25, audio=ANY
    )
    sound = studio.input("sound.wav", "-f", "lavfi", "-i", "sine=d=0.3")
    made = await studio.make(operation, SMALL, {"image": still, "audio": sound})

    first, last = studio.frame(made.path, 0), studio.frame(made.path, 0.96)
    assert min(first) > 200
    assert max(last) < 40
    assert made.info.audio is not None
    assert made.info.audio.duration == pytest.approx(SECOND, abs=timedelta(milliseconds=50))


async def test_a_strip_that_covers_a_wide_frame_is_shown_whole_in_a_tall_one(studio: Studio) -> None:
    still = png("strip.png", flat(GREEN, 1000, 1), studio.folder)
    tall = OutputSpec(video=VideoEncoding(size=FrameSize(width=90, height=160)))
    made = await studio.make(ImageToVideo(image=ANY, duration=SECOND / 5, fit=Fit.CONTAIN), tall, {"image": still})
    rows = [sum(studio.frame(made.path, 0)[row * 90 : row * 90 + 90]) / 90 for row in (10, 150)]
    assert max(rows) < 20


def test_contain_has_the_background_around_the_still(tmp_path: Path) -> None:
    image = png("square.png", flat((255, 255, 255), 90, 90), tmp_path)
    shown = colours(job(image, fit=Fit.CONTAIN, background_color="#336699"))
    assert shown[45, 10] == pytest.approx((0x99, 0x66, 0x33), abs=3)
    assert shown[45, 150] == pytest.approx((0x99, 0x66, 0x33), abs=3)
    assert shown[45, 80] == pytest.approx((255, 255, 255), abs=3)
    assert shown[0, 36] == pytest.approx((255, 255, 255), abs=3)


def test_a_blurred_border_is_the_still_without_detail_and_darker(tmp_path: Path) -> None:
    picture = flat(RED, 90, 90)
    picture[::2, ::2] = (255, 255, 255)
    image = png("checked.png", picture, tmp_path)
    shown = colours(job(image, fit=Fit.CONTAIN, border=Border.BLUR)).astype(int)
    border = shown[:, :30]
    assert border.std(axis=(0, 1)).max() < 0.05 * picture.std(axis=(0, 1)).max()
    assert border.mean(axis=(0, 1)) == pytest.approx(0.55 * picture.mean(axis=(0, 1)), abs=6)


def test_the_edge_of_a_still_moves_as_smoothly_as_what_is_in_it(tmp_path: Path) -> None:
    image = png("square.png", flat((255, 255, 255), 90, 90), tmp_path)
    zoom = Zoom(start_scale=1, end_scale=1.1)
    rows = [frame[0][45] for frame in stills.our_frames(job(image, zoom=zoom, fit=Fit.CONTAIN, frames=25))]
    widths = [(row.astype(float) - 16).sum() / 219 for row in rows]
    assert widths[-1] - widths[0] == pytest.approx(9, abs=0.1)
    assert np.abs(np.diff(widths, n=2)).max() < 0.05


def tagged(jpeg: bytes, orientation: int) -> bytes:
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


# What is at the top left and at the top right of the picture as shown, of one that is stored with red at the top left,
# green at the top right, blue at the bottom left and white at the bottom right (Exif 2.3, section 4.6.4).
WHITE = (255, 255, 255)
CORNERS = {
    1: (RED, GREEN),
    2: (GREEN, RED),
    3: (WHITE, BLUE),
    4: (BLUE, WHITE),
    5: (RED, BLUE),
    6: (BLUE, RED),
    7: (WHITE, GREEN),
    8: (GREEN, WHITE),
}


@pytest.mark.parametrize("orientation", CORNERS)
def test_a_photograph_is_shown_upright(tmp_path: Path, orientation: int) -> None:
    picture = flat(RED, 160, 90)
    picture[:45, 80:], picture[45:, :80], picture[45:, 80:] = GREEN, BLUE, WHITE
    encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes()
    image = tmp_path / "photo.jpg"
    image.write_bytes(tagged(encoded, orientation))
    shown = colours(job(image))
    left, right = CORNERS[orientation]
    assert shown[20, 40] == pytest.approx(left, abs=12)
    assert shown[20, 120] == pytest.approx(right, abs=12)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def palette_png() -> bytes:
    """Two columns: opaque red, and a green that is not to be seen."""
    header = struct.pack(">IIBBBBB", 2, 1, 8, 3, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"PLTE", bytes([255, 0, 0, 0, 255, 0])) + chunk(b"tRNS", bytes([255, 0]))
    return b"\x89PNG\r\n\x1a\n" + parts + chunk(b"IDAT", zlib.compress(bytes([0, 0, 1]))) + chunk(b"IEND", b"")


FIXTURES = Path(__file__).parents[2] / "fixtures" / "stills"


@pytest.mark.parametrize(
    ("name", "color"),
    [
        ("cyan-cmyk.jpg", (255, 255, 0)),
        ("red-then-green.gif", RED),
        ("red-then-green.webp", RED),
        ("red-then-green.apng", RED),
        ("red-then-green.tif", RED),
        ("half-blue.tif", (179, 51, 51)),
    ],
)
def test_files_of_other_programs(name: str, color: tuple[int, int, int]) -> None:
    """Of several pictures the first one is shown; half-blue is blue with an alpha of one half."""
    assert colours(job(FIXTURES / name, background_color="#666666"))[45, 80] == pytest.approx(color, abs=4)


@pytest.mark.parametrize(
    ("name", "picture", "color"),
    [
        ("grey.png", flat((77,)), (77, 77, 77)),
        ("grey.jpg", flat((77,)), (77, 77, 77)),
        ("grey16.png", np.full((90, 160), 77 * 257, np.uint16), (77, 77, 77)),
        ("deep.tif", np.full((90, 160, 3), (200 * 257, 100 * 257, 50 * 257), np.uint16), (200, 100, 50)),
        ("half.png", flat((255, 0, 0, 128)), (179, 51, 51)),
        ("half16.png", np.full((90, 160, 4), (65535, 0, 0, 32768), np.uint16), (179, 51, 51)),
        ("half.webp", flat((255, 0, 0, 128)), (179, 51, 51)),
        ("clear.png", flat((255, 255, 255, 0)), (0x66, 0x66, 0x66)),
        ("flat.bmp", flat((10, 120, 220)), (10, 120, 220)),
        ("pixel.png", flat((10, 120, 220), 1, 1), (10, 120, 220)),
        ("strip.png", flat((10, 120, 220), 1000, 1), (10, 120, 220)),
    ],
)
def test_colours_of_every_kind_of_still(
    tmp_path: Path, name: str, picture: object, color: tuple[int, int, int]
) -> None:
    image = png(name, picture, tmp_path)
    assert colours(job(image, background_color="#666666"))[45, 80] == pytest.approx(color, abs=3)


def test_a_palette_with_transparency(tmp_path: Path) -> None:
    image = tmp_path / "palette.png"
    image.write_bytes(palette_png())
    shown = colours(job(image, fit=Fit.CONTAIN, background_color="#0000FF"))
    assert shown[45, 20] == pytest.approx(RED, abs=3)
    assert shown[45, 140] == pytest.approx(BLUE, abs=3)


@pytest.mark.parametrize("fit", Fit)
def test_two_pixels_are_two_colours(tmp_path: Path, fit: Fit) -> None:
    picture = np.array([[RED, GREEN]], np.uint8)
    shown = colours(job(png("two.png", picture, tmp_path), fit=fit))
    assert shown[45, 10] == pytest.approx(RED, abs=5)
    assert shown[45, 150] == pytest.approx(GREEN, abs=5)


@pytest.mark.parametrize("fit", Fit)
def test_a_large_still_in_and_out_of_ten_times_its_size(tmp_path: Path, fit: Fit) -> None:
    picture = np.zeros((4000, 6000, 3), np.uint8)
    picture[:, 3000:] = 255
    image = png("large.jpg", picture, tmp_path)
    zoom = Zoom(start_scale=1, end_scale=10, focus_x=0, focus_y=0.5)
    first, *_, last = [frame[0] for frame in stills.our_frames(job(image, zoom=zoom, fit=fit, frames=30))]
    assert (first[45, 130], first[45, 30]) == (235, 16)
    assert last.max() == 16


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "bmp"])
def test_a_file_that_breaks_off_is_refused(tmp_path: Path, suffix: str) -> None:
    whole = stills.draw_still(tmp_path / f"whole.{suffix}", width=300, height=200).read_bytes()
    image = tmp_path / f"broken.{suffix}"
    image.write_bytes(whole[: len(whole) * 2 // 3])
    assert "cut off" in refusal(job(image))


def test_other_refusals_of_the_producer(tmp_path: Path) -> None:
    image = png("float.tif", np.zeros((9, 16), np.float32), tmp_path)
    assert "only 8 and 16 bits are read" in refusal(job(image))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is empty"), (b"\0\0\0\x1cftypheic\0\0\0\0mif1", "not in a format"), (b"plain text", "not in a format")],
)
async def test_what_is_no_still_is_refused_when_it_is_planned(studio: Studio, content: bytes, words: str) -> None:
    with pytest.raises(TaskFailed, match=words) as failed:
        await studio.engine.plan(ImageToVideo(image=ANY), SMALL, {"image": studio.file("image", content)})
    assert failed.value.reason is FailureReason.INPUT_INVALID


async def test_an_image_that_breaks_off_fails_the_job(studio: Studio) -> None:
    whole = stills.draw_still(studio.folder / "noise.png", width=320, height=240).read_bytes()
    # The header is right, so that planning goes well; only decoding shows what is missing.
    broken = studio.file("broken.png", whole[:60] + bytes(len(whole) - 60))
    with pytest.raises(TaskFailed) as failed:
        await studio.make(ImageToVideo(image=ANY, duration=SECOND), SMALL, {"image": broken})
    assert failed.value.reason is FailureReason.INPUT_INVALID


def test_frames_are_as_exact_and_as_calm_as_promised(tmp_path: Path) -> None:
    """The property that `python -m tests.bench stills` measures in full size, against the same ideal."""
    size, frame, frames = (750, 500), (320, 180), 24
    still = stills.draw_still(tmp_path / "still.png", width=size[0], height=size[1])
    dot = stills.draw_dot(tmp_path / "dot.png", width=size[0], height=size[1])

    def made(image: Path) -> ZoomJob:
        return stills.our_job(image, width=frame[0], height=frame[1], frames=frames)

    decibels = stills.qualities(
        stills.our_frames(made(still)),
        stills.luma_of(still),
        lambda number: stills.covering_view(number, frames, size, frame, stills.END_SCALE),
        range(frames),
    )
    assert min(decibels) >= 37
    assert stills.tremor(stills.our_frames(made(dot))) < 0.05

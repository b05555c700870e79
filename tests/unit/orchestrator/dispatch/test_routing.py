"""Which jobs may run where, and for which of them a machine is rented."""

from dataclasses import replace

import pytest

from orchestrator.dispatch.routing import Routing
from orchestrator.jobs.job import Attempt, Failure, JobSpec
from servicekit.media.operations import (
    AddAudio,
    Caption,
    Concat,
    ImageToVideo,
    Operation,
    Poster,
    Thumbnails,
    Transcode,
)
from servicekit.media.outputs import FrameSize, OutputSpec, VideoCodec, VideoEncoding
from tests.simulators.records import START, VIDEO, make_instance, make_job

HOUSE = make_instance("house")
RENTED = replace(make_instance("rented"), cloud="vast", hardware_codecs=frozenset({"h264"}))
LOOKED = Failure(reason="ENCODER_UNAVAILABLE", message="", metadata={"needs_encoder": "true"})
COPY, H264 = VideoEncoding(codec=VideoCodec.COPY), VideoEncoding()


@pytest.mark.parametrize(
    ("operation", "video", "at_home", "at_home_once_looked_at"),
    [
        (AddAudio(video=VIDEO, audio=VIDEO), COPY, True, True),
        (AddAudio(video=VIDEO, audio=VIDEO), H264, False, False),
        (Caption(video=VIDEO, subtitles=VIDEO), H264, False, False),
        (ImageToVideo(image=VIDEO), H264, False, False),
        (Thumbnails(video=VIDEO, kind=Poster()), H264, True, True),
        (Transcode(video=VIDEO), COPY, True, True),
        (Transcode(video=VIDEO), H264, True, False),
        (Transcode(video=VIDEO), VideoEncoding(codec=VideoCodec.AV1), True, False),
        (Transcode(video=VIDEO), VideoEncoding(quality=23), False, False),
        (Transcode(video=VIDEO), VideoEncoding(size=FrameSize(width=640)), False, False),
        (Concat(videos=(VIDEO, VIDEO)), H264, True, False),
        (Concat(videos=(VIDEO, VIDEO)), VideoEncoding(frame_rate=25), False, False),
    ],
)
def test_what_may_be_a_copy_is_tried_at_home_and_nothing_is_rented_for_it(
    operation: Operation, video: VideoEncoding, at_home: bool, at_home_once_looked_at: bool
) -> None:
    job = make_job("job1", spec=JobSpec(operation=operation, output=OutputSpec(video=video)))
    attempt = Attempt(number=1, instance_id="house", task_id="job1-1", start_time=START, failure=LOOKED)
    looked_at = replace(job, attempts=(attempt,))
    routing, homeless = Routing(rents=True), Routing(rents=True, house=False)

    for one, expected in ((job, at_home), (looked_at, at_home_once_looked_at)):
        assert routing.may_run(one, HOUSE) is expected
        assert routing.is_rented_for(one.spec, needs_encoder=one.needs_encoder) is not expected
        assert homeless.is_rented_for(one.spec, needs_encoder=one.needs_encoder)


def test_a_house_worker_only_copies_and_goes_first() -> None:
    routing = Routing(rents=True)
    assert routing.only_copies(HOUSE)
    assert routing.prefers(HOUSE)
    assert not routing.only_copies(RENTED)
    assert not routing.prefers(RENTED)
    # Without a marketplace it is the only one there is.
    assert not Routing().only_copies(HOUSE)

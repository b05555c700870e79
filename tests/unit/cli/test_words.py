"""What the command line says, and refuses, before it speaks to anybody."""

import asyncio
import io
import json
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest
from click.testing import CliRunner
from google.protobuf.duration_pb2 import Duration
from rich.console import Console
from spotreel import errors
from spotreel.cli import wording
from spotreel.cli.commands import cli, run
from spotreel.cli.doctor import hardware_findings
from spotreel.cli.failures import told
from spotreel.cli.files import WrongUsage
from spotreel.cli.report import JsonReport, PlainReport
from spotreel.cli.sound import write_chord
from spotreel.cli.tables import _table
from spotreel.embedded import EmbeddedOrchestrator
from spotreel.jobs import progress_of
from spotreel.orchestrator.v1.instance_pb2 import Instance, InstanceFailure
from spotreel.orchestrator.v1.job_pb2 import Job, JobFailure, JobProgress
from spotreel.progress import Progress, Step
from spotreel.worker.v1.capabilities_pb2 import Capabilities


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "a 'quoted' [näme]: 1.mp4"
    path.write_bytes(b"video")
    return path


@pytest.fixture
def subtitles(tmp_path: Path) -> Path:
    path = tmp_path / "a.srt"
    path.write_text("1\n00:00:00,000 --> 00:00:01,000\nHi\n")
    return path


def refusal(*arguments: str | Path) -> WrongUsage:
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert isinstance(result.exception, WrongUsage), result.output
    assert told(result.exception).exit_status == 2
    return result.exception


def test_missing_empty_and_unreadable_inputs_are_refused(video: Path, subtitles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    empty = tmp_path / "empty.srt"
    empty.touch()

    assert refusal("caption", tmp_path / "no.mp4", subtitles, "-o", out).reason == "INPUT_MISSING"
    assert refusal("caption", tmp_path, subtitles, "-o", out).reason == "INPUT_IS_DIRECTORY"
    assert refusal("caption", video, empty, "-o", out).reason == "INPUT_EMPTY"
    assert refusal("image-to-video", video, "--audio", empty, "-o", out).reason == "INPUT_EMPTY"


def test_outputs_that_cannot_be_written_are_refused(video: Path, subtitles: Path, tmp_path: Path) -> None:
    existing = tmp_path / "there.mp4"
    existing.write_bytes(b"precious")

    assert refusal("caption", video, subtitles, "-o", existing).reason == "OUTPUT_EXISTS"
    assert refusal("caption", video, subtitles, "-o", tmp_path / "a.avi").reason == "OUTPUT_FORMAT_UNKNOWN"
    assert refusal("caption", video, subtitles, "-o", tmp_path / "no" / "a.mp4").reason == "DIRECTORY_MISSING"
    assert existing.read_bytes() == b"precious"


def test_jobs_need_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPOTREEL_SERVER", raising=False)
    result = CliRunner().invoke(cli, ["jobs", "list"])

    assert result.exit_code == 2
    assert "--server" in result.output


def test_a_service_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spotreel.cli.service_commands.missing_distributions", lambda _extra: ["sqlalchemy"])

    error = refusal("serve", "--listen", "127.0.0.1:0")
    assert error.message.startswith("spotreel[orchestrator] is not installed")
    assert told(error).hint == "pip install 'spotreel[orchestrator]'"


def test_workers_of_its_own_need_what_workers_need(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {"orchestrator": [], "worker": ["numpy"], "all": ["numpy"]}
    monkeypatch.setattr("spotreel.cli.service_commands.missing_distributions", missing.__getitem__)
    monkeypatch.setenv("SPOTREEL_LOCAL_WORKERS", "1")

    error = refusal("serve")
    assert error.message == "spotreel[all] is not installed: pip install 'spotreel[all]' (missing: numpy)."
    assert told(error).hint == "pip install 'spotreel[all]'"
    monkeypatch.setenv("SPOTREEL_LOCAL_WORKERS", "0")
    monkeypatch.setattr("orchestrator.__main__.main", lambda: 0)
    monkeypatch.setattr("sys.argv", ["spotreel"])
    assert CliRunner().invoke(cli, ["serve"]).exit_code == 0


def test_an_embedded_orchestrator_that_is_not_installed_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spotreel.embedded.missing_distributions", lambda _extra: ["av"])
    with pytest.raises(errors.EmbeddedFailed) as caught:
        asyncio.run(EmbeddedOrchestrator().__aenter__())

    assert told(caught.value).exit_status == 2
    assert told(caught.value).hint == "pip install 'spotreel[all]'"


def test_help_needs_neither_grpc_nor_protobuf_nor_rich() -> None:
    code = (
        "import sys\nfrom spotreel.cli.commands import cli\n"
        "try:\n    cli(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'grpc', 'google.protobuf', 'rich', 'tenacity'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)

    assert "image-to-video" in done.stdout
    assert done.stderr.strip() == "[]"


def test_plain_lines_come_once_a_step_and_once_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    now = 100.0
    report = PlainReport(verbose=False, monotonic=lambda: now)
    encoding = JobProgress(
        stage=JobProgress.STAGE_ENCODING,
        fraction=0.5,
        frames_per_second=98.6,
        speed=3.94,
        eta=Duration(seconds=75),
        encoder="h264_nvenc",
        output_bytes=1_234_567,
    )
    job = Job(name="jobs/a", state=Job.STATE_RUNNING, progress=encoding)
    report.progress(Progress(step=Step.UPLOADING, fraction=0.1, file=Path("a.mp4"), bytes_done=1, bytes_total=10))
    for _ in range(10):
        report.progress(progress_of(job))
    now += 1.5
    report.progress(progress_of(job))

    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "uploading a.mp4  10%  1 B of 10 B"
    assert lines[1:] == ["encoding  50%  99 fps  3.9×  ETA 1:15 min  h264_nvenc  1.2 MB"] * 2


def test_json_has_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    report = JsonReport()
    report.progress(progress_of(Job(name="jobs/a", state=Job.STATE_QUEUED)))
    report.done("words", output="a.mp4")

    progress, done = map(json.loads, capsys.readouterr().out.splitlines())
    assert (progress["event"], progress["job"], progress["state"]) == ("progress", "jobs/a", "QUEUED")
    assert done == {"event": "done", "output": "a.mp4"}


def test_a_failed_job_shows_the_last_of_ffmpegs_words() -> None:
    log = "\n".join(f"line {number}" for number in range(10))
    failure = JobFailure(reason="ENCODE_FAILED", message="FFmpeg gave up.", ffmpeg_log_tail=log)
    failed = told(errors.JobFailed(Job(name="jobs/a", failure=failure)))

    assert failed.exit_status == 1
    assert failed.lines(verbose=False) == [
        "error: FFmpeg gave up. [ENCODE_FAILED]",
        "  ffmpeg: line 7",
        "  ffmpeg: line 8",
        "  ffmpeg: line 9",
    ]
    assert len(failed.lines(verbose=True)) == 11


def test_a_state_of_a_newer_server_is_shown_as_its_number() -> None:
    job = Job()
    job.MergeFromString(b"\x18\x63")

    assert wording.state(job) == "99"
    assert wording.state(Job(state=Job.STATE_SUCCEEDED)) == "SUCCEEDED"


@pytest.mark.parametrize(
    ("value", "words"), [(0.04, "0.0 s"), (59.94, "59.9 s"), (187, "3:07 min"), (3723, "1:02:03 h")]
)
def test_times_are_readable(value: float, words: str) -> None:
    assert wording.seconds(value) == words


def test_the_chord_is_a_sound_file_that_never_clips(tmp_path: Path) -> None:
    import wave

    write_chord(tmp_path / "a.wav", seconds=2.5)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getnframes() == int(2.5 * 44_100)
        assert any(file.readframes(1000))


@pytest.mark.parametrize(
    ("module", "arguments", "name"),
    [
        ("spotreel.cli", ["serve"], "spotreel serve"),
        ("spotreel.cli", ["worker"], "spotreel worker"),
        ("orchestrator", [], "python -m orchestrator"),
        ("worker", [], "python -m worker"),
    ],
)
def test_a_service_calls_itself_what_it_was_called(module: str, arguments: list[str], name: str) -> None:
    command = [sys.executable, "-m", module, *arguments, "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert shown.startswith(f"usage: {name} ")


@pytest.mark.parametrize(
    ("command", "option", "value"),
    [
        ("image-to-video", "--duration", "nan"),
        ("image-to-video", "--duration", "-1"),
        ("image-to-video", "--zoom-to", "nan"),
        ("image-to-video", "--fps", "0"),
        ("image-to-video", "--focus", "0.5,inf"),
        ("transcode", "--timeout", "1e20"),
        ("transcode", "--from", "inf"),
    ],
)
def test_numbers_that_no_server_takes_are_refused(
    video: Path, tmp_path: Path, command: str, option: str, value: str
) -> None:
    result = CliRunner().invoke(cli, [command, str(video), "-o", str(tmp_path / "out.mp4"), option, value])

    assert result.exit_code == 2
    assert f"Invalid value for '{option}'" in result.output


def test_wrong_usage_is_an_event_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPOTREEL_SERVER", raising=False)

    assert run(["jobs", "list", "--json"]) == 2
    event = json.loads(capsys.readouterr().out)
    assert (event["event"], event["reason"], event["exit_status"]) == ("error", "WRONG_USAGE", 2)


def test_names_of_jobs_are_whole_however_narrow_the_terminal() -> None:
    name = "jobs/" + "a" * 40
    narrow = Console(width=30, file=io.StringIO())
    narrow.print(_table(["job", "state"], [[name, "QUEUED"]]), crop=False)

    assert isinstance(narrow.file, io.StringIO)
    assert name in narrow.file.getvalue()


def test_a_full_standard_output_is_said_in_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "spotreel.cli", "--help"], check=False, stdout=full, stderr=PIPE, text=True
        )

    assert done.returncode == 1
    assert done.stderr == "error: standard output cannot be written: No space left on device.\n"


def test_an_interrupt_at_the_start_leaves_no_trace() -> None:
    code = (
        "import sys, spotreel.cli.main as main\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_rest):\n"
        "        if name == 'spotreel.cli.commands':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "main.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=30)

    assert (done.returncode, done.stderr) == (130, "")


GPU = Capabilities.Gpu(name="NVIDIA L4")
LOST = InstanceFailure(reason="WORKER_UNFIT")


@pytest.mark.parametrize(
    ("instance", "words"),
    [
        (
            Instance(capabilities=Capabilities(gpus=[GPU], diagnosis=Capabilities.DIAGNOSIS_NO_ENGINE)),
            "NVENC: NO_ENGINE",
        ),
        (Instance(capabilities=Capabilities(gpus=[GPU])), ""),
        # A worker on a machine without a GPU is as it should be.
        (Instance(capabilities=Capabilities(diagnosis=Capabilities.DIAGNOSIS_NO_GPU)), ""),
        (
            Instance(
                failure=LOST, capabilities=Capabilities(gpus=[GPU], diagnosis=Capabilities.DIAGNOSIS_DRIVER_TOO_OLD)
            ),
            "WORKER_UNFIT",
        ),
        (Instance(capabilities=Capabilities(gpus=[GPU], diagnosis=99)), "NVENC: 99"),  # type: ignore[arg-type]
    ],
)
def test_an_instance_tells_what_is_wrong_with_it(instance: Instance, words: str) -> None:
    assert wording.trouble(instance) == words


def test_the_doctor_says_why_a_gpu_does_not_encode_and_what_to_do() -> None:
    nvenc = {"name": "h264_nvenc", "hardware": True, "reason": "The NVIDIA driver is too old."}
    found = {
        "encoders": [nvenc, {"name": "libx264", "usable": True, "framesPerSecond": 59.3}],
        "gpus": [{"name": "NVIDIA L4"}],
        "decoders": ["h264", "vp9"],
        "diagnosis": "DIAGNOSIS_DRIVER_TOO_OLD",
    }
    encoders, gpu = hardware_findings(found)
    assert (encoders.ok, encoders.found) == (True, "1080p: libx264 59 fps")
    assert (gpu.ok, gpu.needed) == (False, False)
    assert gpu.found == "NVIDIA L4\nDRIVER_TOO_OLD: The NVIDIA driver is too old.\nit decodes h264, vp9"
    assert gpu.hint.startswith("update the driver")


def test_the_doctor_does_not_mind_a_machine_without_a_gpu() -> None:
    nvenc = {"name": "h264_nvenc", "hardware": True, "reason": "There is no NVIDIA GPU in this machine."}
    encoders, gpu = hardware_findings({"encoders": [nvenc], "diagnosis": "DIAGNOSIS_NO_GPU"})
    assert (encoders.ok, encoders.needed) == (False, True)
    assert (gpu.ok, gpu.found) == (True, "NO_GPU: There is no NVIDIA GPU in this machine.")

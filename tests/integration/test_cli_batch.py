"""Batches: many faces, many voices or a manifest by one `lipsyncctl run` or `submit`."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.client.command import lipsyncctl, messages, read_until, started
from support.client.session import Client
from support.daemon.inprocess import Daemon, living
from support.daemon.renderers import Gate, Steps, at_once

from lipsyncd.errors import NoFace
from lipsyncd.protocol.job import Paths
from lipsyncd.protocol.options import Options

OUT = ("-o", "out/{face}-{voice}.mp4")
ALL = ("faces/*.jpg", "-a", "voices/*.wav")


def some_fail(options: Options, paths: Paths, *more: object) -> Steps:
    """A render that finds a face in all files but one."""
    if paths.face.read_bytes() == b"nobody":
        raise NoFace("There is no face.", "Take another.")
    return at_once(options, paths, *more)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two faces and two voices in folders, and a folder for results."""
    for name in ("faces", "voices", "out"):
        (tmp_path / name).mkdir()
    for name in ("anna", "ben"):
        (tmp_path / f"faces/{name}.jpg").write_bytes(f"{name} ".encode())
    for name in ("hello", "bye"):
        (tmp_path / f"voices/{name}.wav").write_bytes(name.encode())
    return tmp_path


@pytest.fixture
def quick(files: Path) -> Iterator[Daemon]:
    """A daemon that renders at once, unless there is nobody in the face."""
    with living(files, some_fail) as daemon:
        yield daemon


def results(files: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (files / "out").iterdir()}


def jobs(daemon: Daemon) -> list[str]:
    with daemon.client() as client:
        return [str(job["id"]) for job in client.ask("list")["jobs"]]


def test_each_face_speaks_with_each_voice(quick: Daemon, files: Path) -> None:
    ended = lipsyncctl(files, "run", *ALL, *OUT)
    assert ended.returncode == 0
    assert results(files) == {
        f"{face}-{voice}.mp4": f"{face} {voice}".encode()
        for face in ("anna", "ben")
        for voice in ("hello", "bye")
    }
    assert ended.stderr.splitlines()[-1] == "lipsyncctl: 4 succeeded."


def test_a_batch_that_the_queue_has_no_room_for_is_handed_in_as_jobs_end(
    gate: Gate, files: Path
) -> None:
    with living(files, gate.render, max_jobs=1) as daemon, daemon.client() as client:
        with started(files, "run", *ALL, *OUT) as process:
            gate.at.get()
            while client.ask("health")["queued"] == 0:
                pass
            gate.let_go(1000)
            assert process.wait() == 0
        assert len(client.ask("list")["jobs"]) == 4
    assert len(results(files)) == 4


def test_a_batch_that_is_repeated_does_nothing_twice_and_writes_nothing_over(
    quick: Daemon, files: Path
) -> None:
    lipsyncctl(files, "run", *ALL, *OUT)
    before = jobs(quick)
    (files / "out/anna-bye.mp4").write_bytes(b"mine")
    (files / "out/ben-bye.mp4").unlink()
    again = lipsyncctl(files, "run", *ALL, *OUT)
    assert again.stderr.splitlines()[-1] == (
        "lipsyncctl: 1 succeeded; 3 results were there already."
    )
    assert jobs(quick) == before
    assert results(files)["anna-bye.mp4"] == b"mine"
    lipsyncctl(files, "run", *ALL, *OUT, "--force")
    assert results(files)["anna-bye.mp4"] == b"anna bye"


def test_a_face_that_was_changed_is_another_job(quick: Daemon, files: Path) -> None:
    first = lipsyncctl(files, "submit", *ALL[:1], "-a", "voices/bye.wav").stdout.split()
    (files / "faces/anna.jpg").write_bytes(b"anna, older ")
    second = lipsyncctl(files, "submit", *ALL[:1], "-a", "voices/bye.wav").stdout.split()
    assert first[0] != second[0]
    assert first[1] == second[1]


def test_without_being_told_to_keep_going_the_first_failure_is_the_end(
    quick: Daemon, files: Path
) -> None:
    (files / "faces/aaron.jpg").write_bytes(b"nobody")
    ended = lipsyncctl(files, "run", *ALL, *OUT)
    assert ended.returncode == 65
    assert " 1 failed" in ended.stderr
    assert ended.stderr.splitlines()[-1] == "lipsyncctl: 1 failed, 5 not waited for."
    going = lipsyncctl(files, "run", *ALL, *OUT, "--keep-going")
    assert going.returncode == 65
    assert len(results(files)) == 4
    assert going.stderr.splitlines()[-1].startswith("lipsyncctl: 4 succeeded, 2 failed")


def test_a_job_that_failed_is_tried_again_when_its_batch_is_repeated(
    quick: Daemon, files: Path
) -> None:
    (files / "faces/anna.jpg").write_bytes(b"nobody")
    lipsyncctl(files, "run", *ALL, *OUT, "--keep-going")
    before = len(jobs(quick))
    lipsyncctl(files, "run", *ALL, *OUT, "--keep-going")
    assert len(jobs(quick)) == before + 2


@pytest.mark.parametrize(
    "words, told",
    [
        ((*ALL, "-o", "out/{face}.mp4"), "2 results would be written to "),
        ((*ALL, "-o", "nowhere/{face}-{voice}.mp4"), "nowhere does not exist."),
        (("faces/*.png", "-a", "voices/bye.wav", *OUT), "faces/*.png cannot be opened"),
        (("faces/carl.jpg", *ALL, *OUT), "faces/carl.jpg cannot be opened"),
        ((*ALL, "--manifest", "jobs.csv", *OUT), "A manifest names faces and voices itself."),
        (("faces/anna.jpg", *OUT), "A job takes a face and a voice."),
        (ALL, "Nothing says where the result of "),
    ],
)
def test_what_cannot_be_is_told_before_the_first_job(
    quick: Daemon, files: Path, words: tuple[str, ...], told: str
) -> None:
    ended = lipsyncctl(files, "run", *words)
    assert ended.returncode in (2, 65)
    assert told in ended.stderr
    assert jobs(quick) == []


CSV = """\
face, voice, output, crf, keep
faces/anna.jpg, voices/hello.wav, out/one.mp4, 20, yes

faces/ben.jpg, voices/bye.wav, , ,
"""
LINES = """\
{"face": "faces/anna.jpg", "voice": "voices/hello.wav", "output": "out/one.mp4", "crf": 20,
"keep": true}
{"face": "faces/ben.jpg", "voice": "voices/bye.wav"}
""".replace(",\n", ", ")


@pytest.mark.parametrize("text", [CSV, LINES], ids=["CSV", "JSON lines"])
def test_a_row_of_a_manifest_says_what_is_special_in_its_job(
    quick: Daemon, files: Path, text: str
) -> None:
    (files / "manifest").write_text(text)
    words = ("--manifest", "manifest", "--crf", "30", "-o", "out/{number}.mp4")
    ended = lipsyncctl(files, "run", "--json", *words)
    assert ended.returncode == 0, ended.stderr
    assert results(files) == {"one.mp4": b"anna hello", "2.mp4": b"ben bye"}
    told = [each["job"]["options"] for each in messages(ended.stdout) if each["verb"] == "accepted"]
    assert [(each["crf"], each["keep"]) for each in told] == [(20, True), (30, False)]
    assert messages(ended.stdout)[-1] == {
        **{"verb": "summed", "succeeded": 2},
        **dict.fromkeys(("failed", "waiting", "left", "kept"), 0),
    }


def test_a_manifest_may_come_on_stdin(quick: Daemon, files: Path) -> None:
    (files / "manifest").write_text(LINES)
    with (files / "manifest").open() as file:
        ended = lipsyncctl(files, "submit", "--manifest", "-", stdin=file)
    assert ended.stdout.split() == jobs(quick)


@pytest.mark.parametrize(
    "text, told",
    [
        ("face,voice\na.jpg\n", "manifest, line 2: the following arguments are required: --voice"),
        ("face,voice,crf\na,b,good\n", "manifest, line 2: crf: 'good' is not a whole number"),
        ("face,voice,colour\na,b,red\n", "manifest, line 2: unrecognized arguments: --colour=red"),
        ("face,voice\na,b,c\n", "manifest, line 2: it has more columns than the heading"),
        ('{"face": "a"}\n{"face": \n', "manifest, line 1: the following arguments"),
        ('\n{"face"\n', "manifest, line 2: "),
        ("", "manifest has no jobs in it."),
    ],
)
def test_a_manifest_that_makes_no_sense_is_told_by_its_line(
    quick: Daemon, files: Path, text: str, told: str
) -> None:
    (files / "manifest").write_text(text)
    ended = lipsyncctl(files, "submit", "--manifest", "manifest")
    assert ended.returncode == 2
    assert told in ended.stderr
    assert jobs(quick) == []


def test_several_voices_with_a_person_for_each_are_a_dialogue(quick: Daemon, files: Path) -> None:
    voices = ("-a", "voices/hello.wav", "-a", "voices/bye.wav")
    people = ("--who", "left", "--who", "right")
    both = lipsyncctl(files, "submit", "faces/anna.jpg", *voices, *people)
    assert len(both.stdout.split()) == 1
    each = lipsyncctl(files, "submit", "faces/anna.jpg", *voices)
    assert len(each.stdout.split()) == 2


def test_whoever_leaves_a_batch_comes_back_by_the_same_command(
    daemon: Daemon, client: Client, gate: Gate, files: Path
) -> None:
    words = ("run", *ALL, *OUT)
    with started(files, *words) as process:
        gate.at.get()
        process.send_signal(signal.SIGINT)
        told = read_until(process, "Ctrl-C again")
        assert "What was handed in goes on" in told
        assert process.wait() == 130
    gate.let_go(1000)
    before = [job["id"] for job in client.ask("list")["jobs"]]
    again = lipsyncctl(files, "--json", *words)
    assert again.returncode == 0
    assert len(results(files)) == 4
    assert {*before} <= {job["id"] for job in client.ask("list")["jobs"]}
    accepted = [each["job"]["id"] for each in messages(again.stdout) if each["verb"] == "accepted"]
    assert accepted[: len(before)] == before


def test_json_lines_are_what_json_dumps_writes(quick: Daemon, files: Path) -> None:
    rows = [
        {"face": "faces/anna.jpg", "voice": ["voices/hello.wav", "voices/bye.wav"]}
        | {"who": ["left", "right"], "key": "both", "priority": "low"}
    ]
    (files / "manifest").write_text("\n".join(map(json.dumps, rows)))
    (accepted,) = messages(lipsyncctl(files, "submit", "--json", "--manifest", "manifest").stdout)
    job = accepted["job"]
    assert (job["key"], job["priority"]) == ("both", "low")
    assert job["options"]["who"] == "left right"

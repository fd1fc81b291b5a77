"""`lipsyncctl follow`: each change of a job's state in a line of its own."""

import signal
from pathlib import Path

import pytest
from support.client.command import Process, lipsyncctl, messages, started
from support.client.session import Client
from support.daemon.inprocess import living
from support.daemon.renderers import Gate, at_once, raising

from lipsyncd.errors import NoFace

NO_FACE = NoFace("No face was found in any frame.", "Choose another clip.")


def lines(process: Process, count: int) -> list[str]:
    assert process.stdout
    return [process.stdout.readline() for _ in range(count)]


def test_a_line_has_a_number_the_time_the_job_and_its_state(
    client: Client, gate: Gate, tmp_path: Path
) -> None:
    gate.let_go()
    job = client.submit(tmp_path)
    ended = lipsyncctl(tmp_path, "follow", job, "--since", "0")
    assert ended.returncode == 0
    told = [line.split(maxsplit=4) for line in ended.stdout.splitlines()]
    assert [parts[0] for parts in told] == ["1", "2", "3"]
    assert {parts[3] for parts in told} == {job}
    assert [parts[4] for parts in told[:2]] == ["queued", "running"]
    assert told[2][4].startswith("succeeded, 3 frames in ")


def test_a_line_tells_why_a_job_failed(tmp_path: Path) -> None:
    with living(tmp_path, raising(NO_FACE)) as daemon, daemon.client() as client:
        ended = lipsyncctl(tmp_path, "follow", client.submit(tmp_path), "--since", "0")
    assert ended.returncode == 65
    last = ended.stdout.splitlines()[-1]
    assert last.endswith("failed. No face was found in any frame. Choose another clip.")


def test_without_a_job_it_follows_all_until_ctrl_c(
    client: Client, gate: Gate, tmp_path: Path
) -> None:
    with started(tmp_path, "follow", "--since", "0") as process:
        jobs = [client.submit(tmp_path) for _ in range(2)]
        gate.let_go(6)
        told = [line.split() for line in lines(process, 6)]
        process.send_signal(signal.SIGINT)
        _, notices = process.communicate()
    assert (process.returncode, notices) == (130, "")
    for job in jobs:
        mine = [parts[4].strip(",") for parts in told if parts[3] == job]
        assert mine == ["queued", "running", "succeeded"]


def test_it_goes_on_from_the_number_where_it_ended(tmp_path: Path) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        client.end_of(job)
        whole = lipsyncctl(tmp_path, "follow", job, "--since", "0").stdout.splitlines()
        rest = lipsyncctl(tmp_path, "follow", job, "--since", "1").stdout.splitlines()
    assert len(whole) == 3
    assert rest == whole[1:]


def test_of_jobs_that_have_ended_it_tells_how(client: Client, tmp_path: Path) -> None:
    _, job = client.submit(tmp_path), client.submit(tmp_path)
    client.ask("cancel", job=job)
    ended = lipsyncctl(tmp_path, "follow", job)
    (line,) = ended.stdout.splitlines()
    assert line.endswith(f"  {job}  cancelled")
    assert (ended.returncode, ended.stderr) == (3, "")


def test_it_begins_with_how_its_jobs_are_now(client: Client, gate: Gate, tmp_path: Path) -> None:
    jobs = [client.submit(tmp_path) for _ in range(2)]
    gate.at.get()
    with started(tmp_path, "follow", *jobs) as process:
        told = [line.split(maxsplit=4) for line in lines(process, 2)]
        gate.let_go(6)
        process.communicate()
    assert [parts[3] for parts in told] == jobs
    assert told[0][4] == "running\n"
    assert told[1][4].startswith("queued, 1st")
    assert [parts[0] for parts in told] == ["3", "3"]  # from which --since goes on


def test_programs_get_the_present_as_it_is_described(client: Client, tmp_path: Path) -> None:
    _, job = client.submit(tmp_path), client.submit(tmp_path)
    client.ask("cancel", job=job)
    (message,) = messages(lipsyncctl(tmp_path, "follow", "--json", job).stdout)
    assert (message["verb"], message["job"]["state"]) == ("described", "cancelled")


def test_it_ends_with_the_last_of_its_jobs_and_the_first_bad_exit_code(
    client: Client, gate: Gate, tmp_path: Path
) -> None:
    good, bad, other = (client.submit(tmp_path) for _ in range(3))
    with started(tmp_path, "follow", good, bad, "--since", "0") as process:
        lines(process, 2)
        client.ask("cancel", job=bad)
        gate.let_go()
        rest, _ = process.communicate()
    assert process.returncode == 3
    assert other not in rest
    assert rest.splitlines()[-1].split()[3] == good


def test_programs_get_the_messages_of_the_wire(tmp_path: Path) -> None:
    with living(tmp_path, at_once) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        told = messages(lipsyncctl(tmp_path, "follow", job, "--json", "--since", "0").stdout)
    assert {each["verb"] for each in told} == {"happened"}
    assert [each["job"]["state"] for each in told] == ["queued", "running", "succeeded"]
    assert all(isinstance(each["at"], float) for each in told)


def test_what_is_forgotten_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        client.end_of(client.submit(tmp_path))
        client.ask("clean")
        ended = lipsyncctl(tmp_path, "follow", "--since", "1")
    assert ended.returncode == 1
    assert "are gone. `lipsyncctl list` shows what became of the jobs" in ended.stderr


@pytest.mark.parametrize("words", [("nothing",), ("nothing", "--since", "0")])
def test_an_unknown_job_is_not_followed(
    client: Client, tmp_path: Path, words: tuple[str, ...]
) -> None:
    assert lipsyncctl(tmp_path, "follow", *words).returncode == 5


def test_since_is_a_number(tmp_path: Path) -> None:
    ended = lipsyncctl(tmp_path, "follow", "--since", "yesterday")
    assert ended.returncode == 2
    assert "'yesterday' is not a whole number" in ended.stderr

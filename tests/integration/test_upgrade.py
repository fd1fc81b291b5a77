"""A daemon goes on with the state of an earlier version, and with no other."""

import shutil
import sqlite3
from pathlib import Path

from support.daemon import reencoding
from support.daemon.reencoding import ReencodingDaemon, reencoding_daemon
from support.paths import STATES

WAITING = ("begvn0000004", "waxts0000005", "waxts0000006")
TOML = "[retention]\nmax_age_hours = 876000\n"  # the jobs of the fixture grow old


def left_behind(directory: Path) -> Path:
    """A state directory as version 1 left it when it was killed."""
    state = directory / "state"
    state.mkdir()
    with sqlite3.connect(state / "jobs.sqlite") as store:
        store.executescript((STATES / "version1.sql").read_text())
    store.close()
    face, voice = reencoding.face(directory / "face.mp4"), reencoding.voice(directory / "voice.wav")
    for job in WAITING:
        spooled = state / "spool" / job
        spooled.mkdir(parents=True)
        shutil.copy(face, spooled / "face")
        shutil.copy(voice, spooled / "voice")
    (state / "spool/begvn0000004/result.part").write_bytes(b"half")
    result = state / "spool/d0ne00000001/result"
    result.parent.mkdir()
    result.write_bytes(b"whole")
    return state


def test_what_waited_and_what_ran_under_the_version_before_is_rendered(tmp_path: Path) -> None:
    state = left_behind(tmp_path)
    with reencoding_daemon(tmp_path, TOML) as daemon:
        ended = [daemon.end_of(job) for job in WAITING]
        assert [job["state"] for job in ended] == ["succeeded"] * 3
        assert [job["attempts"] for job in ended] == [2, 1, 1]
        for job in WAITING:
            assert reencoding.frames_in(state / "spool" / job / "result") == reencoding.FRAMES
        assert {Path(name).name for name in daemon.spooled()} == {"face", "result", "voice"}


def test_results_and_records_of_the_version_before_stay(tmp_path: Path) -> None:
    left_behind(tmp_path)
    with reencoding_daemon(tmp_path, TOML) as daemon:
        assert daemon.persist(lambda client: client.result_of("d0ne00000001")) == b"whole"
        jobs = daemon.persist(lambda client: client.ask("list"))["jobs"]
        assert [job["id"] for job in jobs[:3]] == ["d0ne00000001", "fa11ed000002", "cance11ed003"]
        assert jobs[1]["error"]["name"] == "input.no_face"
        assert jobs[0]["spool_bytes"] == jobs[0]["result_bytes"]


def test_a_store_of_a_newer_version_is_refused_and_untouched(tmp_path: Path) -> None:
    state = left_behind(tmp_path)
    with sqlite3.connect(state / "jobs.sqlite") as store:
        store.execute("PRAGMA user_version = 99")
    store.close()
    before = (state / "jobs.sqlite").read_bytes()
    daemon = ReencodingDaemon(tmp_path)
    assert daemon.wait() == 78
    assert "The store is of version 99, and this lipsyncd knows" in daemon.log
    assert (state / "jobs.sqlite").read_bytes() == before
    assert (state / "spool/waxts0000005/face").exists()


def test_a_damaged_store_is_moved_aside_with_the_files_of_its_jobs_and_told(
    tmp_path: Path,
) -> None:
    state = left_behind(tmp_path)
    (state / "jobs.sqlite").write_bytes(b"no database at all" * 100)
    with reencoding_daemon(tmp_path) as daemon:
        assert daemon.persist(lambda client: client.ask("list"))["jobs"] == []
        (store,) = state.glob("jobs.sqlite.corrupt-*Z")
        (spool,) = state.glob("spool.corrupt-*Z")
        assert store.read_bytes().startswith(b"no database")
        assert (spool / "waxts0000005/face").exists()
        assert store.name in daemon.log
        assert daemon.end_of(daemon.submit())["state"] == "succeeded"
        detail = daemon.persist(lambda client: client.ask("health"))["detail"]
        assert store.name in detail and spool.name in detail


def test_a_store_that_is_gone_is_not_taken_for_an_empty_queue(tmp_path: Path) -> None:
    state = left_behind(tmp_path)
    (state / "jobs.sqlite").unlink()
    with reencoding_daemon(tmp_path) as daemon:
        (spool,) = state.glob("spool.corrupt-*Z")
        assert (spool / "waxts0000005/face").exists()
        assert "the spool has files of jobs" in daemon.log

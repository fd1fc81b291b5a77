"""The journal, which others may read, has no name of a user's file in it."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from support.client.session import Client
from support.daemon.reencoding import ReencodingDaemon, reencoding_daemon

from lipsyncd.errors import InvalidRequest, KeyTaken, LipsyncError, UnknownJob

TELLING = "love letter to bob"
MISTAKES: dict[str, tuple[type[LipsyncError], dict[str, Any]]] = {
    "a key that is taken": (KeyTaken, {"face": f"{TELLING}.mov", "terms": {"key": TELLING}}),
    "a name that is too long": (InvalidRequest, {"face": TELLING * 50}),
    "a name that is none": (InvalidRequest, {"face": [TELLING]}),
    "a key that is none": (InvalidRequest, {"terms": {"key": [TELLING]}}),
}


def names_of(daemon: ReencodingDaemon) -> tuple[Path, Path]:
    """A face and a voice under telling names."""
    face, voice = daemon.face.with_name(f"{TELLING}.mp4"), daemon.voice.with_name(f"{TELLING}.wav")
    return daemon.face.rename(face), daemon.voice.rename(voice)


def submit(client: Client, daemon: ReencodingDaemon, **fields: Any) -> Any:
    names = {"face": f"{TELLING}.mp4", "voice": f"{TELLING}.wav", "options": {}, "terms": {}}
    with (daemon.directory / names["face"]).open() as face:
        return client.ask("submit", (face.fileno(), face.fileno()), **names | fields)


def test_no_name_of_a_file_is_in_the_journal_however_a_job_ends(tmp_path: Path) -> None:
    with reencoding_daemon(tmp_path) as daemon:
        face, voice = names_of(daemon)
        bad = tmp_path / f"bad {TELLING}.mp4"
        bad.write_text("no video")
        with daemon.client() as client:
            good = client.hand_in(face, voice, key=TELLING)
            jobs = [good, client.hand_in(bad, voice)]
            ended = [client.end_of(job)["state"] for job in jobs]
            assert ended == ["succeeded", "failed"]
            again = client.ask("retry", job=jobs[1])["job"]["id"]
            client.end_of(again)
            daemon.hold()
            gone = client.hand_in(face, voice)
            client.ask("cancel", job=gone)
            daemon.let_go()
            with pytest.raises(UnknownJob):
                client.ask("status", job=face.name)
        told = daemon.log
    for job in (*jobs, again, gone):
        size = os.path.getsize(bad if job in (jobs[1], again) else face) + os.path.getsize(voice)
        assert re.search(rf"job {job}: accepted, {size / 2**20:.1f} MiB, \d queued", told)
    assert "job.unknown" in told
    assert TELLING not in daemon.log


@pytest.mark.parametrize("what", MISTAKES)
def test_no_name_of_a_file_is_in_the_journal_when_a_job_is_refused(
    tmp_path: Path, what: str
) -> None:
    error, fields = MISTAKES[what]
    with reencoding_daemon(tmp_path) as daemon:
        face, voice = names_of(daemon)
        with daemon.client() as client:
            client.hand_in(face, voice, key=TELLING)
            with pytest.raises(error) as caught:
                submit(client, daemon, **fields)
    assert caught.value.name in daemon.log
    assert TELLING not in daemon.log

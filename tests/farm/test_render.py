"""A job of a farm comes back as a file, through whichever host has room."""

import json
from pathlib import Path

from support.daemon.reencoding import FRAMES, frames_in
from support.farm.farm import Farm


def test_a_job_is_rendered_by_a_host_and_fetched_whole(farm: Farm, tmp_path: Path) -> None:
    host = farm.host("one")
    face, voice = str(host.daemon.face), str(host.daemon.voice)
    done = farm.run("--json", "run", "-a", voice, face, "-o", "spoken.mp4")
    assert done.returncode == 0, done.stderr
    assert frames_in(tmp_path / "spoken.mp4") == FRAMES
    told = [json.loads(line) for line in done.stdout.splitlines()]
    verbs = [each["verb"] for each in told]
    assert verbs[0] == "accepted" and verbs[-2:] == ["finished", "fetched"], verbs
    assert told[-1]["size"] == (tmp_path / "spoken.mp4").stat().st_size
    ended = told[-1]["job"]
    assert (ended["state"], ended["host"], ended["attempts"]) == ("succeeded", "one", 1)
    shown = farm.run("hosts").stdout.splitlines()
    assert [line.split()[:2] for line in shown] == [["HOST", "STATE"], ["one", "ready"]]

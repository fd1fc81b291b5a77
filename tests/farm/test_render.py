"""A job of a farm comes back as a file, through whichever host has room."""

import json
from pathlib import Path

from support.daemon.reencoding import FRAMES, frames_in
from support.farm.farm import Farm

from lipsyncctl.show.hosts import families, hosts_table


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
    lines = farm.run("metrics").stdout.splitlines()
    assert {'lipsyncfarm_jobs{state="queued"} 0', 'lipsyncfarm_host_up{host="one"} 1'} <= set(lines)
    assert lines[-1] == "# EOF"


def test_a_host_that_does_not_get_on_with_a_job_is_told_from_others() -> None:
    """Whatever each host tells of itself, or an older one does not."""
    host = {"state": "ready", "jobs": 1, "rate": 0.0, "seconds_ago": 0.5}
    told = hosts_table([host | {"host": "one", "still": 59}, host | {"host": "two", "still": 200}])
    _, one, two = told.splitlines()
    assert "has not moved" not in one and two.endswith("a job has not moved for 3 min")
    found = list(families({"queued": 1, "running": 2, "hosts": [host | {"host": "one"}]}))
    assert all(each.samples for each in found)

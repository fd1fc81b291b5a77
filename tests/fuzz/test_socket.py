"""A living daemon under raids: every client gets an error and nothing else, and nothing is left."""

from pathlib import Path

from fuzz.raid import Siege
from support.daemon.stepped import stepped_daemon


def test_a_siege_leaves_the_daemon_as_it_was(tmp_path: Path) -> None:
    with stepped_daemon(tmp_path) as daemon:
        siege = Siege(daemon, tmp_path, seed=1)
        siege.run(500)
        before = siege.vitals()
        siege.run(5000)
        after = siege.vitals()
        assert siege.sessions_left(after) == 0
        assert after.descriptors == before.descriptors
        with daemon.client() as client:
            job = client.submit(tmp_path)
            daemon.let_go()
            assert client.end_of(job)["state"] == "succeeded"
    assert "internal" not in siege.answers
    assert siege.answers["welcomed"] > 100
    assert "Traceback" not in (tmp_path / "log").read_text()

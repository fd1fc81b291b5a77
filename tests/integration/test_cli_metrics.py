"""`lipsyncctl metrics`: the daemon in numbers, which a test can add up."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.client.command import lipsyncctl, messages
from support.daemon.inprocess import living
from support.daemon.renderers import Steps
from support.paths import ROOT

from lipsyncd.errors import NoFace
from lipsyncd.protocol.job import Paths, Progress
from lipsyncd.protocol.options import Options

MONITORING = ROOT / "systemd/monitoring"
ON_A_GPU = {"lipsyncd_device_memory_bytes"}
FAILING = 51  # the crf of a render that fails


def render(options: Options, paths: Paths, *_: object) -> Steps:
    yield Progress(0, 8, 0)
    if options.crf == FAILING:
        raise NoFace("There is no face.", "Use another.")
    yield Progress(8, 8, 8)
    paths.result.write_bytes(b"facevoice")


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Under a watchdog, after two jobs that succeeded and one that failed."""
    monkeypatch.setenv("WATCHDOG_USEC", "1000000000")
    with living(tmp_path, render) as daemon, daemon.client() as client:
        for crf in (1, 2, FAILING):
            client.end_of(client.submit(tmp_path, crf=crf))
        client.ask("drain")
        client.ask("resume")
        written = lipsyncctl(tmp_path, "metrics", "-o", "lipsyncd.prom")
        assert (written.returncode, written.stdout) == (0, ""), written.stderr
        return lipsyncctl(tmp_path, "metrics").stdout


def value(text: str, name: str) -> float:
    (found,) = re.findall(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found)


def test_jobs_are_counted_by_how_they_ended_and_by_how_long_they_took(text: str) -> None:
    assert value(text, "lipsyncd_jobs_accepted_total") == 3
    assert value(text, 'lipsyncd_jobs_ended_total{state="succeeded",reason=""}') == 2
    failed = 'lipsyncd_jobs_ended_total{state="failed",reason="input.no_face"}'
    assert value(text, failed) == 1
    assert value(text, "lipsyncd_frames_total") == 16
    for name in ("waiting", "running"):
        assert value(text, f"lipsyncd_job_{name}_seconds_count") == 3
        assert value(text, f'lipsyncd_job_{name}_seconds_bucket{{le="+Inf"}}') == 3
    assert value(text, 'lipsyncd_jobs{state="queued"}') == 0
    assert value(text, "lipsyncd_ready") == 1
    assert value(text, "lipsyncd_last_progress_timestamp_seconds") > 0


def test_what_devices_do_and_what_is_left_of_the_watchdogs_time_is_told(text: str) -> None:
    device = '{device="none",number="1"}'
    assert value(text, f"lipsyncd_device_pass_seconds_count{device}") == 4
    assert value(text, f"lipsyncd_device_pass_seconds_sum{device}") == 0.5
    assert value(text, f"lipsyncd_device_batch_rows_total{device}") == 24
    assert value(text, f"lipsyncd_device_batch_room_total{device}") == 32
    assert value(text, f"lipsyncd_device_restarts_total{device}") == 0
    assert value(text, "lipsyncd_plan_cache_hits_total") == 3
    assert value(text, "lipsyncd_plan_cache_misses_total") == 1
    assert 0 < value(text, "lipsyncd_watchdog_least_margin_seconds") <= 1000


def test_a_bucket_counts_whatever_is_no_more_than_its_bound(text: str) -> None:
    counts = re.findall(r"job_waiting_seconds_bucket\S+ (\d+)", text)
    assert [*map(int, counts)] == sorted(map(int, counts))
    assert len(counts) == 9


def test_the_end_is_marked_for_openmetrics_and_the_file_is_in_the_older_format(
    text: str, tmp_path: Path
) -> None:
    older = (tmp_path / "lipsyncd.prom").read_text()
    assert text.endswith("# EOF\n")
    assert "# TYPE lipsyncd_frames counter" in text
    assert "# TYPE lipsyncd_frames_total counter" in older
    assert "# EOF" not in older
    assert (tmp_path / "lipsyncd.prom").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.glob(".lipsyncd.prom*")] == []


@pytest.mark.parametrize("name", ["alerts.yml", "dashboard.json"])
def test_whatever_is_asked_for_alerts_and_on_the_dashboard_is_told(text: str, name: str) -> None:
    asked = {*re.findall(r"\blipsyncd_\w+", (MONITORING / name).read_text())}
    told = {*re.findall(r"^(lipsyncd_\w+)", text, re.MULTILINE)}
    assert len(asked) > 5
    assert asked - told - ON_A_GPU == set()
    labels = {*re.findall(r"[{,] ?(\w+)(?:=|!~|=~)\"", (MONITORING / name).read_text())}
    assert {each for each in labels - {"file"} if f'{each}="' not in text} == set()


def queries() -> list[str]:
    """Those of the dashboard."""
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


@pytest.mark.skipif(not shutil.which("promtool"), reason="there is no promtool")
def test_promtool_understands_every_alert_and_every_query_of_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{at}", "expr": expr} for at, expr in enumerate(queries())]
    as_rules = tmp_path / "dashboard.yml"  # JSON is YAML
    as_rules.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    command = ["promtool", "check", "rules", str(MONITORING / "alerts.yml"), str(as_rules)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert f"{len(rules)} rules found" in told.stdout


@pytest.mark.skipif(not shutil.which("promtool"), reason="there is no promtool")
@pytest.mark.usefixtures("text")
def test_promtool_finds_nothing_to_say(tmp_path: Path) -> None:
    with (tmp_path / "lipsyncd.prom").open() as file:
        command = ["promtool", "check", "metrics"]
        told = subprocess.run(command, stdin=file, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout + told.stderr) == (0, "")


def test_programs_get_what_the_daemon_says(tmp_path: Path) -> None:
    with living(tmp_path):
        (message,) = messages(lipsyncctl(tmp_path, "metrics", "--json").stdout)
        assert (message["verb"], message["accepted"]) == ("measured", 0)
        nowhere = lipsyncctl(tmp_path, "metrics", "-o", "nowhere/lipsyncd.prom")
        assert nowhere.returncode == 2

"""What `lipsyncctl info` and `health` show of devices, and of the cage of renders."""

from typing import Any

from lipsyncctl.show.daemon import condition
from lipsyncctl.show.parts import parts


def device(name: str, jobs: int, state: str = "ready", **more: int) -> dict[str, Any]:
    used = {"resident_bytes": 3 << 29, "proof_seconds_ago": 2.4, **more}
    return {"device": name, "state": state, "jobs": jobs, **used}


def informed(*devices: dict[str, Any]) -> dict[str, Any]:
    return {"verb": "informed", "id": 2, **devices[0], "devices": list(devices), "pid": 7}


def test_one_device_is_told_once() -> None:
    shown = parts(informed(device("cpu", 1)))
    assert shown.splitlines() == [
        "device             cpu",
        "state              ready",
        "jobs               1",
        f"resident_bytes     {3 << 29}",
        "proof_seconds_ago  2.4",
        "pid                7",
    ]


def test_passes_and_plans_are_told_in_words() -> None:
    made = {"count": 40, "rows": 300, "room": 320, "seconds": 8.4}
    shown = parts({"passes": made, "plans": {"hits": 3, "misses": 1}})
    assert shown.splitlines() == [
        "passes  40 of 0.21 s, 94 % full",
        "plans   3 of 4 faces were known",
    ]
    assert parts({"passes": made | {"count": 0}}) == "passes  none"


def test_several_devices_have_a_line_each() -> None:
    shown = parts(informed(device("cuda:0", 2), device("cuda:1", 0)))
    assert shown.splitlines()[-3:] == [
        "DEVICE  STATE  JOBS  MEMORY   LAST PASS",
        "cuda:0  ready  2     1.5 GiB  2 s ago",
        "cuda:1  ready  0     1.5 GiB  2 s ago",
    ]


def test_the_health_of_an_older_daemon_names_its_device() -> None:
    counts = {"queued": 3, "running": 2}
    shown = condition({"state": "ready", "device": "cuda:0", "detail": "", **counts})
    assert shown == "ready on cuda:0, 2 running, 3 queued"


def test_health_names_those_that_render_and_tells_of_each() -> None:
    devices = [device("cuda:0", 2, device_bytes=1 << 29), device("cuda:1", 0, "lost")]
    counts = {"queued": 3, "running": 2, "paused": ""}
    shown = condition({"state": "degraded", "detail": "", "devices": devices, **counts})
    assert shown.splitlines() == [
        "degraded on cuda:0, 2 running, 3 queued",
        "DEVICE  STATE  JOBS  MEMORY   GPU MEMORY  LAST PASS",
        "cuda:0  ready  2     1.5 GiB  512.0 MiB   2 s ago",
        "cuda:1  lost   0     1.5 GiB              2 s ago",
    ]


def test_what_holds_renders_in_is_named_and_what_does_not() -> None:
    cage = {"oom_score_adj": 500, "rlimits": True, "landlock": 0, "seccomp": False}
    shown = parts(informed(device("cpu", 1)) | {"cage": cage})
    assert "oom_score_adj, rlimits, no landlock, no seccomp" in shown

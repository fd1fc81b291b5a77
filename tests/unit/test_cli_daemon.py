"""What `lipsyncctl info` shows of several devices, and of the cage of renders."""

from typing import Any

from lipsyncctl.verbs.daemon import parts


def device(name: str, jobs: int) -> dict[str, Any]:
    return {"device": name, "state": "ready", "jobs": jobs, "checkpoint": "a.safetensors"}


def informed(*devices: dict[str, Any]) -> dict[str, Any]:
    return {"verb": "informed", "id": 2, **devices[0], "devices": list(devices), "pid": 7}


def test_one_device_is_told_once() -> None:
    shown = parts(informed(device("cpu", 1)))
    assert shown.splitlines() == [
        "device      cpu",
        "state       ready",
        "jobs        1",
        "checkpoint  a.safetensors",
        "pid         7",
    ]


def test_several_devices_have_a_line_each() -> None:
    shown = parts(informed(device("cuda:0", 2), device("cuda:1", 0)))
    assert shown.splitlines()[-2:] == [
        "device 1    cuda:0, ready, jobs: 2",
        "device 2    cuda:1, ready, jobs: 0",
    ]


def test_what_holds_renders_in_is_named_and_what_does_not() -> None:
    cage = {"oom_score_adj": 500, "rlimits": True, "landlock": 0, "seccomp": False}
    shown = parts(informed(device("cpu", 1)) | {"cage": cage})
    assert "oom_score_adj, rlimits, no landlock, no seccomp" in shown

"""`lipsyncctl` while the real models load."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from support.client.command import lipsyncctl, started
from support.daemon.process import DaemonProcess


def test_a_job_waits_while_the_models_load_and_is_rendered_then(
    start: Callable[..., AbstractContextManager[DaemonProcess]],
    neutral: Path,
    word: Path,
    tmp_path: Path,
) -> None:
    run = ("run", "-a", str(word), str(neutral), "-o", str(tmp_path / "out.mp4"))
    with start(tmp_path, 'device = "auto"\n'), started(tmp_path, *run) as client:
        reports = []
        while (ended := lipsyncctl(tmp_path, "health")).returncode != 0:
            reports.append((ended.returncode, ended.stdout))
        _, remarks = client.communicate()
    print("\n  " + "  ".join(dict.fromkeys(said for _, said in reports)))
    assert client.returncode == 0, remarks
    assert "the daemon is still" in remarks
    assert (tmp_path / "out.mp4").stat().st_size > 0
    served = [(code, said) for code, said in reports if said]
    assert {code for code, _ in served} == {1}
    assert any("loading" in said for _, said in served)
    assert any("1 queued" in said for _, said in served)
    assert ("no GPU found" in ended.stdout) != torch.cuda.is_available()

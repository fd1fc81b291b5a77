"""What `lipsyncctl models` shows: one row for each file, and why one does not run."""

from typing import Any

from lipsyncctl.show.catalogue import catalogue


def model(name: str, runs: bool = True, **more: object) -> dict[str, Any]:
    told = {"what": "a Wav2Lip generator for 96 pixels", "licence": "CC-BY-4.0", "problem": ""}
    return {"name": name, "bytes": 18 << 20, "runs": runs, "in_use": False, **told, **more}


def test_each_file_has_a_row() -> None:
    page = {"what": "", "licence": "", "problem": "it is a web page, not weights.", "bytes": 9}
    shown = catalogue([model("a.safetensors", in_use=True), model("wav2lip.pth", False, **page)])
    assert shown.splitlines() == [
        "FILE           SIZE      RUNS    LICENCE    WHAT IT IS",
        "a.safetensors  18.0 MiB  in use  CC-BY-4.0  a Wav2Lip generator for 96 pixels",
        "wav2lip.pth    9 bytes   no      not told   it is a web page, not weights.",
    ]


def test_a_folder_without_weights_has_none() -> None:
    assert not catalogue([])

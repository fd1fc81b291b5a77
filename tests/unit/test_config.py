"""A configuration is taken whole or refused by the name of what is wrong."""

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from lipsyncd.config import (
    Config,
    Limits,
    Render,
    Source,
    load_config,
)
from lipsyncd.errors import ConfigInvalid
from lipsyncd.protocol.address import DEFAULT_SOCKET, default_socket
from lipsyncd.system.places import default_state

SHIPPED = Path(__file__).parents[2] / "systemd/lipsyncd.toml"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "lipsyncd.toml"
    path.write_text(text)
    return path


def plain(value: Any) -> Any:
    """As TOML has it."""
    if dataclasses.is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    return str(value) if isinstance(value, Path) else value


def test_without_a_file_everything_has_its_default() -> None:
    assert load_config(None, {}) == Config()


def test_a_file_changes_only_what_it_names(tmp_path: Path) -> None:
    path = written(tmp_path, 'device = "cuda:1"\n[render]\ncrf = 20\n[limits]\nmax_jobs = 5\n')
    expected = Config(devices=("cuda:1",), render=Render(crf=20), limits=Limits(max_jobs=5))
    assert load_config(path, {}) == expected


def test_several_devices_and_the_older_word_for_one(tmp_path: Path) -> None:
    several = load_config(written(tmp_path, 'devices = ["cuda:0", "cuda:1"]'), {})
    assert several.devices == ("cuda:0", "cuda:1")
    assert load_config(written(tmp_path, 'device = "cuda:1"'), {}).devices == ("cuda:1",)
    assert load_config(written(tmp_path, 'devices = ["auto"]'), {"device": "cpu"}).devices == (
        "cpu",
    )


def test_the_command_line_has_the_last_word(tmp_path: Path) -> None:
    path = written(tmp_path, 'device = "cuda:1"\nsocket = "/run/one.sock"\n')
    config = load_config(path, {"device": "cpu"})
    assert (config.devices, config.socket) == (("cpu",), Path("/run/one.sock"))


@pytest.mark.parametrize(
    "text, name",
    [
        ("colour = 1", "colour"),
        ("[render]\nspeed = 1", "render.speed"),
        ("[render]\nbatch = -1", "render.batch"),
        ("[render]\nbatch = 513", "render.batch"),
        ("[render]\nbatch = true", "render.batch"),
        ("[render]\nbatch = 1.5", "render.batch"),
        ('[render]\nbatch = "1"', "render.batch"),
        ("[render]\ncrf = 52", "render.crf"),
        ('[render]\npreset = "quick"', "render.preset"),
        ("render = 1", "render"),
        ("[[limits]]", "limits"),
        ("[limits]\nmax_jobs = -1", "limits.max_jobs"),
        ("device = 0", "devices"),
        ('device = "gpu"', "devices"),
        ('device = "cuda:x"', "devices"),
        ('device = "cpu\\n"', "devices"),
        ("devices = []", "devices"),
        ('devices = "cpu"', "devices"),
        ('socket = ""', "socket"),
        ("state = []", "state"),
    ],
)
def test_a_wrong_key_is_refused_by_its_name(tmp_path: Path, text: str, name: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        load_config(written(tmp_path, text), {})
    assert caught.value.message.startswith(f"{tmp_path}/lipsyncd.toml: {name} ")
    assert caught.value.code == 78


@pytest.mark.parametrize(
    "text, hint",
    [
        ("max_active = 3", "It belongs under [render]."),
        ('[limits]\ncheckpoint = "here"', "It belongs above all sections."),
        ("[retention]\ncolour = 1", "The keys under [retention] are max_age_hours, "),
    ],
)
def test_a_key_that_is_not_there_is_told_where_it_belongs(
    tmp_path: Path, text: str, hint: str
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        load_config(written(tmp_path, text), {})
    assert caught.value.hint.startswith(hint)


def test_what_the_command_line_gets_wrong_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="^devices is a list"):
        load_config(written(tmp_path, ""), {"device": "gpu"})


def test_the_choices_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigInvalid, match="devices is a list of which each is one of auto, cpu, cuda:N"
    ):
        load_config(None, {"device": "gpu"})


def test_a_range_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=": render.batch is a whole number from 0 to 512.$"):
        load_config(written(tmp_path, "[render]\nbatch = 513"), {})


@pytest.mark.parametrize("content", [b"device = ", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lipsyncd.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigInvalid, match=str(path)):
        load_config(path, {})


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="No such file"):
        load_config(tmp_path / "none.toml", {})


def test_the_socket_of_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPSYNCD_SOCKET", "/run/mine.sock")
    assert default_socket() == "/run/mine.sock"


@pytest.mark.parametrize(
    "uid, socket, state",
    [
        (0, DEFAULT_SOCKET, Path("/var/lib/lipsyncd")),
        (1000, "/run/user/7/lipsyncd/control.sock", Path("/home/me/state/lipsyncd")),
    ],
)
def test_root_and_users_have_their_own_places(
    monkeypatch: pytest.MonkeyPatch, uid: int, socket: str, state: Path
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: uid)
    monkeypatch.delenv("LIPSYNCD_SOCKET", raising=False)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    monkeypatch.setenv("XDG_STATE_HOME", "/home/me/state")
    assert (default_socket(), default_state()) == (socket, state)


def test_systemd_chooses_the_state_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/private/lipsyncd")
    assert default_state() == Path("/var/lib/private/lipsyncd")


def test_the_shipped_file_lists_every_key_with_its_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.delenv("LIPSYNCD_SOCKET", raising=False)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    shipped = tomllib.loads(re.sub(r"^#(?=\w)", "", SHIPPED.read_text(), flags=re.MULTILINE))
    shipped["devices"] = tuple(shipped["devices"])
    expected = plain(Config())
    # depend on where lipsyncd is installed
    for name in ("checkpoint", "detector", "landmarker", "recogniser", "sync_expert"):
        assert Path(shipped.pop(name)).name == Path(expected.pop(name)).name
    assert shipped == expected


def test_the_shipped_file_changes_nothing() -> None:
    assert load_config(SHIPPED, {}) == Config()


def test_a_source_is_read_again_each_time(tmp_path: Path) -> None:
    source = Source(written(tmp_path, "warm_interval_seconds = 7"), {"device": "cpu"})
    assert source.read() == Config(devices=("cpu",), warm_interval_seconds=7)
    written(tmp_path, "warm_interval_seconds = 0")
    with pytest.raises(ConfigInvalid, match="warm_interval_seconds"):
        source.read()

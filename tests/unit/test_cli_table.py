"""Jobs in columns, and how they fit onto a terminal."""

import os
from typing import Any

import pytest

from lipsyncctl.show.grid import cut, width
from lipsyncctl.show.job import advance, ago, user_of
from lipsyncctl.show.table import table
from lipsyncctl.show.wording import clock, printable
from lipsyncd.protocol.job import Job
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.terms import Priority, Terms
from lipsyncd.queue.transitions import new_job

NOBODY = 4_000_000_000  # a uid without a name


def job(face: str = "speaker.mp4", voice: str = "hello.wav", owner: int | None = None) -> Job:
    return new_job(os.getuid() if owner is None else owner, face, voice, Options())


def lines(*jobs: Job, room: int | None = None) -> list[str]:
    return table([each.as_map() for each in jobs], room).splitlines()


def test_a_row_shows_the_place_where_others_show_their_progress() -> None:
    waiting = job().as_map() | {"position": 3, "eta": 130.0}
    running = waiting | {"state": "running", "done": 1, "total": 3}
    _, *rows = table([waiting, running]).splitlines()
    assert "  queued   3rd, in 2 min  speaker" in rows[0]
    assert "  running  33 %           speaker" in rows[1]


def test_beside_the_state_is_a_special_priority() -> None:
    low = new_job(0, "speaker.mp4", "hello.wav", Options(), Terms(priority=Priority.LOW))
    _, *rows = lines(job(), low)
    assert [row.split("  ")[1] for row in rows] == ["queued", "queued (low)"]


def test_users_are_shown_as_soon_as_there_is_another_one() -> None:
    assert lines(job(), job())[0].split() == ["ID", "STATE", "PROGRESS", "FACE", "VOICE", "AGE"]
    headings, *rows = lines(job(), job(owner=NOBODY))
    assert headings.split()[:3] == ["ID", "USER", "STATE"]
    assert rows[1].split()[1] == str(NOBODY)


def test_whom_a_job_is_for_is_shown_where_it_is_not_the_caller_and_leaves_room_for_the_rest() -> (
    None
):
    terms = Terms(label="a" * 64)
    hers = new_job(os.getuid(), "speaker.mp4", "hello.wav", Options(), terms)
    for room, shown in ((None, f"/{terms.label}"), (80, "/aaa")):
        headings, *rows = lines(job(), hers, room=room)
        assert headings.split()[:3] == ["ID", "USER", "STATE"]
        assert shown in rows[1].split()[1]
        assert room is None or width(rows[1]) <= room


def plainly(jobs: list[dict[str, Any]], by_clock: bool) -> str:
    """The table, cell after cell."""
    rows = []
    for each in jobs:
        special = "" if each["priority"] == "normal" else f" ({each['priority']})"
        when = clock(each["created_at"])[:16] if by_clock else ago(each["created_at"])
        names = (printable(each["face"]), printable(each["voice"]))
        state = f"{each['state']}{special}"
        rows.append([each["id"], printable(user_of(each)), state, advance(each), *names, when])
    last = "ACCEPTED" if by_clock else "AGE"
    rows.insert(0, ["ID", "USER", "STATE", "PROGRESS", "FACE", "VOICE", last])
    sizes = [max(width(row[at]) for row in rows) for at in range(7)]
    filled = (
        [text + " " * (size - width(text)) for text, size in zip(row, sizes, strict=True)]
        for row in rows
    )
    return "\n".join("  ".join(row).rstrip() for row in filled)


@pytest.mark.parametrize("by_clock", [False, True])
@pytest.mark.parametrize("name", ["face-{}.mp4", "日本{}", "e\N{COMBINING ACUTE ACCENT}\x1b{}"])
def test_a_long_table_reads_to_the_last_character_as_its_rows_do(name: str, by_clock: bool) -> None:
    kinds: list[dict[str, Any]] = [
        {"position": 3, "eta": 130.0},
        {"position": 4, "eta": None, "paused": "The queue is drained."},
        {"held": True},
        {"after": "k3v9q2m7x0ab"},
        {"state": "running", "done": 7, "total": 30, "fps": 2.5, "priority": "high"},
        {"state": "running"},
        {"state": "succeeded", "done": 30, "total": 30, "fps": 2.5},
        {"state": "failed", "owner": NOBODY, "priority": "low"},
        {"state": "cancelled", "label": "anna\x1b[1m"},
    ]
    jobs = [
        job(name.format(number)).as_map()
        | {"created_at": 1e9 + 1e5 * number}
        | kinds[number % len(kinds)]
        for number in range(500)
    ]
    assert table(jobs, by_clock=by_clock) == plainly(jobs, by_clock)


def test_what_is_piped_is_whole() -> None:
    assert "x" * 300 in lines(job("x" * 300))[1]


@pytest.mark.parametrize(
    "face, voice",
    [
        ("x" * 300, "hello.wav"),
        ("speaker.mp4", "y" * 300),
        ("x" * 300, "y" * 300),
        ("日本" * 40, "é"),
    ],
)
def test_long_names_do_not_make_a_line_longer_than_the_terminal(face: str, voice: str) -> None:
    told = lines(job(face, voice), job(), room=80)
    assert max(map(width, told)) <= 80
    assert all(line.endswith(" 0 s") for line in told[1:])


@pytest.mark.parametrize("room", [60, 50, 40, 30])
def test_a_narrow_terminal_gets_fewer_columns_and_no_line_that_wraps(room: int) -> None:
    running = job("x" * 300, "y" * 300, NOBODY).as_map() | {"state": "running"}
    running |= {"done": 100, "total": 250, "fps": 12.5}
    other = job().as_map()
    told = table([running, other], room).splitlines()
    assert max(map(width, told)) <= max(room, 58)
    assert "40 %, 12 s left" in told[1]
    assert [line.split()[0] for line in told[1:]] == [running["id"], other["id"]]


def test_a_wide_terminal_leaves_no_gap_behind_short_names() -> None:
    short = job()
    assert lines(short, room=140) == lines(short)


def test_a_short_name_is_whole_beside_a_long_one() -> None:
    (_, told) = lines(job("x" * 300), room=80)
    assert "hello.wav" in told
    assert "x…" in told


def test_columns_stay_straight_behind_wide_names() -> None:
    headings, *rows = lines(job("日本.mp4", "a.wav"), job("speaker.mp4", "b.wav"))
    ages = [width(row[: row.rindex("0 s")]) for row in rows]
    assert ages[0] == ages[1] == width(headings[: headings.index("AGE")])


@pytest.mark.parametrize(
    "text, columns",
    [
        *(("hello", 5), ("日本", 4), ("e\N{COMBINING ACUTE ACCENT}", 1), ("ｗ", 2)),
        ("\N{THAI CHARACTER KO KAI}\N{THAI CHARACTER SARA I}", 1),  # a mark, not a combining one
    ],
)
def test_a_width_is_counted_in_columns(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(
    "text, columns, kept",
    [("hello", 5, "hello"), ("hello", 4, "hel…"), ("日本語", 5, "日本…"), ("日本語", 4, "日…")],
)
def test_what_is_cut_ends_in_an_ellipsis(text: str, columns: int, kept: str) -> None:
    assert cut(text, columns) == kept

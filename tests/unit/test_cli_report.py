"""The report on a result: what its page says, and what it never lets through."""

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from support.daemon.renderers import REVIEW

from lipsyncctl.show.curves import curves
from lipsyncctl.show.report import report, stages
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.probe import Sync

JOB = {
    "id": "k3v9q2m7x0ab",
    "face": "<script>alert('face')</script>.mp4",
    "voice": '"voice" & more.wav',
    "options": Options(crf=20).as_map(),
    "created_at": 100.0,
    "started_at": 102.0,
    "ended_at": 110.0,
    "done": 100,
    "total": 100,
    "faces": 75,
    "fps": 12.5,
    "result_bytes": 3 << 20,
    "notes": ["There is no face at <0:01.0>."],
    "error": None,
}
ALLOWED = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "h1",
    "h2",
    "p",
    "dl",
    "div",
    "dt",
    "dd",
}
ALLOWED |= {"small", "figure", "span", "img", "b", "figcaption", "svg", "rect", "polygon", "line"}
ALLOWED |= {"i", "table", "tr", "th", "td", "ul", "li"}


class Read(HTMLParser):
    """The elements of a page, where they lead, and the words between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.links: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "action"}]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.words += data


def changes(*story: tuple[float, str]) -> list[dict[str, Any]]:
    return [{"at": at, "state": state} for at, state in story]


@pytest.fixture
def page() -> Read:
    return Read(report(JOB, [], REVIEW))


def test_nothing_of_a_user_or_a_file_becomes_a_part_of_the_page(page: Read) -> None:
    assert page.elements == ALLOWED
    assert "<script>alert('face')</script>.mp4 with \"voice\" & more.wav" in page.words
    assert "There is no face at <0:01.0>." in page.words
    assert "One thing is <missing>." in page.words


def test_it_needs_nothing_beside_itself(page: Read) -> None:
    assert len(page.links) == 3  # two before and after, and one alone
    assert all(link.startswith("data:image/jpeg;base64,") for link in page.links)


def test_what_is_to_be_known_at_a_glance_is_told(page: Read) -> None:
    for words in (
        "75 % of 100 frames",
        "25.0 s at 4 frames",
        "in 8.0 s",
        "in sync the sound is 40 ms early",
    ):
        assert words in " ".join(page.words.split())
    assert "Only the first 2 s of the result were looked at here." in page.words


def test_sound_that_is_off_is_told_with_its_side_and_an_unknown_one_as_such() -> None:
    late = Sync(offset_ms=200, cosine=0.4, is_in_sync=False)
    assert (
        "out of sync the sound is 200 ms late"
        in Read(report(JOB, [], replace(REVIEW, sync=late))).words
    )
    assert "too little speech" in Read(report(JOB, [], replace(REVIEW, sync=None))).words


@pytest.mark.parametrize(
    "story, looking, found",
    [
        ((), 3.0, [2.0, 3.0, 5.0]),
        ((), None, [2.0, 8.0]),
        ((), 99.0, [2.0, 8.0, 0.0]),  # as of a life whose clock was another
        (
            (
                (100, "queued"),
                (101, "running"),
                (103, "queued"),
                (107, "running"),
                (110, "succeeded"),
            ),
            1.0,
            [1.0, 1.0, 4.0, 4.0],
        ),
    ],
)
def test_each_stage_is_told_with_its_time(
    story: tuple[tuple[float, str], ...], looking: float | None, found: list[float]
) -> None:
    told = stages(JOB, changes(*story), replace(REVIEW, looking_seconds=looking))
    assert [seconds for _, seconds in told] == found
    assert sum(found) == 10


def test_lips_that_are_out_of_sight_leave_a_hole_in_their_curve() -> None:
    drawn = curves(REVIEW)
    assert drawn.count('class="lips"') == 2
    assert drawn.count('class="cut"') == 1
    assert drawn.count('class="moment"') == 2
    assert 'class="gap" x="500.0" y="0" width="250.0"' in drawn


def test_a_result_without_lips_and_without_sound_has_a_page_as_well() -> None:
    nothing = replace(REVIEW, opening=(None,) * 8, loudness=(), moments=(), gaps=(), sync=None)
    assert "The result" in Read(report(JOB, [], nothing)).words

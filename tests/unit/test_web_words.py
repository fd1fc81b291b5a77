"""The page's words: each in both languages, and no more of them than are said."""

import re
from pathlib import Path

import pytest

from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import State
from lipsyncweb.words import CHINESE, ENGLISH, language_of

ROOT = Path(__file__).parents[2] / "ctl/lipsyncweb"
SOURCES = [*ROOT.glob("*.py"), *ROOT.glob("templates/*.html"), *ROOT.glob("static/*.js")]
NAMED = re.compile(r"""\bw\.(\w+)|words\["(\w+)"\]|i18n\("(\w+)"\)""")


def said() -> set[str]:
    """The words that the page asks for, by their names or by those of states and options."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    named = {name for found in NAMED.findall(text) for name in found if name}
    options = {*Options.__dataclass_fields__} - {"who", "box", "share", "to", "still"}
    return named | {*map(str, State)} | options | {"to_option", "still_option"}


def test_every_word_is_there_in_both_languages() -> None:
    assert list(ENGLISH) == list(CHINESE)
    for name, words in ENGLISH.items():
        assert words.count("{}") == CHINESE[name].count("{}"), name


def test_every_word_is_said_somewhere_and_what_is_said_is_there() -> None:
    assert said() == set(ENGLISH)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh-CN,zh;q=0.9", "zh"),
        ("zh-TW", "zh"),
        ("en-GB", "en"),
        ("de, zh;q=0.5", "en"),
        ("", "en"),
    ],
)
def test_a_browser_gets_its_language(accepted: str, language: str) -> None:
    assert language_of(accepted) == language

"""What is said of arguments that make no sense."""

import pytest

from lipsyncctl.arguments import parse

RENDER = ["submit", "-a", "hello.wav", "speaker.mp4"]


@pytest.mark.parametrize(
    "words, reason",
    [
        (["list", "--limit", "0"], "argument --limit: must be 1 or more, not 0"),
        (["list", "--limit", "-2"], "argument --limit: must be 1 or more, not -2"),
        (["list", "--limit", "ten"], "argument --limit: 'ten' is not a whole number"),
        (["follow", "--since", "-3"], "argument --since: must be 0 or more, not -3"),
        (["follow", "--since", "1.5"], "argument --since: '1.5' is not a whole number"),
        (["follow", "--since", "9" * 40], "argument --since: must have at most 18 digits"),
        (
            [*RENDER, "--who", "lefty"],
            "argument --who: 'lefty' is none of largest, left, right, all, N (from the left), "
            "X,Y@SECONDS, and no picture of a person",
        ),
        (
            ["retry", "x", "--redo", "12"],
            "argument --redo: '12' is no stretch; write 12.0-15.5, 1:02-1:05 or 12-",
        ),
        (
            ["retry", "x", "--redo", "-5"],
            "argument --redo: '' is no time; write 90, 90.5, 1:30.5 or 1:02:03",
        ),
        ([*RENDER, "--crf", "good"], "argument --crf: 'good' is not a whole number"),
        ([*RENDER, "--key", "x" * 129], "argument --key: key is 1 to 128 characters"),
        ([*RENDER, "--box", "1,2,3"], "argument --box: 1,2,3 is not LEFT,TOP,RIGHT,BOTTOM"),
    ],
)
def test_an_argument_that_makes_no_sense_is_told_what_would(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(words)
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(f"error: {reason}\n")

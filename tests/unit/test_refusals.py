"""The journal hears of refusals, but no user can fill it with theirs."""

import logging

import pytest

from lipsyncd.errors import AccessDenied, MalformedMessage, UnknownJob
from lipsyncd.server.peer import Peer
from lipsyncd.server.refusals import MOST, SUBORDINATES, Refusals

ALICE, BOB = Peer(1, 4001), Peer(2, 4002)
ERROR = UnknownJob("There is no such job.", "Look at the list.")


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def test_a_flood_of_one_user_is_cut_off_and_that_of_another_is_not(
    told: pytest.LogCaptureFixture,
) -> None:
    refusals = Refusals()
    for _ in range(10 * MOST):
        refusals.tell(ALICE, ERROR, ERROR.message)
    refusals.tell(BOB, ERROR, ERROR.message)
    assert [str(ALICE) in each.getMessage() for each in told.records] == [True] * MOST + [False]


def test_what_was_left_out_is_counted(
    told: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = Refusals()
    for _ in range(MOST + 7):
        refusals.tell(ALICE, ERROR, ERROR.message)
    monkeypatch.setattr("lipsyncd.server.refusals.PERIOD", 0.0)
    refusals.tell(ALICE, ERROR, ERROR.message)
    assert told.records[-2].getMessage() == "sessions of uid 4001: 7 more refusals were not told"
    assert str(ALICE) in told.records[-1].getMessage()


@pytest.mark.parametrize(
    "error, event",
    [
        (AccessDenied("No.", "Ask."), "AUTH_DENIED"),
        (MalformedMessage("What?", "Look."), "PROTOCOL_ERROR"),
    ],
)
def test_what_an_operator_may_look_for_has_its_event(
    told: pytest.LogCaptureFixture, error: AccessDenied | MalformedMessage, event: str
) -> None:
    Refusals().tell(ALICE, error, error.message)
    fields = vars(told.records[0])["fields"]
    assert fields["LIPSYNCD_EVENT"] == event
    assert (fields["LIPSYNCD_OWNER_UID"], fields["LIPSYNCD_PEER_PID"]) == ("4001", "1")


def test_those_who_share_an_account_are_cut_off_together(told: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    for uid in range(100_000, 100_000 + 10 * MOST):
        refusals.tell(Peer(1, uid), ERROR, ERROR.message, SUBORDINATES)
    assert len(told.records) == MOST

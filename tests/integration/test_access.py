"""Who may do what: a table, each cell of it a test with real uids. And who may come in at all."""

import grp
import os
import pwd
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.daemon.inprocess import living
from support.daemon.users import NO_WAY_IN, Crowd, User, can_be_subordinate, open_directory, served

from lipsyncd.protocol.ids import new_id
from lipsyncd.server import subordinate
from lipsyncd.server.refusals import MOST
from lipsyncd.server.server import KEPT_FOR_ADMINS, MAX_OF_USER, MAX_SESSIONS

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

MEMBERS = 4100  # the group that may connect, known by its number only
ADMIN_GROUP = "games"  # one that every system has
ADMINS = grp.getgrnam(ADMIN_GROUP).gr_gid
LABEL_GROUP = "users"  # another one
LABELLERS = grp.getgrnam(LABEL_GROUP).gr_gid
MANY = tuple(range(5000, 5300))  # more groups than fit into one page of anything

USERS = {
    "root": User(0, (0,)),
    "daemon": User(4000, (4000, MEMBERS)),  # whose the daemon's process is
    "alice": User(4001, (4001, MEMBERS)),  # whose the jobs are
    "bob": User(4002, (4002, MEMBERS, LABELLERS)),
    "carol": User(4003, (4003, MEMBERS, ADMINS)),
    "dave": User(4004, (ADMINS, MEMBERS)),
    "erin": User(4005, (4005, *MANY, MEMBERS, ADMINS)),
    "mallory": User(4006, (4006,)),
}

# whose file of subordinate uids the daemon takes
SUBUID = """
# alice has the usual range, and the administrator has made mistakes
alice:100000:65536
4002:70000:10
bob
eve:many:1
mallory:0:10
mallory:4000:1
"""

# yes: it is done. unknown: there is no such job. denied: it is for others. no: no way in.
TABLE = """
                          root  daemon  carol  dave  erin  alice   bob      mallory
health                    yes   yes     yes    yes   yes   yes     yes      no
info                      yes   yes     yes    yes   yes   yes     yes      no
measure                   yes   yes     yes    yes   yes   yes     yes      no
list                      yes   yes     yes    yes   yes   yes     yes      no
submit                    yes   yes     yes    yes   yes   yes     yes      no
submit_with_high_priority yes   yes     yes    yes   yes   denied  denied   no
submit_with_label         yes   yes     denied denied denied denied yes    no
retry_with_label          yes   yes     yes    yes   yes   unknown yes     no
list_before               yes   yes     yes    yes   yes   yes     unknown  no
status                    yes   yes     yes    yes   yes   yes     unknown  no
wait                      yes   yes     yes    yes   yes   yes     unknown  no
follow                    yes   yes     yes    yes   yes   yes     unknown  no
fetch                     yes   yes     yes    yes   yes   yes     unknown  no
cancel                    yes   yes     yes    yes   yes   yes     unknown  no
retry                     yes   yes     yes    yes   yes   yes     unknown  no
redo                      yes   yes     yes    yes   yes   yes     unknown  no
clean                     yes   yes     yes    yes   yes   yes     unknown  no
review                    yes   yes     yes    yes   yes   yes     unknown  no
hold                      yes   yes     yes    yes   yes   yes     unknown  no
release                   yes   yes     yes    yes   yes   yes     unknown  no
move                      yes   yes     yes    yes   yes   yes     unknown  no
recount                   yes   yes     yes    yes   yes   yes     unknown  no
drain                     yes   yes     yes    yes   yes   denied  denied   no
resume                    yes   yes     yes    yes   yes   denied  denied   no
reload                    yes   yes     denied denied denied denied denied  no
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [
    pytest.param(verb, name, outcome, id=f"{verb}-{name}")
    for verb, *outcomes in ROWS[1:]
    for name, outcome in zip(ROWS[0], outcomes, strict=True)
]
REFUSALS = {"unknown": "job.unknown", "denied": "auth.denied", "no": NO_WAY_IN}
NAMES = {"face": "speaker.mp4", "voice": "hello.wav"}


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    """All users, before the daemon of one of them."""
    with crowd_before(ADMIN_GROUP) as crowd:
        yield crowd


@contextmanager
def crowd_before(admin_group: str) -> Iterator[Crowd]:
    with open_directory() as directory:
        toml = f'admin_group = "{admin_group}"\nlabel_group = "{LABEL_GROUP}"\n'
        (directory / "subuid").write_text(SUBUID)
        with served(directory, USERS["daemon"], MEMBERS, toml) as crowd:
            yield crowd


class Asker:
    """Somebody who asks, for what alice has when it takes a job."""

    def __init__(self, crowd: Crowd, name: str) -> None:
        self.crowd = crowd
        self.name = name

    def ask(self, verb: str, *files: str, **fields: object) -> Any:
        return self.crowd.ask(USERS[self.name], verb, *files, **fields)

    def submit(self, face: str = "face", **terms: object) -> Any:
        return self.ask("submit", face, "voice", **NAMES, terms=terms)

    def job_of_alice(self, face: str = "face") -> str:
        """Her job, which has ended unless its face hangs."""
        alice = Asker(self.crowd, "alice")
        job = str(alice.submit(face)["job"]["id"])
        if face != "hangs":
            alice.ask("wait", job=job)
        return job

    def labelled_job_of_bob(self) -> str:
        """A job that he handed in for somebody, and that has failed."""
        bob = Asker(self.crowd, "bob")
        job = str(bob.submit("fails", label="anna")["job"]["id"])
        bob.ask("wait", job=job)
        return job

    def end_of_alices(self) -> dict[str, object]:
        """Her job, and the number before the last thing that happened to it."""
        job = self.job_of_alice()
        seen = Asker(self.crowd, "alice").ask("status", job=job)
        return {"job": job, "since": seen["seq"] - 1}


REQUESTS: dict[str, Callable[[Asker], Any]] = {
    "health": lambda asker: asker.ask("health"),
    "info": lambda asker: asker.ask("info"),
    "measure": lambda asker: asker.ask("measure"),
    "list": lambda asker: asker.ask("list"),
    "submit": lambda asker: asker.submit(),
    "submit_with_high_priority": lambda asker: asker.submit(priority="high"),
    "submit_with_label": lambda asker: asker.submit(label="anna"),
    "retry_with_label": lambda asker: asker.ask("retry", job=asker.labelled_job_of_bob()),
    "list_before": lambda asker: asker.ask("list", before=asker.job_of_alice()),
    "status": lambda asker: asker.ask("status", job=asker.job_of_alice()),
    "wait": lambda asker: asker.ask("wait", job=asker.job_of_alice()),
    "follow": lambda asker: asker.ask("follow", **asker.end_of_alices()),
    "fetch": lambda asker: asker.ask("fetch", job=asker.job_of_alice()),
    "cancel": lambda asker: asker.ask("cancel", job=asker.job_of_alice("hangs")),
    "retry": lambda asker: asker.ask("retry", job=asker.job_of_alice("fails")),
    "redo": lambda asker: asker.ask("retry", job=asker.job_of_alice(), redo={}),
    "clean": lambda asker: asker.ask("clean", job=asker.job_of_alice()),
    "review": lambda asker: asker.ask("review", job=asker.job_of_alice()),
    "hold": lambda asker: asker.ask("hold", job=asker.job_of_alice()),
    "release": lambda asker: asker.ask("release", job=asker.job_of_alice()),
    "move": lambda asker: asker.ask("move", job=asker.job_of_alice(), to="first"),
    "recount": lambda asker: asker.ask("recount", job=asker.job_of_alice()),
    "drain": lambda asker: asker.ask("drain", reason="a test"),
    "resume": lambda asker: asker.ask("resume"),
    "reload": lambda asker: asker.ask("reload"),
}
DONE = {
    **{"health": "reported", "info": "informed", "list": "listed", "list_before": "listed"},
    **{"submit": "accepted", "submit_with_high_priority": "accepted", "retry": "accepted"},
    **{"submit_with_label": "accepted", "retry_with_label": "accepted"},
    **{"status": "described", "wait": "finished", "follow": "happened", "fetch": "fetched"},
    **{"cancel": "cancelled", "clean": "cleaned", "drain": "drained", "resume": "resumed"},
    **{"reload": "reloaded", "recount": "recounted", "measure": "measured"},
    "review": "reviewed",
    "redo": "input.gone",  # the renders here keep no work
    # which have ended: whoever may do so learns that it is too late
    **dict.fromkeys(("hold", "release", "move"), "job.not_queued"),
}


def set_right(root: Asker) -> None:
    """The queue goes on, and nothing is in it."""
    root.ask("resume")
    for job in root.ask("list")["jobs"]:
        if job["ended_at"] is None:
            root.ask("cancel", job=job["id"])


@pytest.mark.parametrize("verb, name, outcome", CELLS)
def test_the_table_holds(crowd: Crowd, verb: str, name: str, outcome: str) -> None:
    answer = REQUESTS[verb](Asker(crowd, name))
    found = answer.get("verb", answer.get("name"))
    set_right(Asker(crowd, "root"))
    assert found == (DONE[verb] if outcome == "yes" else REFUSALS[outcome])
    if verb == "fetch" and outcome == "yes":
        assert answer["content"] == "facevoice"


@pytest.mark.parametrize(
    "verb", ["status", "wait", "follow", "fetch", "cancel", "retry", "clean", "recount", "hold"]
)
def test_what_others_have_is_refused_in_the_words_for_what_does_not_exist(
    crowd: Crowd, verb: str
) -> None:
    bob = Asker(crowd, "bob")
    hers, nobodys = bob.job_of_alice(), new_id()
    answers = [bob.ask(verb, job=job) for job in (hers, nobodys)]
    same = [re.sub(f"{hers}|{nobodys}", "ID", str(answer)) for answer in answers]
    assert same[0] == same[1]


def test_everybody_lists_and_follows_what_is_theirs_and_admins_follow_all(crowd: Crowd) -> None:
    job = Asker(crowd, "bob").job_of_alice()
    for name, sees in {"alice": True, "bob": False, "carol": True, "root": True}.items():
        jobs = Asker(crowd, name).ask("list")["jobs"]
        assert (job in [each["id"] for each in jobs]) == sees
        if not sees:
            assert {each["owner"] for each in jobs} <= {USERS[name].uid}


def test_cleaning_without_a_name_takes_nothing_of_others(crowd: Crowd) -> None:
    alice = Asker(crowd, "alice")
    job = alice.job_of_alice()
    for name in ("bob", "carol", "root"):
        Asker(crowd, name).ask("clean")
    assert alice.ask("fetch", job=job)["content"] == "facevoice"


def test_an_admin_who_retries_a_job_does_not_take_it_over(crowd: Crowd) -> None:
    carol = Asker(crowd, "carol")
    again = carol.ask("retry", job=carol.job_of_alice("fails"))["job"]
    assert again["owner"] == USERS["alice"].uid


def test_a_key_is_its_users_own(crowd: Crowd) -> None:
    jobs = [Asker(crowd, name).submit(key="the key")["job"]["id"] for name in ("alice", "bob")]
    again = [Asker(crowd, name).submit(key="the key")["job"]["id"] for name in ("alice", "bob")]
    assert jobs == again
    assert jobs[0] != jobs[1]


def test_a_group_that_does_not_exist_has_no_members() -> None:
    with crowd_before("lipsyncd-nobody") as crowd:
        found = {name: crowd.ask(user, "resume").get("verb") for name, user in USERS.items()}
    assert [name for name, verb in found.items() if verb] == ["root", "daemon"]


def test_one_user_has_sixteen_sessions_and_the_last_four_are_for_admins() -> None:
    with crowd_before(ADMIN_GROUP) as crowd:
        found = []
        for uid in range(5001, 5001 + MAX_SESSIONS // MAX_OF_USER):
            found += crowd.hold(User(uid, (uid, MEMBERS)), MAX_OF_USER + 2)
            assert found[-2:] == ["sessions.full"] * 2
        assert found.count("welcomed") == MAX_SESSIONS - KEPT_FOR_ADMINS
        assert crowd.ask(USERS["mallory"], "health")["name"] == NO_WAY_IN
        refused = crowd.ask(User(4999, (4999, MEMBERS)), "health")
        assert (refused["name"], refused["retryable"]) == ("sessions.full", True)
        assert "for admins" in refused["message"]
        admins = [crowd.hold(USERS[name], 1) for name in ("root", "daemon", "carol", "dave")]
        assert admins == [["welcomed"]] * KEPT_FOR_ADMINS
        assert crowd.ask(USERS["root"], "health")["name"] == "sessions.full"


needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or not can_be_subordinate(), reason="no user namespaces here"
)


@needs_namespaces
def test_a_user_cannot_come_once_more_under_a_subordinate_uid(crowd: Crowd) -> None:
    refused = crowd.ask(User(4001, (4001, MEMBERS), subordinate=100007), "health")
    assert refused["name"] == "auth.denied"
    assert "100007" in refused["message"]
    assert "alice" in refused["message"]
    assert "root" in refused["hint"]


def test_uids_that_no_user_has_are_refused_where_users_may_have_taken_them(crowd: Crowd) -> None:
    found = {
        uid: crowd.ask(User(uid, (uid, MEMBERS)), "health").get("name")
        for uid in (69999, 70000, 70009, 70010, 99999, 300000)
    }
    assert [uid for uid, name in found.items() if name == "auth.denied"] == [70000, 70009, 300000]
    assert set(found.values()) == {"auth.denied", None}


def test_users_of_the_machine_come_in_whatever_ranges_say(crowd: Crowd) -> None:
    someone = pwd.getpwuid(1)  # every system has it, and here it is in a range
    for user in (USERS["root"], USERS["daemon"], User(someone.pw_uid, (someone.pw_gid, MEMBERS))):
        assert crowd.ask(user, "health")["verb"] == "reported"


@needs_namespaces
def test_a_users_subordinate_uids_hold_no_sessions_and_share_what_the_log_tells_of_them() -> None:
    with crowd_before(ADMIN_GROUP) as crowd:
        alice, found = USERS["alice"], []
        for uid in range(100000, 100000 + MOST + 5):
            found += crowd.hold(User(alice.uid, alice.gids, subordinate=uid), 4)
        assert set(found) == {"auth.denied"}
        assert crowd.hold(alice, MAX_OF_USER) == ["welcomed"] * MAX_OF_USER
        assert crowd.hold(USERS["bob"], MAX_OF_USER) == ["welcomed"] * MAX_OF_USER
        assert crowd.log.count("auth.denied") == MOST


@needs_namespaces
def test_while_the_list_of_users_is_slow_subordinate_uids_hold_the_sessions_of_one_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_answer = threading.Event()

    def slow(_uid: int) -> None:
        may_answer.wait()
        raise KeyError

    monkeypatch.setattr(subordinate.pwd, "getpwuid", slow)
    with open_directory() as directory, living(directory) as daemon:
        daemon.config.socket.chmod(0o666)
        crowd = Crowd(daemon.config.socket)
        for uid in range(100000, 100004):
            crowd.knock(User(4001, (4001,), subordinate=uid), MAX_OF_USER // 4 + 1)
        assert [crowd.hear() for _ in range(4)] == ["sessions.full"] * 4
        assert crowd.ask(USERS["bob"], "health")["verb"] == "reported"
        may_answer.set()
        assert [crowd.hear() for _ in range(MAX_OF_USER)] == ["auth.denied"] * MAX_OF_USER
        crowd.close()

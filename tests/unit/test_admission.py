"""The admission keeps every bound, however many come at once; of who is refused nothing stays."""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lipsyncd.config import Config, Limits, LiveConfig
from lipsyncd.config import Retention as Rules
from lipsyncd.errors import (
    DiskFull,
    InputGone,
    JobNotEnded,
    KeyTaken,
    LipsyncError,
    NoResult,
    NotAFile,
    NotRetryable,
    QueueDraining,
    QueueFull,
)
from lipsyncd.protocol.job import Job, move
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.redo import Redo
from lipsyncd.protocol.state import State
from lipsyncd.protocol.terms import Terms
from lipsyncd.protocol.user import User
from lipsyncd.queue.admission import Admission
from lipsyncd.queue.contents import SPARE
from lipsyncd.queue.retention import Retention
from lipsyncd.queue.scheduler import Scheduler
from lipsyncd.queue.snapshot import Opened
from lipsyncd.queue.spool import Spool
from lipsyncd.queue.store.database import Database
from lipsyncd.queue.store.history import History
from lipsyncd.queue.store.jobs import Store
from lipsyncd.queue.store.usage import Files
from lipsyncd.queue.transitions import failed, new_job, succeeded
from lipsyncd.queue.updates import Updates
from lipsyncd.system.notify import Notifier
from lipsyncd.system.watchdog import Heartbeat

ALICE, BOB = 1000, 2000
PLAIN = Options()
FACE, VOICE, MADE = b"face", b"voice", b"parts"
SIZE = len(FACE + VOICE)
GRACE_MINUTES = 90
GONE = InputGone("It is gone.", "Send it again.")


class Roomy(Spool):
    """A spool on a disk that has `room` bytes for it, if that is given; else as many as it has."""

    room: int | None = None

    def free_bytes(self) -> int:
        return super().free_bytes() if self.room is None else self.room - self.taken()

    def taken(self) -> int:
        """Bytes of the files in it, each counted once, whatever number of names it has.

        Only while nobody else submits: another's file may go between its name and its size.
        """
        stats = [path.stat() for path in self._directory.rglob("*") if path.is_file()]
        return sum({stat.st_ino: stat.st_size for stat in stats}.values())


class Desk:
    """An admission with everything real behind it, but nobody who renders."""

    def __init__(self, directory: Path, **limits: int) -> None:
        self.directory = directory
        (directory / "spool").mkdir()
        self.files = ExitStack()
        self.database = Database(directory / "jobs.sqlite")
        kept = Rules(max_bytes_per_user=limits.pop("kept", 1 << 30), grace_minutes=GRACE_MINUTES)
        self.live_config = live_config = LiveConfig(Config(limits=Limits(**limits), retention=kept))
        self.store, self.spool = Store(self.database), Roomy(directory / "spool", live_config)
        heartbeat = Heartbeat(Notifier())
        self.updates = Updates()
        self.scheduler = Scheduler(self.store, self.spool, self.updates, heartbeat, live_config)
        self.retention = Retention(History(self.database), self.spool, live_config)
        self.admission = Admission(
            self.store, self.spool, self.scheduler, self.retention, live_config
        )

    def submit(self, owner: int = ALICE, options: Options = PLAIN, **terms: Any) -> Job:
        job = new_job(owner, "face.mp4", "voice.wav", options, Terms(**terms))
        return self.admission.submit(job, Opened(self.file(FACE), self.file(VOICE)))

    def file(self, content: bytes) -> int:
        descriptor = os.memfd_create("input")
        self.files.callback(os.close, descriptor)
        os.write(descriptor, content)
        return descriptor

    def room(self, size: int) -> None:
        """The disk has so many bytes for the spool, and none that are to stay free."""
        self.spool.room = size
        limits = replace(self.live_config.config.limits, min_free_bytes=0)
        self.live_config.config = replace(self.live_config.config, limits=limits)

    def spooled(self) -> set[str]:
        return {path.name for path in (self.directory / "spool").iterdir()}

    def ended(self, job: Job, error: LipsyncError | None) -> Job:
        running = self.store.begin(job.id)
        assert running
        over = failed(running, error, 1.0) if error else succeeded(running, 1, 1.0)
        self.store.put(over)
        self.spool.tidy(over.id, over.state)
        return over


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yield from opened(tmp_path)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Desk]:
    """One with room for three jobs, two of each user."""
    yield from opened(tmp_path, max_jobs=3, max_jobs_per_user=2)


def insist(desk: Desk, refused: list[QueueFull]) -> None:
    """One of many who submit at the same time."""
    try:
        desk.submit()
    except QueueFull as error:
        refused.append(error)


def opened(directory: Path, **limits: int) -> Iterator[Desk]:
    desk = Desk(directory, **limits)
    yield desk
    desk.files.close()
    desk.database.close()


def test_an_accepted_job_is_in_the_store_and_in_the_spool(desk: Desk) -> None:
    job = desk.submit()
    assert desk.store.get(job.id) == job
    assert job.spool_bytes == SIZE
    assert desk.spool.paths(job.id).voices[0].read_bytes() == VOICE


def test_a_user_has_a_bound_and_the_others_have_room_then(small: Desk) -> None:
    small.submit()
    small.submit()
    with pytest.raises(QueueFull, match="at most 2 jobs of one user may wait") as refused:
        small.submit()
    assert refused.value.retry_after_ms and refused.value.retry_after_ms >= 1000
    small.submit(BOB)


def test_who_is_refused_learns_when_a_job_of_his_own_leaves_the_queue(tmp_path: Path) -> None:
    for desk in opened(tmp_path, max_jobs_per_user=1, max_jobs=2):
        for _ in range(2):  # as many as one user may have at once; a slot is free for others
            running = desk.store.begin(desk.submit().id)
            assert running
            desk.updates.publish(replace(running, total=70, fps=1.0))
        desk.submit()
        with pytest.raises(QueueFull, match="of one user") as refused:
            desk.submit()
        assert refused.value.retry_after_ms == 70_000
        desk.submit(BOB)
        with pytest.raises(QueueFull, match="in all") as refused:
            desk.submit(BOB + 1)
        assert refused.value.retry_after_ms == 1000


def test_all_together_have_a_bound(small: Desk) -> None:
    small.submit()
    small.submit()
    small.submit(BOB)
    with pytest.raises(QueueFull, match="at most 3 jobs in all may wait"):
        small.submit(BOB)


def test_a_job_that_runs_takes_no_place_in_the_queue(small: Desk) -> None:
    small.store.begin(small.submit().id)
    small.submit()
    small.submit()


def test_the_bytes_of_the_inputs_have_a_bound_until_the_job_ends(tmp_path: Path) -> None:
    for desk in opened(tmp_path, max_input_bytes=2 * SIZE, max_input_bytes_per_user=2 * SIZE):
        first = desk.submit()
        desk.store.begin(desk.submit().id)
        with pytest.raises(QueueFull, match=f"bytes, and would take {3 * SIZE}"):
            desk.submit()
        desk.ended(first, None)
        desk.submit()


def test_the_bytes_of_one_user_have_a_bound(tmp_path: Path) -> None:
    for desk in opened(tmp_path, max_input_bytes_per_user=SIZE):
        desk.submit()
        with pytest.raises(QueueFull, match="the inputs of jobs of one user may take"):
            desk.submit()
        desk.submit(BOB)


def test_what_a_users_ended_jobs_keep_has_a_bound_and_a_clean_makes_room(tmp_path: Path) -> None:
    for desk in opened(tmp_path, kept=2 * SIZE):
        failures = [desk.ended(desk.submit(), GONE) for _ in range(3)]
        with pytest.raises(QueueFull, match=f"may take {2 * SIZE} bytes, and takes") as refused:
            desk.submit()
        assert "lipsyncctl clean" in refused.value.hint
        minutes = (refused.value.retry_after_ms or 0) / 60_000
        assert minutes == pytest.approx(GRACE_MINUTES, abs=1)
        with pytest.raises(QueueFull, match="ended jobs of one user"):
            desk.admission.retry(failures[0])
        desk.submit(BOB)
        Retention(History(desk.database), desk.spool, desk.live_config).clean(failures[:1])
        desk.submit()


def test_a_result_counts_as_kept_with_its_own_bytes(tmp_path: Path) -> None:
    for desk in opened(tmp_path, kept=0):
        desk.ended(desk.submit(), None)
        with pytest.raises(QueueFull, match="may take 0 bytes, and takes 1"):
            desk.submit()


def test_half_of_the_room_is_left_to_others_whatever_the_figures_say(tmp_path: Path) -> None:
    for desk in opened(tmp_path):
        desk.room(4 * SIZE)
        desk.submit()
        other = desk.submit()
        with pytest.raises(QueueFull, match=f"may take {2 * SIZE} .* would take {3 * SIZE}") as no:
            desk.submit()
        assert no.value.hint == "Wait until some of your jobs have ended."
        assert no.value.retry_after_ms == 1000
        desk.ended(other, GONE)
        with pytest.raises(QueueFull, match=f"may take {2 * SIZE} .* would take {3 * SIZE}") as no:
            desk.submit()
        assert "lipsyncctl clean" in no.value.hint
        desk.submit(BOB)
        desk.submit(BOB)


def test_labels_of_one_uid_have_the_bounds_of_users_each(tmp_path: Path) -> None:
    for desk in opened(tmp_path, max_jobs=6, max_jobs_per_user=1, max_input_bytes_per_user=SIZE):
        for label in ("anna", "ben", None):
            job = desk.submit(label=label)
            with pytest.raises(QueueFull, match="at most 1 jobs of one user may wait"):
                desk.submit(label=label)
            desk.store.begin(job.id)
            with pytest.raises(QueueFull, match=f"of one user may take {SIZE} bytes"):
                desk.submit(label=label)


def test_all_labels_of_a_uid_leave_others_half_of_what_may_wait(tmp_path: Path) -> None:
    for desk in opened(tmp_path, max_jobs=4, max_jobs_per_user=1):
        desk.submit(label="anna")
        desk.submit(label="ben")
        with pytest.raises(QueueFull, match="at most 2 jobs of one uid may wait"):
            desk.submit(label="carla")
        desk.submit(BOB)


def test_all_labels_of_a_uid_leave_others_half_of_what_inputs_may_take(tmp_path: Path) -> None:
    for desk in opened(tmp_path, max_input_bytes=4 * SIZE, max_input_bytes_per_user=SIZE):
        desk.submit(label="anna")
        desk.submit(label="ben")
        with pytest.raises(QueueFull, match=f"of one uid may take {2 * SIZE} bytes"):
            desk.submit(label="carla")
        desk.submit(BOB)


def test_a_uid_may_have_what_one_user_may_where_that_is_more_than_half(tmp_path: Path) -> None:
    for desk in opened(tmp_path, max_jobs=3, max_jobs_per_user=3):
        for label in ("anna", "anna", "anna"):
            desk.submit(label=label)


def test_of_the_room_a_label_leaves_half_to_others_of_its_uid_and_these_half_to_other_uids(
    tmp_path: Path,
) -> None:
    for desk in opened(tmp_path):
        desk.room(8 * SIZE)
        for label in ("anna", "ben"):
            desk.submit(label=label)
            desk.submit(label=label)
            with pytest.raises(QueueFull, match=f"of one user may take {2 * SIZE} bytes of the"):
                desk.submit(label=label)
        with pytest.raises(QueueFull, match=f"of one uid may take {4 * SIZE} bytes of the disk"):
            desk.submit(label="carla")
        for _ in range(4):
            desk.submit(BOB)


def test_a_retry_counts_for_the_label_of_the_job_that_it_repeats(tmp_path: Path) -> None:
    for desk in opened(tmp_path, max_jobs_per_user=1):
        failure = desk.ended(desk.submit(label="anna"), GONE)
        again = desk.admission.retry(failure)
        assert again.user == User(ALICE, "anna")
        with pytest.raises(QueueFull, match="of one user"):
            desk.submit(label="anna")
        desk.submit(label="ben")


def test_a_job_that_is_larger_than_half_of_the_room_is_refused_without_false_hope(
    tmp_path: Path,
) -> None:
    for desk in opened(tmp_path):
        desk.room(2 * SIZE - 1)
        with pytest.raises(QueueFull, match=f"may take {SIZE - 1} ") as refused:
            desk.submit()
        assert refused.value.retry_after_ms is None
        assert refused.value.hint.startswith("Submit smaller files")
        assert desk.spooled() == set()


def test_links_of_retries_do_not_make_the_disk_look_larger(tmp_path: Path) -> None:
    for desk in opened(tmp_path):
        desk.room(4 * SIZE)
        over = desk.ended(desk.submit(), GONE)
        desk.ended(desk.admission.retry(over), GONE)
        desk.submit(BOB)
        desk.submit(BOB)
        with pytest.raises(QueueFull, match=f"may take {2 * SIZE} bytes"):
            desk.submit(BOB)


def test_many_at_once_do_not_pass_half_of_the_room(tmp_path: Path) -> None:
    for desk in opened(tmp_path):
        desk.room(10 * SIZE)
        refused: list[QueueFull] = []
        threads = [threading.Thread(target=insist, args=[desk, refused]) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        accepted = desk.store.count(State.QUEUED)
        assert accepted + len(refused) == 12
        assert 0 < accepted <= 5


def test_of_a_refused_job_nothing_stays(small: Desk) -> None:
    accepted = {small.submit().id, small.submit().id}
    with pytest.raises(QueueFull):
        small.submit()
    job = new_job(BOB, "face.mp4", "voice.wav", Options())
    pipe = os.pipe()
    with pytest.raises(NotAFile):
        small.admission.submit(job, Opened(*pipe))
    assert small.spooled() == accepted
    small.submit(BOB)  # what was refused holds no room
    for end in pipe:
        os.close(end)


def test_a_disk_that_fills_at_the_commit_leaves_no_copy(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_job: Job) -> Job:
        raise DiskFull("The disk is full.", "Make room.")

    monkeypatch.setattr(desk.store, "add", full)
    with pytest.raises(DiskFull):
        desk.submit()
    assert desk.spooled() == set()


@pytest.mark.parametrize("bound", [1, 7])
def test_many_at_once_do_not_pass_the_bound(tmp_path: Path, bound: int) -> None:
    for desk in opened(tmp_path, max_jobs=bound):
        refused: list[QueueFull] = []
        threads = [
            threading.Thread(target=insist, args=[desk, refused]) for _ in range(3 * bound + 5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert desk.store.count(State.QUEUED) == bound
        assert len(refused) == 2 * bound + 5
        assert len(desk.spooled()) == bound


def test_nothing_is_accepted_that_would_leave_the_disk_without_room(tmp_path: Path) -> None:
    for desk in opened(tmp_path, min_free_bytes=1 << 50):
        with pytest.raises(DiskFull):
            desk.submit()
        assert desk.spooled() == set()


def test_the_same_key_is_the_same_job(desk: Desk) -> None:
    first = desk.submit(key="monday")
    assert desk.submit(key="monday") == first
    assert desk.spooled() == {first.id}
    assert desk.submit(BOB, key="monday").id != first.id


def test_the_same_key_is_the_same_job_also_at_the_same_moment(desk: Desk) -> None:
    found: list[Job] = []
    threads = [
        threading.Thread(target=lambda: found.append(desk.submit(key="monday"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({job.id for job in found}) == 1
    assert desk.spooled() == {found[0].id}


def test_a_key_cannot_be_used_for_something_else(desk: Desk) -> None:
    desk.submit(key="monday")
    with pytest.raises(KeyTaken, match="other files or options"):
        desk.submit(key="monday", options=Options(crf=30))


def test_a_drained_queue_takes_nothing(desk: Desk) -> None:
    desk.scheduler.hold("the cellar is flooded")
    with pytest.raises(QueueDraining, match="the cellar is flooded"):
        desk.submit()
    assert desk.spooled() == set()


def test_a_failed_job_is_tried_again_from_the_same_inputs(desk: Desk) -> None:
    job = desk.submit(key="monday", max_runtime=60, expires=60)
    over = desk.ended(job, InputGone("It is gone.", "Send it again."))
    again = desk.admission.retry(over)
    assert (again.retry_of, again.key, again.expires_at) == (job.id, None, None)
    assert (again.max_runtime, again.options, again.owner) == (60, job.options, ALICE)
    assert (again.state, again.attempts) == (State.QUEUED, 0)
    assert desk.spool.paths(again.id).face.read_bytes() == FACE
    desk.spool.discard(job.id)
    assert desk.spool.paths(again.id).face.read_bytes() == FACE


def test_a_job_that_an_earlier_version_quarantined_can_be_tried_again(desk: Desk) -> None:
    over = desk.ended(desk.submit(), InputGone("It is gone.", "Send it again."))
    assert desk.admission.retry(replace(over, state=State.QUARANTINED)).retry_of == over.id


@pytest.mark.parametrize("state", [State.CANCELLED, State.EXPIRED])
def test_what_was_cancelled_or_expired_can_be_retried(desk: Desk, state: State) -> None:
    over = move(desk.submit(), state)
    assert desk.admission.retry(over).retry_of == over.id


def test_what_has_not_ended_or_has_a_result_cannot_be_retried(desk: Desk) -> None:
    for job in (desk.submit(), desk.ended(desk.submit(), None)):
        with pytest.raises(NotRetryable):
            desk.admission.retry(job)


def with_work(desk: Desk, job: Job) -> Job:
    """The job, done, with what a render keeps."""
    paths = desk.spool.paths(job.id)
    paths.work.write_bytes(MADE)
    paths.result.write_bytes(b"r")
    running = desk.store.begin(job.id)
    assert running
    done = succeeded(running, desk.spool.seal(job.id), 1.0, desk.spool.bytes_of(job.id, SPARE))
    desk.store.put(done)
    desk.spool.tidy(done.id, done.state)
    return done


def test_a_redo_has_the_files_of_its_job_without_a_copy_and_outlives_it(desk: Desk) -> None:
    done = with_work(desk, desk.submit(key="monday", max_runtime=60))
    free = desk.spool.taken()
    again = desk.admission.redo(done, Redo(from_=1.0, to=2.0, expression=0.5))
    assert (again.redo_of, again.retry_of, again.key) == (done.id, None, None)
    assert (again.max_runtime, again.owner, again.state) == (60, ALICE, State.QUEUED)
    assert again.options == replace(PLAIN, from_=1.0, to=2.0, expression=0.5)
    assert (desk.spool.taken(), again.spool_bytes) == (free, SIZE + len(MADE))
    desk.spool.discard(done.id)
    paths = desk.spool.paths(again.id, is_redo=True)
    assert paths.earlier
    assert (paths.face.read_bytes(), paths.earlier.read_bytes()) == (FACE, MADE)


def test_what_a_redo_needs_counts_for_its_owner_and_gives_way_to_what_is_submitted(
    desk: Desk,
) -> None:
    done = with_work(desk, desk.submit())
    spare = SIZE + len(MADE)
    assert done.spool_bytes == 1 + spare
    assert desk.store.files() == {User(ALICE): Files(1, 1, 1 + spare)}
    desk.room(2 * SIZE + spare)  # a job of hers and what is kept leave too little for another one
    other = desk.submit()
    assert desk.spooled() == {done.id, other.id}
    assert desk.store.get(done.id) == replace(done, spool_bytes=1)
    with pytest.raises(InputGone, match="The face is no longer in the spool"):
        desk.admission.redo(done, Redo(from_=1.0))
    assert desk.spooled() == {done.id, other.id}


@pytest.mark.parametrize(
    "state, error, hint",
    [
        (State.QUEUED, JobNotEnded, "Wait for it first."),
        (State.RUNNING, JobNotEnded, "Wait for it first."),
        (State.FAILED, NoResult, "Repeat all of it: `lipsyncctl retry {}`."),
        (State.CANCELLED, NoResult, "Repeat all of it: `lipsyncctl retry {}`."),
        (State.EXPIRED, NoResult, "Repeat all of it: `lipsyncctl retry {}`."),
    ],
)
def test_what_has_no_result_cannot_be_redone(
    desk: Desk, state: State, error: type[LipsyncError], hint: str
) -> None:
    job = replace(desk.submit(), state=state)
    with pytest.raises(error) as refused:
        desk.admission.redo(job, Redo(from_=1.0))
    assert refused.value.hint == hint.format(job.id)
    assert desk.spooled() == {job.id}


def test_a_retry_counts_like_any_other_job(small: Desk) -> None:
    over = small.ended(small.submit(), InputGone("It is gone.", "Send it again."))
    small.submit()
    small.submit()
    with pytest.raises(QueueFull):
        small.admission.retry(over)

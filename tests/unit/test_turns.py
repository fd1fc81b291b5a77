"""A job that others wait for ends its turn between two of its parts, and goes on after them."""

import threading
from collections import Counter
from pathlib import Path

import pytest
from support.daemon.renderers import Steps
from support.daemon.scheduling import ALICE, BOB, Bench

from lipsyncd.config import Config, Limits, LiveConfig, Render
from lipsyncd.errors import NoFace
from lipsyncd.protocol.job import Paths, Progress
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import State
from lipsyncd.protocol.terms import Priority
from lipsyncd.queue.attempt import Attempt
from lipsyncd.queue.givingway import Turn
from lipsyncd.queue.renderer import MayGoOn, TurnOver

PARTS, FRAMES = 4, 10  # of a long job, and of each of its parts


class Parts:
    """Renders of some parts each, which keep what they have made in the work file.

    `turns` counts those of each job, `order` has the job of every part.  While there is another
    job, each part lasts until it is known whether that comes first.
    """

    def __init__(self, parts: dict[str, int]) -> None:
        self._parts = parts
        self._left = set(parts)
        self.turns: Counter[str] = Counter()
        self.order: list[str] = []
        self.is_patient = True

    def render(self, _options: Options, paths: Paths, may_go_on: MayGoOn) -> Steps:
        self.turns[paths.job] += 1
        paths.work.touch()
        kept = made = paths.work.stat().st_size // FRAMES
        total = self._parts[paths.job] * FRAMES
        while made * FRAMES < total:
            yield Progress(made * FRAMES, total, 0, kept=kept * FRAMES)
            self.order.append(paths.job)
            paths.work.write_bytes(bytes((made := made + 1) * FRAMES))
            if made * FRAMES < total and self._is_over(may_go_on):
                raise TurnOver
        self._left.discard(paths.job)
        paths.result.write_bytes(b"result")
        yield Progress(total, total, 0, kept=kept * FRAMES)

    def _is_over(self, may_go_on: MayGoOn) -> bool:
        while self.is_patient and len(self._left) > 1 and may_go_on():
            pass
        return not may_go_on()


def bench_of(tmp_path: Path, **chosen: int) -> Bench:
    render = Render(max_active=1, turn_seconds=0)
    limits = Limits(min_free_bytes=0, **chosen)
    return Bench(tmp_path, choice=LiveConfig(Config(render=render, limits=limits)))


@pytest.mark.parametrize("owner", [ALICE, BOB])
def test_a_short_job_is_rendered_between_two_parts_of_a_long_one(
    tmp_path: Path, owner: int
) -> None:
    bench = bench_of(tmp_path)
    long, short = bench.submit(ALICE), bench.submit(owner)
    renders = Parts({long: PARTS, short: 1})
    bench.start(renders.render)
    ended = [bench.end_of(job) for job in (long, short)]
    assert renders.order == [long, short, *[long] * (PARTS - 1)]
    assert [job.state for job in ended] == [State.SUCCEEDED] * 2
    assert [job.attempts for job in ended] == [1, 1]
    assert ended[0].done == ended[0].total == PARTS * FRAMES
    bench.close()


def test_long_jobs_of_one_user_take_turns_part_by_part(tmp_path: Path) -> None:
    bench = bench_of(tmp_path)
    jobs = [bench.submit() for _ in range(3)]
    renders = Parts(dict.fromkeys(jobs, PARTS))
    bench.start(renders.render)
    for job in jobs:
        assert bench.end_of(job).state is State.SUCCEEDED
    assert renders.order == jobs * PARTS
    bench.close()


def test_a_job_that_nobody_waits_for_has_one_turn(tmp_path: Path) -> None:
    bench = bench_of(tmp_path)
    job = bench.submit()
    renders = Parts({job: PARTS})
    bench.start(renders.render)
    bench.end_of(job)
    assert renders.turns[job] == 1
    bench.close()


def test_a_job_of_a_lower_priority_waits_for_all_parts(tmp_path: Path) -> None:
    bench = bench_of(tmp_path)
    low, normal = bench.submit(BOB, priority=Priority.LOW), bench.submit(ALICE)
    renders = Parts({low: 1, normal: PARTS})
    renders.is_patient = False
    bench.start(renders.render)
    bench.end_of(low)
    assert renders.order == [*[normal] * PARTS, low]
    bench.close()


def test_between_its_turns_a_job_is_as_far_as_it_is_and_its_parts_are_its_owners_bytes(
    tmp_path: Path,
) -> None:
    bench = bench_of(tmp_path)
    long, other = bench.submit(), bench.submit(BOB)
    before = bench.store.get(long)
    renders = Parts({long: PARTS, other: 1})
    begun, may_end = threading.Event(), threading.Event()

    def render(options: Options, paths: Paths, may_go_on: MayGoOn) -> Steps:
        if paths.job == other:
            begun.set()
            may_end.wait()
        return (yield from renders.render(options, paths, may_go_on))

    bench.start(render)
    begun.wait()
    waits = bench.store.get(long)
    assert before
    assert waits
    assert (waits.state, waits.done, waits.total) == (State.QUEUED, 0, PARTS * FRAMES)
    assert waits.spool_bytes == bench.spool.bytes_of(long) > FRAMES
    assert waits.queued_at > before.queued_at
    assert waits.started_at
    may_end.set()
    assert bench.end_of(long).started_at
    bench.close()


def test_a_job_that_fails_after_a_turn_takes_no_more_than_its_inputs(tmp_path: Path) -> None:
    bench = bench_of(tmp_path)
    long, other = bench.submit(), bench.submit(BOB)
    inputs = bench.spool.bytes_of(long)
    renders = Parts({long: PARTS, other: 1})

    def render(options: Options, paths: Paths, may_go_on: MayGoOn) -> Steps:
        if renders.turns[long] and paths.job == long:
            raise NoFace("There is none.", "Bring one.")
        return (yield from renders.render(options, paths, may_go_on))

    bench.start(render)
    assert bench.end_of(long).state is State.FAILED
    assert bench.end_of(other).state is State.SUCCEEDED
    ended = bench.store.get(long)
    assert ended
    assert ended.spool_bytes == inputs
    assert bench.files_of(long) == ["face", "voice"]
    bench.close()


def of_40_seconds(attempt: Attempt) -> Turn:
    job = attempt.job
    return Turn(job.id, job.user, job.priority, 40.0)


def test_all_turns_together_are_no_longer_than_a_job_may_be_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_of(tmp_path)
    monkeypatch.setattr(Attempt, "turn", property(of_40_seconds))
    job, other = bench.submit(max_runtime=60), bench.submit()
    renders = Parts({job: PARTS, other: 1})
    bench.start(renders.render)
    assert bench.end_of(job).state is State.EXPIRED
    assert renders.turns[job] == 2
    bench.end_of(other)
    bench.close()

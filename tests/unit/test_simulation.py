"""The simulation of renders reaches what arithmetic says of the simplest machines."""

import importlib.util
import sys
from types import ModuleType

import pytest
from support.paths import ROOT


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    """tests/bench/simulation.py, which is no package's."""
    spec = importlib.util.spec_from_file_location("simulation", ROOT / "tests/bench/simulation.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def test_cores_that_are_all_at_work_make_frames_by_what_a_frame_costs(
    simulation: ModuleType,
) -> None:
    costs = simulation.Costs(plan=0, fetch=0.004, paste=0.01, encode=0.01, each=0.016, threads=2)
    jobs = [simulation.job(20)] * 8
    outcome = simulation.simulated(jobs, simulation.Machine(2, 1, 8), costs)
    assert outcome.fps == pytest.approx(2 / 0.04, rel=0.03)
    assert outcome.bound == "cores"


def test_a_device_that_is_always_at_work_makes_as_many_as_it_can(simulation: ModuleType) -> None:
    costs = simulation.Costs(plan=0, fetch=0.001, paste=0.001, encode=0.001, each=0.01)
    jobs = [simulation.job(20)] * 4
    outcome = simulation.simulated(jobs, simulation.Machine(16, 1, 4), costs)
    assert outcome.fps == pytest.approx(100, rel=0.03)
    assert outcome.bound == "devices"


def test_a_lone_part_is_as_fast_as_its_slowest_thread(simulation: ModuleType) -> None:
    costs = simulation.Costs(plan=0, fetch=0.001, paste=0.02, encode=0.01, each=0.0001)
    outcome = simulation.simulated([simulation.job(10)], simulation.Machine(16, 1, 4), costs)
    assert outcome.fps == pytest.approx(50, rel=0.1)
    assert outcome.bound == "renders"


def test_a_pass_takes_what_several_renders_ask(simulation: ModuleType) -> None:
    costs = simulation.Costs(
        plan=0, fetch=0.0001, paste=0.0001, encode=0.0001, each=0, fixed=0.1, batch=16
    )
    alone, together = (
        simulation.simulated([simulation.job(20)] * count, simulation.Machine(16, 1, count), costs)
        for count in (1, 8)
    )
    assert together.fps > 6 * alone.fps


def test_the_parts_of_a_long_job_are_made_side_by_side(simulation: ModuleType) -> None:
    costs = simulation.Costs(plan=0, fetch=0.001, paste=0.02, encode=0.01, each=0.0001)
    machine = simulation.Machine(16, 1, 4)
    outcome = simulation.simulated([simulation.job(80)], machine, costs)
    assert outcome.fps == pytest.approx(200, rel=0.1)

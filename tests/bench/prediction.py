"""Predictions: what the simulation says of this machine, held against what was measured here, and
of machines with GPUs that nobody had."""

import os
from collections.abc import Mapping
from dataclasses import replace

from cases import USUAL
from floor import decoder_seconds, encoder_seconds
from measuring import Figures
from simulation import Costs, Machine, job, simulated
from table import tell

from lipsyncd.model.batch import batch_of

KNOWN = replace(USUAL, planned=True)
TOGETHER = [replace(USUAL, jobs=jobs) for jobs in (1, 2, 4, 8)]
# Assumed, since none was there: 15000 frames a second in passes of 128, and 2 ms for each pass.
GPU_FRAME, GPU_PASS = 1 / 15000, 0.002
LARGER = [(1, 16), (2, 32), (4, 64), (8, 128)]  # GPUs, cores
MINUTE = 60.0  # of voice, in each of as many jobs as there are cores


def can_predict(found: Mapping[str, Figures]) -> bool:
    """Whether the cases were measured that costs are taken from."""
    return {USUAL.name, KNOWN.name} <= {*found}


def costs_of(found: Mapping[str, Figures]) -> Costs:
    """What each stage takes of the processor here, by the cases of one job and by the floor."""
    frames, usual, known = USUAL.seconds * 25, found[USUAL.name], found[KNOWN.name]
    encode, fetch = encoder_seconds(USUAL.lines, 18, "veryfast"), decoder_seconds(USUAL.lines)
    rest = known["CPU, renders"] / frames - encode - fetch
    plan = (usual["CPU, renders"] - known["CPU, renders"]) / frames
    each = known["CPU, generator"] / frames
    return Costs(max(plan, 0.0), fetch, rest, encode, each, batch=batch_of(0, "cpu"), threads=2)


def predicted(found: Mapping[str, Figures]) -> Figures:
    """The rate of each case that was measured, as a share of what the simulation says of it."""
    costs, cores = costs_of(found), len(os.sched_getaffinity(0))
    told = {}
    for case in TOGETHER:
        if case.name in found:
            jobs = [job(case.seconds)] * case.jobs
            said = simulated(jobs, Machine(cores, 1, case.jobs), costs)
            told[f"{case.name}: measured, of what is predicted"] = (
                found[case.name]["fps"] / said.fps
            )
    return told


def elsewhere(found: Mapping[str, Figures]) -> Figures:
    """Frames a second on machines with GPUs, by the costs of this one's cores."""
    costs = replace(costs_of(found), each=GPU_FRAME, fixed=GPU_PASS, threads=0)
    told = {}
    for gpus, cores in LARGER:
        said = simulated([job(MINUTE)] * cores, Machine(cores, gpus, cores), costs)
        busy = ", ".join(f"{name} {share:.0%} busy" for name, share in said.busy.items())
        tell(f"{gpus} GPUs, {cores} cores: {said.fps:.0f} fps; {said.bound} bind ({busy})")
        told[f"{gpus} GPUs, {cores} cores"] = said.fps
    return told

"""40 beams whose simulation takes 5 s, on 8 slots over `ssh x slurm`, beside the same 40 jobs handed to sbatch at once.

`python -m benchmarks.makespan [ROUNDS]`, as root with Slurm and OpenSSH's server; 6 rounds unless said. Ours includes
preprocessing, upload, download and verification; the shell loop only computes. What counts is the ratio of the two mean
makespans of one run. Slurm starts jobs at its own ticks of a second: each of the five waves of jobs waits up to one, by
luck, so that the shell loop alone takes from 26.7 to 30.2 s, and the ratio of a single round says little.
"""

from __future__ import annotations

import asyncio
import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

from mqi_tui.domain.status import BeamStatus
from tests.cluster.cluster import Cluster, temporary_cluster
from tests.support.clusters import hpc_settings
from tests.support.site import Site

CASES, BEAMS = 8, 5
GPUS = 8
SIMULATION_SECONDS = 5
QUEUE_AHEAD = GPUS
"""Jobs that may wait in Slurm's queue. All beams take the same 5 s, so that all GPUs come free together; at the default
of 2, six of them would wait for the next question to Slurm each time."""
VOXELS = (20, 20, 175)
"""Of the small phantom that the test sites use."""


@dataclass(frozen=True)
class Outcome:
    makespan: float
    """Seconds from the first job's hand-over to the end of the last; ours from the dispatch to the record of the last
    completed beam, which is up to half a second before a screen shows it."""
    busy: float
    """Share of the makespan that the GPUs computed, 0 to 1."""


def simulation(template: Path, times: Path) -> str:
    """A line of sh that takes 5 s of a GPU, leaves a dose file and notes when it ran."""
    note = f"date +%s.%N >>{shlex.quote(str(times))}/$SLURM_JOB_ID"
    return f"{note}; sleep {SIMULATION_SECONDS}; cp {shlex.quote(str(template))} dose.raw; {note}"


def busy_share(times: Path, makespan: float) -> float:
    spans = [[float(word) for word in path.read_text().split()] for path in times.iterdir()]
    if len(spans) != CASES * BEAMS or any(len(span) != 2 for span in spans):
        raise SystemExit(f"{len(spans)} jobs ran, expected {CASES * BEAMS}, each with a beginning and an end")
    return sum(end - begin for begin, end in spans) / (GPUS * makespan)


def shell_loop(cluster: Cluster, folder: Path, line: str, times: Path) -> Outcome:
    folder.mkdir()
    times.mkdir()
    begin = time.monotonic()
    for number in range(CASES * BEAMS):
        place = folder / str(number)
        place.mkdir()
        cluster.run("sbatch", "--gres=gpu:1", f"--chdir={place}", "--output=/dev/null", f"--wrap={line}")
    while cluster.run("squeue", "-h").stdout.strip():
        time.sleep(0.1)
    makespan = time.monotonic() - begin
    return Outcome(makespan, busy_share(times, makespan))


async def ours(cluster: Cluster, folder: Path, line: str, times: Path) -> tuple[Outcome, float, float]:
    """Also the program's own CPU time as a share of one core, and its largest memory in MiB."""
    await asyncio.to_thread(times.mkdir)
    site = Site.make(folder)
    hpc = hpc_settings(cluster, "ssh", "slurm", folder / "far")
    site.configure(
        scan={"interval_seconds": 3.0},  # the default; tests look more often
        hpc=hpc | {"poll_interval_seconds": 0.25, "gpu_count": GPUS, "slurm": {"queue_ahead": QUEUE_AHEAD}},
        engine={"command": ["sh", "-c", line], "setup_lines": []},
    )
    site.add_cases(CASES, beams=BEAMS, layers=3)
    me = psutil.Process()
    async with site.engine() as engine:
        while len(engine.snapshot.cases) < CASES:  # noqa: ASYNC110  (the engine has no event for it)
            await asyncio.sleep(0.1)
        begin, cpu = datetime.now(UTC), sum(me.cpu_times()[:2])
        for case in engine.snapshot.cases:
            await engine.dispatch(case.case_id)
        memory = 0
        while not all(beam.status is BeamStatus.COMPLETED for case in engine.snapshot.cases for beam in case.beams):
            memory = max(memory, me.memory_info().rss)
            _stop_at_failures([beam.error for case in engine.snapshot.cases for beam in case.beams])
            await asyncio.sleep(0.1)
        end = max(beam.updated_at for case in engine.snapshot.cases for beam in case.beams)
        makespan = (end - begin).total_seconds()
        share = (sum(me.cpu_times()[:2]) - cpu) / makespan
    return Outcome(makespan, busy_share(times, makespan)), share, memory / 2**20


def _stop_at_failures(errors: Sequence[str | None]) -> None:
    failed = [error for error in errors if error]
    if failed:
        raise SystemExit(f"a beam failed: {failed[0]}")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    by_loop, by_us = list[float](), list[float]()
    with temporary_cluster() as cluster, TemporaryDirectory(prefix="mqi-makespan-") as name:
        template = Path(name, "template.raw")
        np.ones(VOXELS, "<f8").tofile(template)
        for number in range(rounds):
            folder = Path(name, str(number))
            folder.mkdir()
            loop_times, our_times = folder / "times-loop", folder / "times-ours"
            loop = shell_loop(cluster, folder / "loop", simulation(template, loop_times), loop_times)
            mine, cpu, memory = asyncio.run(ours(cluster, folder / "site", simulation(template, our_times), our_times))
            by_loop.append(loop.makespan)
            by_us.append(mine.makespan)
            print(f"sbatch in a shell loop: {loop.makespan:6.1f} s, GPUs busy {loop.busy:.0%}")
            print(f"mqi-tui:                {mine.makespan:6.1f} s, GPUs busy {mine.busy:.0%}; ", end="")
            print(f"the program itself: {cpu:.0%} of one core, {memory:.0f} MiB")
            print(f"ratio of this round:    {mine.makespan / loop.makespan:6.3f}", flush=True)
    print(f"means of {rounds} rounds: {statistics.mean(by_loop):.1f} s and {statistics.mean(by_us):.1f} s, ", end="")
    print(f"ratio {statistics.mean(by_us) / statistics.mean(by_loop):.3f}")


if __name__ == "__main__":
    main()

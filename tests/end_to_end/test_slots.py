"""GPU slots as the jobs themselves saw them: each job writes down when it ran and on which GPU."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

from tests.support.site import Site, all_beams, wait_for

RECORDING_ENGINE = (
    "import json, os, subprocess, sys, time; from pathlib import Path; "
    "from mqi_tui.moqui.tps_input import TpsInput; "
    "begin = time.monotonic(); closed = Path(sys.argv[2]); "
    "list(map(lambda _: time.sleep(0.05), iter(closed.exists, False))); time.sleep(0.5); "
    "code = subprocess.run([sys.executable, '-m', 'mqi_tui.builtin.simulation', sys.argv[1]]).returncode; "
    "record = dict(gpu=int(TpsInput.read(Path(sys.argv[1])).get('GPUID')), environment=os.environ['MQI_GPU_ID'], "
    "begin=begin, end=time.monotonic()); "
    "Path(sys.argv[1]).with_name('job.json').write_text(json.dumps(record)); sys.exit(code)"
)
"""The built-in engine, which writes down when it ran and on which GPU; it waits while the gate (a file) is closed."""


@dataclass(frozen=True)
class JobTimes:
    beam_id: str
    gpu: int
    begin: float
    end: float

    def overlaps(self, other: JobTimes) -> bool:
        return self.begin < other.end and other.begin < self.end


def jobs_of(site: Site) -> list[JobTimes]:
    """By begin, from what the jobs wrote in their run folders."""
    jobs = []
    for path in site.remote.rglob("run-*/job.json"):
        record = json.loads(path.read_text())
        assert str(record["gpu"]) == record["environment"]
        jobs.append(JobTimes(path.parent.parent.name, record["gpu"], record["begin"], record["end"]))
    return sorted(jobs, key=lambda job: job.begin)


def most_at_once(jobs: list[JobTimes]) -> int:
    return max(sum(other.begin <= job.begin < other.end for other in jobs) for job in jobs)


def prepare(site: Site, *, cases: int, beams: int, slots: int, workers: int) -> Path:
    """Cases and a config with the recording engine; returns the gate, which is open."""
    gate = site.folder / "closed"
    site.configure(
        hpc={"gpu_count": slots},
        engine={"command": ["{python}", "-c", RECORDING_ENGINE, "{tps_file}", str(gate)]},
        max_workers=workers,
    )
    site.add_cases(cases, beams=beams, layers=3)
    return gate


def test_forty_beams_never_run_more_than_eight_at_once_and_no_two_on_one_gpu(site: Site) -> None:
    prepare(site, cases=8, beams=5, slots=8, workers=8)
    answer = site.run("run", "--headless", "--dispatch-all", "--until-idle", timeout=240)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    jobs = jobs_of(site)
    assert len({job.beam_id for job in jobs}) == len(jobs) == 40
    assert 2 <= most_at_once(jobs) <= 8
    assert {job.gpu for job in jobs} <= set(range(8))
    for one, other in itertools.combinations(jobs, 2):
        assert one.gpu != other.gpu or not one.overlaps(other), (one, other)


async def test_with_two_slots_the_cases_take_turns(site: Site) -> None:
    # One worker: the beams come into the queue case by case, so that first come, first served alone would be unfair.
    gate = prepare(site, cases=3, beams=4, slots=2, workers=1)
    gate.touch()
    async with site.engine(auto_dispatch=True) as engine:
        await wait_for(engine, lambda snapshot: len(snapshot.queue) == 10)
        gate.unlink()
        await wait_for(engine, lambda snapshot: len(all_beams(snapshot)) == 12 and snapshot.is_idle)
        assert engine.snapshot.all_completed
        # Not by the jobs' own times: two that are handed over one after the other may begin in either order.
        granted = [event for event in engine.snapshot.events if event.message.startswith("has GPU slot")]
    assert most_at_once(jobs_of(site)) <= 2
    order = [event.case_id for event in granted]
    assert sorted(filter(None, order)) == sorted([f"SAMPLE-000{number}" for number in (1, 2, 3)] * 4)
    # The first two slots went to the case that came first.
    for place in range(3, len(order)):
        served = {case: order[: place + 1].count(case) for case in set(order)}
        behind = min(count for count in served.values())
        assert max(served.values()) - behind <= 3, (place, order)
    # Two slots that are free at once are taken in either order.
    assert len(set(order[2:6])) == 3, order

"""GPU slots as the jobs themselves saw them: each job writes down when it ran and on which GPU."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass

from tests.support.site import Site

RECORDING_ENGINE = (
    "import json, os, subprocess, sys, time; from pathlib import Path; "
    "from mqi_tui.moqui.tps_input import TpsInput; "
    "begin = time.monotonic(); time.sleep(0.5); "
    "code = subprocess.run([sys.executable, '-m', 'mqi_tui.builtin.simulation', sys.argv[1]]).returncode; "
    "record = dict(gpu=int(TpsInput.read(Path(sys.argv[1])).get('GPUID')), environment=os.environ['MQI_GPU_ID'], "
    "begin=begin, end=time.monotonic()); "
    "Path(sys.argv[1]).with_name('job.json').write_text(json.dumps(record)); sys.exit(code)"
)


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


def run_all(site: Site, *, cases: int, beams: int, slots: int) -> list[JobTimes]:
    site.configure(
        hpc={"gpu_count": slots}, engine={"command": ["{python}", "-c", RECORDING_ENGINE, "{tps_file}"]}, max_workers=8
    )
    site.add_cases(cases, beams=beams, layers=3)
    answer = site.run("run", "--headless", "--dispatch-all", "--until-idle", timeout=240)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return jobs_of(site)


def test_forty_beams_never_run_more_than_eight_at_once_and_no_two_on_one_gpu(site: Site) -> None:
    jobs = run_all(site, cases=8, beams=5, slots=8)
    assert len({job.beam_id for job in jobs}) == len(jobs) == 40
    assert 2 <= most_at_once(jobs) <= 8
    assert {job.gpu for job in jobs} <= set(range(8))
    for one, other in itertools.combinations(jobs, 2):
        assert one.gpu != other.gpu or not one.overlaps(other), (one, other)


def test_with_two_slots_no_case_waits_while_another_has_had_two_turns_more(site: Site) -> None:
    jobs = run_all(site, cases=3, beams=4, slots=2)
    assert most_at_once(jobs) <= 2
    order = [job.beam_id.rsplit("_", 1)[0] for job in jobs]
    cases = sorted(set(order))
    # Preprocessing and upload take their time at first: a case counts from when its first beam was in the queue.
    for place in range(len(order)):
        served = {case: order[: place + 1].count(case) for case in cases}
        unfinished = {case: count for case, count in served.items() if count < 4}
        if place >= 5 and unfinished:
            assert max(served.values()) - min(unfinished.values()) <= 2, (place, order)

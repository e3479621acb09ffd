"""The same way of a beam over all four pairs of transport and scheduler, on real sshd and Slurm."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster
from tests.support.clusters import hpc_settings
from tests.support.site import Site

pytestmark = pytest.mark.cluster

PAIRS = [("local", "direct"), ("local", "slurm"), ("ssh", "direct"), ("ssh", "slurm")]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run_all(site: Site, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, transport: str, scheduler: str) -> None:
    if transport == "local":
        for name, value in cluster.environment.items():
            monkeypatch.setenv(name, value)
    site.configure(hpc=hpc_settings(cluster, transport, scheduler, site.remote))
    answer = site.run("run", "--headless", "--dispatch-all", "--until-idle", timeout=240)
    assert (answer.returncode, answer.stderr) == (0, ""), answer.stdout + answer.stderr


def check_results(site: Site) -> None:
    """Every beam is completed by one attempt, its dose is the remote file, and nothing remote is gone."""
    beams = site.beams()
    assert {(beam["status"], beam["attempt"]) for beam in beams.values()} == {("completed", 1)}
    for beam_id, beam in beams.items():
        case_id = beam_id.removesuffix(f"_{beam['beam_name']}")
        remote = site.remote / case_id / beam_id
        (raw,) = remote.glob("run-001/*.raw")
        result = Path(beam["result_path"])
        assert sha256(raw) == sha256(result)
        logs = len((site.cases / case_id / beam["beam_name"] / "PlanRange.txt").read_text().splitlines()) - 1
        assert len(list(remote.glob("*.csv"))) == logs
        assert (remote / "moqui_tps.in").is_file()
        log = remote / "run-001" / "simulation.log"
        assert log.read_bytes() == (result.parent / "simulation.log").read_bytes() != b""


@pytest.mark.parametrize(("transport", "scheduler"), PAIRS)
def test_the_beams_of_a_case_are_completed(
    site: Site, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, transport: str, scheduler: str
) -> None:
    (case,) = site.add_cases(1, beams=3, layers=3)
    case.rename(case.with_name("DOE^JOHN [QA] 한글 $(id)"))
    run_all(site, cluster, monkeypatch, transport, scheduler)
    assert len(site.beams()) == 3
    check_results(site)


def test_three_cases_of_five_beams_over_ssh_and_slurm_are_fifteen_jobs_by_their_own_names(
    site: Site, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add_cases(3, beams=5, layers=3)
    run_all(site, cluster, monkeypatch, "ssh", "slurm")
    check_results(site)
    beams = site.beams()
    assert len(beams) == 15
    record = cluster.run("squeue", "-h", "-t", "all", "-o", "%A %T %j").stdout
    for beam_id, beam in beams.items():
        assert re.findall(rf"^(\d+) (\w+) moqui_{re.escape(beam_id)}$", record, re.MULTILINE) == [
            (beam["hpc_job_id"], "COMPLETED")
        ]

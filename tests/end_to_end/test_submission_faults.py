"""Faults at random while jobs are handed over: every beam is computed exactly once, and none is lost.

MQI_TUI_SUBMISSIONS sets how many beams there are (a multiple of 5; 30 by default).
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import psutil
import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.daemons import Daemon
from tests.support.clusters import hpc_settings
from tests.support.site import Site

pytestmark = pytest.mark.cluster

SUBMISSIONS = int(os.environ.get("MQI_TUI_SUBMISSIONS", "30"))
BEAMS = 5
MOST_FAULTS = SUBMISSIONS // 2
"""Then it is left alone: what is in doubt is looked up, which takes a time without faults."""
FREEZE_SECONDS = 15.0
ENGINE = 'echo once >>computed; sleep 0.3; cp "$0" dose.raw'
INTERPRETER = 'cp "$0"/*.csv "$1"'


def make_cases(site: Site) -> None:
    """Copies of one case, interpreted once beforehand: it is the hand-over that is tried here."""
    (case,) = site.add_cases(1, beams=BEAMS, layers=3)
    templates = site.folder / "templates"
    template_site = Site.make(site.folder / "once")
    shutil.copytree(case, template_site.cases / case.name)
    answer = template_site.run("run", "--headless", "--dispatch-all", "--until-idle")
    assert answer.returncode == 0, answer.stdout
    for beam_id, beam in template_site.beams().items():
        shutil.copytree(
            template_site.folder / "state/work" / case.name / beam_id / "input", templates / beam["beam_name"]
        )
    shutil.rmtree(template_site.folder)
    for number in range(2, SUBMISSIONS // BEAMS + 1):
        shutil.copytree(case, site.cases / f"COPY-{number:03d}")
    np.ones((175, 20, 20), "<f8").tofile(site.folder / "template.raw")


def configure(site: Site, cluster: Cluster) -> None:
    site.configure(
        hpc=hpc_settings(cluster, "ssh", "slurm", site.remote),
        engine={"command": ["sh", "-c", ENGINE, str(site.folder / "template.raw")], "setup_lines": []},
        interpreter={"command": ["sh", "-c", INTERPRETER, str(site.folder / "templates/{beam_name}"), "{output_dir}"]},
        max_workers=8,
    )


class Faults:
    """One fault after the other, by chance; each is made good before the next."""

    def __init__(self, cluster: Cluster, seed: int) -> None:
        self._cluster = cluster
        self._chance = random.Random(seed)
        self.made = dict.fromkeys(("sbatch killed", "controller frozen", "connection cut", "program killed"), 0)

    def make_one(self, program: subprocess.Popen[bytes]) -> None:
        kind = self._chance.choices(list(self.made), weights=(6, 1, 3, 3))[0]
        self.made[kind] += 1
        match kind:
            case "sbatch killed":
                self._kill_an_sbatch()
            case "controller frozen":
                self._cluster.freeze(Daemon.CTLD)
                time.sleep(FREEZE_SECONDS)
                self._cluster.thaw(Daemon.CTLD)
            case "connection cut":
                self._cluster.drop_connections()
            case _:
                program.kill()

    def _kill_an_sbatch(self) -> None:
        """The next sbatch that is seen within a second; there may be none."""
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            for process in psutil.process_iter(["name"]):
                if process.info["name"] == "sbatch" and process.pid in self._cluster.processes():
                    # It may have come to its end meanwhile, as most do at once: then another one is looked for.
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
                        return


def test_every_beam_is_computed_exactly_once_whatever_happens_to_its_submission(site: Site, cluster: Cluster) -> None:
    make_cases(site)
    configure(site, cluster)
    faults = Faults(cluster, seed=SUBMISSIONS)
    command = site.command("run", "--headless", "--dispatch-all", "--until-idle")
    log = site.folder / "output.txt"
    deadline = time.monotonic() + 120 + 4 * SUBMISSIONS
    finished = False
    while not finished:
        with log.open("ab") as output, subprocess.Popen(command, stdout=output, stderr=output) as program:
            while program.poll() is None:
                assert time.monotonic() < deadline, log.read_text()[-4000:]
                try:
                    program.wait(timeout=1.5)
                except subprocess.TimeoutExpired:
                    if sum(faults.made.values()) < MOST_FAULTS:
                        faults.make_one(program)
            finished = program.returncode != -9
            assert program.returncode in {0, -9}, log.read_text()[-4000:]

    print(faults.made, file=sys.stderr)
    beams = site.beams()
    assert len(beams) == SUBMISSIONS
    assert {beam["status"] for beam in beams.values()} == {"completed"}
    assert {gpu["beam_id"] for gpu in site.status()["gpus"]} == {None}
    computed: dict[str, str] = {}
    for path in site.remote.rglob("run-*/computed"):
        beam_id = path.parent.parent.name
        computed[beam_id] = computed.get(beam_id, "") + path.read_text()
    assert computed == dict.fromkeys(beams, "once\n")
    claims = [path.parent.parent.name for path in site.remote.rglob("run-*/claim")]
    assert sorted(claims) == sorted(beams)
    assert cluster.run("squeue", "-h").stdout == ""
    assert sum(faults.made.values()) > 0

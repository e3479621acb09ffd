"""`mqi-tui doctor` as a person or a script runs it."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from mqi_tui.workflow.doctor.folders import PROBE_NAME
from tests.cluster.cluster import Cluster
from tests.cluster.daemons import Daemon
from tests.support.site import Site


def doctor(site: Site, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        site.command("doctor", *arguments),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env=os.environ | environment,
    )


def as_json(answer: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in json.loads(answer.stdout)["checks"]}


def test_a_fresh_site_has_nothing_that_fails(site: Site) -> None:
    answer = doctor(site)
    assert (answer.returncode, answer.stderr) == (0, "")
    *lines, summary = answer.stdout.splitlines()
    assert all(line.startswith(("✓ ok", "! warning")) for line in lines), answer.stdout
    assert all(" -> " in line for line in lines if line.startswith("!"))
    assert summary.startswith(f"{len(lines)} checks: ")


def test_what_fails_has_a_line_with_a_remedy_and_exit_code_1(site: Site) -> None:
    site.configure(interpreter={"command": ["/nowhere/mqi_interpreter"]})
    answer = doctor(site)
    assert answer.returncode == 1
    (line,) = [line for line in answer.stdout.splitlines() if line.startswith("✗")]
    assert line.startswith("✗ failed  interpreter: /nowhere/mqi_interpreter is not there -> ")
    assert "1 failed" in answer.stdout.splitlines()[-1]


def test_json_says_the_same_for_programs(site: Site) -> None:
    site.configure(interpreter={"command": ["/nowhere/mqi_interpreter"]})
    answer = doctor(site, "--json")
    assert answer.returncode == 1
    checks = as_json(answer)
    assert checks["config"]["outcome"] == "ok"
    assert checks["interpreter"]["outcome"] == "failed"
    assert all(set(check) == {"name", "outcome", "sentence", "remedy"} for check in checks.values())


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_config_that_cannot_be_used_is_exit_code_2(site: Site, arguments: tuple[str, ...]) -> None:
    site.config_path.write_text("hpc: {transprot: ssh}\n")
    answer = doctor(site, *arguments)
    assert (answer.returncode, answer.stderr) == (2, "")
    assert "transprot" in answer.stdout


def test_without_a_config_it_says_which_one_it_looked_for(site: Site) -> None:
    site.config_path.unlink()
    answer = doctor(site)
    assert answer.returncode == 2
    assert str(site.config_path) in answer.stdout


def test_text_from_outside_cannot_reach_the_terminals_controls(site: Site) -> None:
    site.configure(hpc={"gpu_readings": {"command": ["sh", "-c", r"printf '\033[2Jgone\007'; exit 3"]}})
    answer = doctor(site)
    assert "\x1b" not in answer.stdout
    assert "\x07" not in answer.stdout
    assert "gone" in answer.stdout


async def test_it_runs_beside_the_program_and_leaves_it_alone(site: Site) -> None:
    async with site.engine():
        answer = doctor(site)
        assert answer.returncode == 0, answer.stdout
        assert site.status()["cases"] == []
    assert (site.folder / "state" / PROBE_NAME).is_file()


# On a real cluster


def on_login_node(site: Site, cluster: Cluster, **slurm: str) -> dict[str, dict[str, Any]]:
    site.configure(hpc={"scheduler": "slurm", "slurm": slurm})
    return as_json(doctor(site, "--json", **cluster.environment))


@pytest.mark.cluster
def test_a_real_slurm_is_looked_at_to_its_compute_node(site: Site, cluster: Cluster) -> None:
    checks = on_login_node(site, cluster)
    wrong = [check for check in checks.values() if check["outcome"] in {"failed", "skipped"}]
    assert not wrong
    assert "partition" in checks["Slurm options"]["sentence"]
    assert "has 8 of gpu:1" in checks["gres"]["sentence"]
    assert "a job ran on" in checks["compute node"]["sentence"]
    assert "is found by a job" in checks["mqi_simulation"]["sentence"]


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("slurm", "name"),
    [({"partition": "nope"}, "Slurm options"), ({"gres": "tpu:1"}, "gres"), ({"gres": "gpu:9"}, "gres")],
)
def test_options_that_a_real_slurm_does_not_take_are_found_out(
    site: Site, cluster: Cluster, slurm: dict[str, str], name: str
) -> None:
    checks = on_login_node(site, cluster, **slurm)
    assert checks["Slurm options"]["outcome"] == "failed"
    assert checks[name]["outcome"] == "failed"
    assert checks["compute node"]["sentence"] == "not looked at: it needs Slurm options"


@pytest.mark.cluster
def test_a_controller_that_is_away_is_one_failure(site: Site, cluster: Cluster) -> None:
    cluster.stop(Daemon.CTLD)
    checks = on_login_node(site, cluster)
    assert [name for name, check in checks.items() if check["outcome"] == "failed"] == ["Slurm controller"]

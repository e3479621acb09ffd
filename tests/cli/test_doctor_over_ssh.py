"""The doctor looks at a cluster over a real SSH connection, and asks nobody anything."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.daemons import Daemon
from tests.support.site import Site

pytestmark = pytest.mark.cluster


def over_ssh(site: Site, cluster: Cluster, scheduler: str = "slurm", **ssh: Any) -> dict[str, dict[str, Any]]:
    usual = {
        "host": cluster.ssh_host,
        "port": cluster.ssh_port,
        "user": cluster.ssh_user,
        "identity_files": [str(cluster.client_key)],
        "known_hosts": str(cluster.known_hosts),
        "config_files": [],
        "connect_timeout_seconds": 5,
    }
    place = {"remote_root": str(site.remote), "python": sys.executable}
    site.configure(hpc={"transport": "ssh", "scheduler": scheduler, "ssh": usual | ssh, **place})
    answer: subprocess.CompletedProcess[str] = site.run("doctor", "--json")
    assert answer.stderr == ""
    return {check["name"]: check for check in json.loads(answer.stdout)["checks"]}


@pytest.mark.parametrize("scheduler", ["direct", "slurm"])
def test_a_site_that_is_right_has_nothing_to_mend(site: Site, cluster: Cluster, scheduler: str) -> None:
    checks = over_ssh(site, cluster, scheduler)
    assert not [check for check in checks.values() if check["outcome"] in {"failed", "skipped"}]
    assert "answers in" in checks["HPC connection"]["sentence"]
    assert checks["SSH files"]["outcome"] == "ok"


def test_a_host_key_that_nobody_has_accepted_is_the_one_failure(site: Site, cluster: Cluster, tmp_path: Path) -> None:
    known_hosts = tmp_path / "known_hosts"
    checks = over_ssh(site, cluster, known_hosts=str(known_hosts))
    assert [name for name, check in checks.items() if check["outcome"] == "failed"] == ["HPC connection"]
    assert "SHA256:" in checks["HPC connection"]["sentence"] + checks["HPC connection"]["remedy"]
    assert not known_hosts.exists()


def test_a_key_that_the_host_does_not_know_is_the_one_failure(site: Site, cluster: Cluster, tmp_path: Path) -> None:
    key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    checks = over_ssh(site, cluster, identity_files=[str(key)])
    assert [name for name, check in checks.items() if check["outcome"] == "failed"] == ["HPC connection"]


def test_a_host_that_does_not_answer_is_given_up(site: Site, cluster: Cluster) -> None:
    cluster.freeze(Daemon.SSHD)
    started = time.monotonic()
    checks = over_ssh(site, cluster)
    assert checks["HPC connection"]["outcome"] == "failed"
    assert checks["Slurm commands"]["sentence"] == "not looked at: it needs HPC connection"
    assert time.monotonic() - started < 60

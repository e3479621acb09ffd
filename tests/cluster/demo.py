"""`make demo-slurm`: the full-screen program on synthetic cases, against a cluster that lives as long as it does."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

import yaml

from mqi_tui.builtin.sample import make_cases
from tests.cluster.cluster import Cluster
from tests.cluster.guard import guarded
from tests.cluster.layout import ClusterError, Layout

_CASES = 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.demo", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where config, cases, results and the cluster are")
    parser.add_argument("--headless", action="store_true", help="run all cases without a screen, and end when idle")
    parser.add_argument("--transport", choices=("ssh", "local"), default="ssh", help="local: as on a login node")
    options = parser.parse_args()
    # A terminal that is closed must not leave a cluster behind.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        return _run(options.folder.absolute(), transport=options.transport, headless=options.headless)
    except ClusterError as error:
        print(f"demo-slurm: {error}", file=sys.stderr)
        return 1


def _run(folder: Path, *, transport: str, headless: bool) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    place = _cluster_folder(folder)
    with guarded(place, remove=False), Cluster.up(place, accounting=True) as cluster:
        config = folder / "config.yaml"
        config.write_text(
            "# Written anew by each `make demo-slurm`: the cluster's port is another one each time.\n"
            + yaml.safe_dump(demo_settings(cluster, folder / "hpc", transport), sort_keys=False)
        )
        cases = folder / "cases"
        if not cases.exists():
            make_cases(cases, cases=_CASES, beams=None, layers=None, faulty=False, seed=1)
        print(f"cluster up: ssh -F {cluster.layout.ssh}/config cluster", flush=True)
        run = ["run", "--headless", "--dispatch-all", "--until-idle"] if headless else ["run"]
        command = [sys.executable, "-m", "mqi_tui", *run, "--config", str(config)]
        code = subprocess.call(command, env=os.environ | cluster.environment)
    print("cluster down; what the demo made stays in", folder)
    return code


def demo_settings(cluster: Cluster, remote_root: Path, transport: str = "ssh") -> dict[str, Any]:
    """The config of a site whose cluster this is; everything else has its default."""
    return {
        "hpc": {
            "transport": transport,
            "scheduler": "slurm",
            "remote_root": str(remote_root),
            "gpu_count": cluster.settings.options.gpus,
            # The built-in engine is in the environment of this program, and the cluster is this machine.
            "python": sys.executable,
            "ssh": {
                "host": cluster.ssh_host,
                "port": cluster.ssh_port,
                "user": cluster.ssh_user,
                "identity_files": [str(cluster.client_key)],
                "known_hosts": str(cluster.known_hosts),
                "config_files": [],
            },
            "slurm": {"partition": "main", "time_limit": "00:30:00", "gres": "gpu:1"},
        }
    }


def _cluster_folder(folder: Path) -> Path:
    """In the demo's folder, unless its path is one that the daemons cannot work with."""
    inside = folder / "cluster"
    try:
        Layout(inside).check()
    except ClusterError:
        return Path(tempfile.mkdtemp(prefix="mqi-cluster-", dir="/tmp"))
    return inside


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())

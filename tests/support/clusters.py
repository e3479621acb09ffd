"""The settings by which a test site works with a test cluster, for each way to get there and each who runs the jobs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from tests.cluster.cluster import Cluster


def hpc_settings(cluster: Cluster, transport: str, scheduler: str, remote_root: Path) -> dict[str, Any]:
    """The config's `hpc` section; the remote root is on this machine, which the cluster is as well."""
    return {
        "transport": transport,
        "scheduler": scheduler,
        "remote_root": str(remote_root),
        "python": sys.executable,
        "ssh": {
            "host": cluster.ssh_host,
            "port": cluster.ssh_port,
            "user": cluster.ssh_user,
            "identity_files": [str(cluster.client_key)],
            "known_hosts": str(cluster.known_hosts),
            "config_files": [],
        },
    }


def environment(cluster: Cluster) -> dict[str, str]:
    """What a program on the cluster's login node has in its environment."""
    return os.environ | cluster.environment

"""What this machine must have before a cluster can be brought up on it."""

from __future__ import annotations

import os
import shutil
import sys

PROGRAMS_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where the daemons and Slurm's commands are, whatever the PATH of the one who asks."""

PROGRAMS = {
    "slurmctld": "slurm-wlm",
    "slurmd": "slurm-wlm",
    "sbatch": "slurm-wlm",
    "munged": "munge",
    "sshd": "openssh-server",
    "ssh-keygen": "openssh-client",
    "setsid": "util-linux",
    "csh": "tcsh",
    "slurmdbd": "slurmdbd",
    "mariadbd": "mariadb-server",
}
"""Each program, and the Debian package it comes in."""

NO_CLUSTER = "no test cluster here: "
"""How the reason of a skipped cluster test begins; the Makefile knows it too."""


def missing_programs() -> tuple[str, ...]:
    """The programs of a cluster (accounting included) that are not installed."""
    return tuple(name for name in PROGRAMS if not shutil.which(name, path=PROGRAMS_PATH))


def why_no_cluster() -> str:
    """Why no cluster can be brought up here; empty if one can."""
    if sys.platform != "linux":
        return f"{NO_CLUSTER}it needs Linux"
    if missing := missing_programs():
        packages = " ".join(sorted({PROGRAMS[name] for name in missing}))
        return f"{NO_CLUSTER}{', '.join(missing)} not installed (apt-get install {packages})"
    if os.geteuid() != 0:
        return f"{NO_CLUSTER}it needs root"
    return ""

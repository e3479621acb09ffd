"""How the place where simulations run is called."""

from __future__ import annotations

from mqi_tui.config.hpc_settings import HpcSettings
from mqi_tui.ui.language import _


def cluster_words(hpc: HpcSettings) -> str:
    """The cluster in a person's words: `hpc.example.org · Slurm`."""
    where = hpc.ssh.host if hpc.transport == "ssh" else _("this machine")
    return f"{where} · Slurm" if hpc.scheduler == "slurm" else where

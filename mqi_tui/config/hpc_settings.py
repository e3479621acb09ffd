"""The settings of the place where the simulations run: transport, scheduler, and what each of them needs."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator

from mqi_tui.config.section import Section
from mqi_tui.config.templates import RemoteFolderTemplate
from mqi_tui.config.values import (
    NAMES_A_PROGRAM_OR_NONE,
    Line,
    PathText,
    Seconds,
    number,
    option_word,
    whole_number,
)

OptionalWord = Annotated[str, AfterValidator(option_word)]


class SshSettings(Section):
    """How to get to the HPC when `transport` is `ssh`."""

    host: str = ""
    """Its address, or a name in an OpenSSH config; needed when the transport is ssh."""
    port: Annotated[int, whole_number(0, 65535)] = 0
    """0: what the OpenSSH config says, else 22."""
    user: str = ""
    """Empty: what the OpenSSH config says, else the user here."""
    config_files: tuple[str, ...] = ("~/.ssh/config",)
    """OpenSSH configs (Host, ProxyJump, Match, Include ...); those that are not there are passed over."""
    identity_files: tuple[str, ...] = ()
    """Private keys; empty: those of the OpenSSH config, the agent, and the usual ones in ~/.ssh."""
    known_hosts: PathText = "~/.ssh/known_hosts"
    """Where the host keys are that a person has accepted; a host that is not in it is asked about."""
    connect_timeout_seconds: Seconds = 15.0
    """After this time a try to connect has failed."""
    keepalive_seconds: Seconds = 15.0
    """Pause between two signs of life; a connection that gives none for four of them is lost."""


class SlurmSettings(Section):
    """What each job asks of Slurm when `scheduler` is `slurm`; an empty value leaves the option out."""

    partition: OptionalWord = ""
    """The partition (queue) for the jobs."""
    account: OptionalWord = ""
    """The account that the jobs are charged to."""
    qos: OptionalWord = ""
    """The quality of service that the jobs ask for."""
    time_limit: OptionalWord = ""
    """The longest that a job may take, as sbatch takes it, e.g. 02:00:00."""
    memory: OptionalWord = ""
    """The memory of its node that a job may use, as sbatch takes it, e.g. 16G."""
    cpus: Annotated[int, whole_number(0, 4096)] = 0
    """CPUs a job; 0 leaves it to Slurm."""
    gres: OptionalWord = "gpu:1"
    """The GPU that a job asks for."""
    constraint: OptionalWord = ""
    """Features that the node must have."""
    reservation: OptionalWord = ""
    """The reservation in which the jobs run."""
    extra_lines: tuple[Line, ...] = ()
    """Further `#SBATCH` lines, without the `#SBATCH`."""
    queue_ahead: Annotated[int, whole_number(0, 64)] = 2
    """How many jobs more than `gpu_count` may be with Slurm, to wait in its own queue, so that no GPU waits for us.
    If `gpu_count` is less than what the cluster has, Slurm may start them at once: 0 keeps strictly to `gpu_count`."""


class GpuReadingSettings(Section):
    """Where utilisation, memory, temperature and power of the GPUs come from."""

    where: Literal["host", "job"] = "host"
    """Who runs the command: we, on the machine to which the transport leads; or each job, where it computes, which is
    the default for scheduler slurm, for a login node sees no GPU."""
    command: Annotated[tuple[Line, ...], NAMES_A_PROGRAM_OR_NONE] = (
        "nvidia-smi",
        "--query-gpu=index,uuid,utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw",
        "--format=csv,noheader,nounits",
    )
    """Prints a line a GPU; empty: no readings."""
    interval_seconds: Seconds = 5.0
    """Pause between two readings."""


class StorageSettings(Section):
    """Looking after the room on the disks; the program itself deletes nothing."""

    interval_seconds: Seconds = 600.0
    """Pause between two looks at the size of the program's folders and the free space."""
    warn_below_gb: Annotated[float, number("a number of GB of at least 0", at_least=0)] = 5.0
    """Less free space than this (10^9 bytes), on the HPC or for results, is shown as a warning; 0: never."""


class HpcSettings(Section):
    """The place where the simulations run."""

    transport: Literal["local", "ssh"] = "local"
    """How files and commands get there."""
    scheduler: Literal["direct", "slurm"] = "direct"
    """Who runs the jobs."""
    remote_root: PathText = "hpc"
    """Root of the program's folders there, absolute for transport ssh; the program deletes nothing in it, ever."""
    beam_folder: RemoteFolderTemplate = "{remote_root}/{case_id}/{beam_id}"
    """The beam's own folder there."""
    gpu_count: Annotated[int, whole_number(1, 1024)] = 8
    """GPU slots shared by all beams; at most one job on each. `slurm.queue_ahead` adds to them."""
    poll_interval_seconds: Seconds = 1.0
    """Pause between two questions for the state of all jobs."""
    exit_record_grace_seconds: Seconds = 5.0
    """After this time a job that is gone without an exit record counts as lost."""
    python: Line = sys.executable
    """Python there, for `{python}` in `engine.command`; for transport ssh by default the `python3` of its PATH."""
    gpu_readings: GpuReadingSettings = GpuReadingSettings()
    storage: StorageSettings = StorageSettings()
    ssh: SshSettings = SshSettings()
    slurm: SlurmSettings = SlurmSettings()

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_place(cls, values: object) -> object:
        if not isinstance(values, dict):
            return values
        if values.get("transport") == "ssh":
            values = {"python": "python3"} | values
        if values.get("scheduler") == "slurm":
            readings = values.get("gpu_readings")
            if readings is None or isinstance(readings, dict):
                values = values | {"gpu_readings": {"where": "job"} | (readings or {})}
        return values

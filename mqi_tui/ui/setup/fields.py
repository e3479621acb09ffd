"""What the set-up asks for: the place where simulations run, and for each place its settings with their meaning."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from mqi_tui.config import Settings
from mqi_tui.config.source import KeyPath, dotted

_DEFAULTS = Settings()


@dataclass(frozen=True, slots=True)
class Field:
    """One setting as a line of text; `meaning` is shown beside it, and becomes its comment in the file."""

    key: KeyPath
    meaning: str
    default: str = ""
    """What is there without a line in the file."""
    example: str = ""
    is_needed: bool = False
    """There is no default that could be right: it is always written."""

    @property
    def name(self) -> str:
        return dotted(self.key)

    @property
    def label(self) -> str:
        """The last part of the key in words."""
        return self.key[-1].replace("_", " ")

    def parse(self, text: str) -> object:
        """The value of the key; raises ValueError with what was expected instead."""
        if self.key == IDENTITY:
            return [text]
        if self.key == ENGINE:
            try:
                return shlex.split(text)
            except ValueError:
                raise ValueError("a command whose quotes are closed") from None
        return text


IDENTITY: KeyPath = ("hpc", "ssh", "identity_files")
ENGINE: KeyPath = ("engine", "command")

_FOLDERS = (
    Field(
        ("scan_directory",),
        "Where new case folders appear: one folder a case, its sub-folders with logs are its beams.",
        str(_DEFAULTS.scan_directory),
    ),
    Field(("result_path",), "Where verified dose files come home.", str(_DEFAULTS.result_path)),
    Field(
        ("state_directory",),
        "Database, log and working files of the program; on a local disk, no network share.",
        str(_DEFAULTS.state_directory),
    ),
)
_SSH = (
    Field(
        ("hpc", "ssh", "host"),
        "The cluster's login node: its address, or a name in ~/.ssh/config.",
        example="login.cluster.example",
        is_needed=True,
    ),
    Field(("hpc", "ssh", "user"), "Your name there; empty: what ~/.ssh/config says, else your name here."),
    Field(("hpc", "ssh", "port"), "0: what ~/.ssh/config says, else 22.", str(_DEFAULTS.hpc.ssh.port)),
    Field(
        IDENTITY,
        "Your private key; empty: those of ~/.ssh/config, the agent's, and the usual ones in ~/.ssh.",
        example="~/.ssh/id_ed25519",
    ),
    Field(
        ("hpc", "remote_root"),
        "The program's folder there: an absolute path, on a disk that the compute nodes share and that has room. "
        "Nothing in it is ever deleted.",
        example="/scratch/NAME/mqi-tui",
        is_needed=True,
    ),
)
_SLURM = (
    Field(("hpc", "slurm", "partition"), "Slurm's partition for the jobs; empty: the cluster's default."),
    Field(("hpc", "slurm", "account"), "The account that the jobs are charged to; empty: the cluster's default."),
    Field(
        ("hpc", "slurm", "gres"),
        "The GPU that each job asks for, as sbatch takes it.",
        _DEFAULTS.hpc.slurm.gres,
    ),
)
_COMPUTING = (
    Field(
        ("hpc", "gpu_count"),
        "GPUs there that all beams share; at most one job on each.",
        str(_DEFAULTS.hpc.gpu_count),
    ),
    Field(
        ENGINE,
        "mqi_simulation and its arguments, in each job. The default is the built-in engine, which is no clinical "
        "program and needs mqi-tui installed there.",
        " ".join(_DEFAULTS.engine.command),
    ),
)


@dataclass(frozen=True, slots=True)
class _Way:
    title: str
    meaning: str
    fields: Sequence[Field]
    ways: Mapping[KeyPath, tuple[str, str]]
    """Keys that follow from the choice itself: what each means, and its value."""


_TRANSPORT = ("How files and commands get there: local or ssh.", "ssh")


class Place(Enum):
    """Where simulations run."""

    EMBEDDED = _Way(
        "This machine",
        "Everything runs here, with the built-in dose engine, which is no clinical program. For trying it out; "
        "nothing else is needed.",
        _FOLDERS,
        {},
    )
    SLURM = _Way(
        "A cluster over SSH, with Slurm",
        "Files and jobs go to a login node over SSH; Slurm gives each job its GPU.",
        (*_FOLDERS, *_SSH, *_SLURM, *_COMPUTING),
        {
            ("hpc", "transport"): _TRANSPORT,
            ("hpc", "scheduler"): ("Who runs the jobs: direct (they are processes there) or slurm.", "slurm"),
        },
    )
    MACHINE = _Way(
        "Another machine over SSH, without a batch system",
        "Files and jobs go to a GPU machine over SSH; the program gives each job its GPU.",
        (*_FOLDERS, *_SSH, *_COMPUTING),
        {("hpc", "transport"): _TRANSPORT},
    )

    @property
    def title(self) -> str:
        return self.value.title

    @property
    def meaning(self) -> str:
        return self.value.meaning

    @property
    def fields(self) -> Sequence[Field]:
        return self.value.fields

    @property
    def given(self) -> Mapping[KeyPath, tuple[str, str]]:
        """Keys that follow from the place itself: the meaning and the value of each."""
        return self.value.ways

    @property
    def is_remote(self) -> bool:
        return bool(self.given)

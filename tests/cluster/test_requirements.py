"""What a machine lacks for a cluster is said by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cluster import requirements
from tests.cluster.layout import ClusterError, Layout
from tests.cluster.requirements import NO_CLUSTER, PROGRAMS, missing_programs, why_no_cluster


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all programs of a cluster, the only one that is searched."""
    for name in PROGRAMS:
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setattr(requirements, "PROGRAMS_PATH", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


def test_with_every_program_and_as_root_there_is_no_reason_to_skip(programs: Path) -> None:
    assert missing_programs() == ()
    assert why_no_cluster() == ""


def test_what_is_missing_is_named_with_its_packages(programs: Path) -> None:
    (programs / "slurmd").unlink()
    (programs / "sshd").unlink()

    assert missing_programs() == ("slurmd", "sshd")
    assert why_no_cluster() == (f"{NO_CLUSTER}slurmd, sshd not installed (apt-get install openssh-server slurm-wlm)")


def test_another_user_than_root_and_another_system_are_told_so(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert why_no_cluster() == f"{NO_CLUSTER}it needs root"
    monkeypatch.setattr("sys.platform", "darwin")
    assert why_no_cluster() == f"{NO_CLUSTER}it needs Linux"


def test_the_makefile_knows_the_reason() -> None:
    makefile = Path(__file__).parents[2] / "Makefile"

    assert f'message="{NO_CLUSTER.strip()}' in makefile.read_text()


@pytest.mark.parametrize("folder", ["/tmp/" + "x" * 81, "/tmp/with space", "/tmp/a%b", "relative"])  # noqa: S108
def test_folders_that_the_daemons_cannot_work_with_are_refused(folder: str) -> None:
    with pytest.raises(ClusterError, match="the path of a cluster"):
        Layout(Path(folder)).check()

"""Where the GPUs are read follows from who runs the jobs, until it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqi_tui.config import load_config
from mqi_tui.domain.errors import ConfigError


def write(folder: Path, hpc: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(f"hpc:\n{hpc}", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("hpc", "where"),
    [
        ("  scheduler: direct\n", "host"),
        ("  scheduler: slurm\n", "job"),
        ("  scheduler: slurm\n  gpu_readings:\n", "job"),
        ("  scheduler: slurm\n  gpu_readings: {interval_seconds: 10}\n", "job"),
        ("  scheduler: slurm\n  gpu_readings: {where: host}\n", "host"),
        ("  scheduler: direct\n  gpu_readings: {where: job}\n", "job"),
    ],
)
def test_a_login_node_is_not_asked_for_gpus_by_default(tmp_path: Path, hpc: str, where: str) -> None:
    readings = load_config(write(tmp_path, hpc)).settings.hpc.gpu_readings
    assert readings.where == where
    assert readings.command[0] == "nvidia-smi"
    assert readings.interval_seconds == (10 if "interval" in hpc else 5)


def test_what_follows_from_another_setting_counts_as_a_default(tmp_path: Path) -> None:
    sources = {
        setting.name: setting.source for setting in load_config(write(tmp_path, "  scheduler: slurm\n")).effective()
    }
    assert sources["hpc.gpu_readings.where"] == "default"


@pytest.mark.parametrize("scheduler", ["direct", "slurm"])
def test_another_place_is_refused(tmp_path: Path, scheduler: str) -> None:
    path = write(tmp_path, f"  scheduler: {scheduler}\n  gpu_readings:\n    where: node\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value) == f"{path}:4: hpc.gpu_readings.where: found 'node', expected 'host' or 'job'."


def test_readings_that_are_no_section_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "  scheduler: slurm\n  gpu_readings: job\n")
    with pytest.raises(ConfigError, match=r":3: hpc.gpu_readings: found 'job', expected a section"):
        load_config(path)

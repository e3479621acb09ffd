"""What each setting that is in force means, wherever the user has put it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqi_tui.config import parse_config
from mqi_tui.config.meaning import explained, meaning_of

OWN = """\
machines:
  gantry: {gantry: 1, time_gain_ms: 6e-2, x_offset: -1, y_offset: 1.5, x_gain_mm: 0.5, y_gain_mm: 2}
engine:
  parameters: {command: x}
  dose_grid: {voxels: [4, 5, 6], voxel_mm: [1, 2, 2.5], lower_edges_mm: [-2, -5, 0]}
keys:
  filter: [f]
"""


@pytest.mark.parametrize("text", ["", OWN], ids=["defaults", "own"])
def test_every_setting_has_a_meaning_on_one_line(text: str) -> None:
    found = list(explained(parse_config(Path("/data/config.yaml"), text)))
    assert len(found) > 70
    assert [one.setting.name for one in found if not one.meaning or "\n" in one.meaning] == []


@pytest.mark.parametrize(
    ("key", "begins"),
    [
        ("scan_directory", "Where case folders appear."),
        ("scan.max_depth", "How deep below"),
        ("hpc.slurm.gres", "The GPU that a job asks for."),
        ("machines.G1.x_offset", "Raw x of the position 0 mm."),
        ("machines.gantry.time_gain_ms", "Milliseconds from one row"),
        ("machines.gantry.gantry", "Number of the gantry"),
        ("engine.parameters.command", "Keys of `moqui_tps.in` that the interpreter"),
        ("engine.parameters", "Keys of `moqui_tps.in` that the interpreter"),
        ("engine.dose_grid", "The grid of the raw dose file"),
        ("engine.dose_grid.voxels", "How many there are."),
        ("keys.filter", "Keys of the screen by the name"),
    ],
)
def test_what_is_named_by_the_user_means_what_holds_it_means(key: str, begins: str) -> None:
    assert meaning_of(tuple(key.split("."))).startswith(begins)

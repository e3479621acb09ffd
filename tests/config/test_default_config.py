"""The default config: complete, true to the program's own defaults, and the same in every place where it stands."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from pathlib import Path

import pytest

from mqi_tui.config import DEFAULT_CONFIG, EngineSettings, Settings, load_config
from mqi_tui.config.places import with_absolute_paths
from mqi_tui.ui.keymap import actions_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def default_path(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(DEFAULT_CONFIG, encoding="utf-8")
    return path


def test_the_config_at_the_top_of_the_project_is_the_default_config_byte_for_byte() -> None:
    assert (ROOT / "config.yaml").read_bytes() == (ROOT / "mqi_tui" / "config" / "default.yaml").read_bytes()


def test_the_default_config_holds_every_setting_but_those_that_follow_from_others(default_path: Path) -> None:
    by_default = [setting.name for setting in load_config(default_path).effective() if setting.source == "default"]
    assert by_default == ["hpc.python", "hpc.gpu_readings.where"]
    assert re.search(r"^  # python: ", DEFAULT_CONFIG, flags=re.MULTILINE)
    assert re.search(r"^    # where: ", DEFAULT_CONFIG, flags=re.MULTILINE)


def test_the_example_of_keys_in_the_default_config_can_be_used(tmp_path: Path) -> None:
    example = re.search(r"^#   (keys:\n(?:#     .*\n)+)", DEFAULT_CONFIG, flags=re.MULTILINE)
    assert example
    path = tmp_path / "config.yaml"
    path.write_text(example[1].replace("#   ", ""), encoding="utf-8")
    config = load_config(path)
    assert len(config.settings.keys) == 3
    assert actions_of(config)


def test_the_default_config_says_exactly_what_the_program_does_without_one(default_path: Path) -> None:
    assert load_config(default_path).settings == with_absolute_paths(Settings(), default_path.parent)


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.touch()
    config = load_config(path)
    assert config.settings == with_absolute_paths(Settings(), tmp_path)
    assert {setting.source for setting in config.effective()} == {"default"}


@pytest.mark.parametrize("text", ["# nothing but a comment\n", "---\n", "scan:\nhpc:\n  # gpu_count: 2\nretry: {}\n"])
def test_a_section_or_file_with_everything_deleted_is_all_defaults(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    assert load_config(path).settings == with_absolute_paths(Settings(), tmp_path)


def test_settings_cannot_be_changed_not_even_deep_inside(default_path: Path) -> None:
    settings = load_config(default_path).settings
    for section, field in (
        (settings, "max_workers"),
        (settings.scan, "max_depth"),
        (settings.machines["G1"], "gantry"),
    ):
        with pytest.raises(ValueError, match="frozen"):
            setattr(section, field, 1)
    for mapping in (settings.machines, settings.engine.parameters, settings.engine.run_parameters):
        assert not isinstance(mapping, MutableMapping)


def test_equal_settings_are_the_same_key_of_a_mapping(default_path: Path) -> None:
    assert {load_config(default_path).settings: 1}[load_config(default_path).settings] == 1
    other = EngineSettings(parameters={"Scorer": "Let"})
    assert hash(other) != hash(EngineSettings())
    assert other != EngineSettings()

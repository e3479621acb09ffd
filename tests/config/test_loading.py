"""Reading a good config: what its values become, and where each came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mqi_tui.config import DEFAULT_CONFIG, Config, Settings, load_config, parse_config
from mqi_tui.domain.engine_formats import CsvLayout
from mqi_tui.domain.errors import ConfigError

HERE_AND_THERE = """\
result_path: dose
scan:
  ignore:
    - .*
    - tmp
  auto_dispatch: True
machines:
  한글: {gantry: 1, time_gain_ms: 6e-2, x_offset: -1, y_offset: +1.5, x_gain_mm: .5, y_gain_mm: 2.}
interpreter: {csv_layout: rows}
engine:
  setup_lines: [module load cuda]
  parameters: {}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


@pytest.fixture(scope="module")
def shared_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One place for all the examples of a property; each writes the file anew."""
    return tmp_path_factory.mktemp("config") / "config.yaml"


def load(path: Path, text: str) -> Config:
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def test_values_have_the_types_of_their_settings(path: Path) -> None:
    found = load(path, HERE_AND_THERE).settings
    assert found.scan.ignore == (".*", "tmp")
    assert found.scan.auto_dispatch is True
    assert found.interpreter.csv_layout is CsvLayout.ROWS
    machine = found.machines["한글"]
    assert (machine.time_gain_ms, machine.x_offset, machine.y_offset) == (0.06, -1.0, 1.5)
    assert (machine.x_gain_mm, machine.y_gain_mm) == (0.5, 2.0)


def test_a_mapping_in_the_file_replaces_the_default_one_whole(path: Path) -> None:
    found = load(path, HERE_AND_THERE).settings
    assert list(found.machines) == ["한글"]
    assert found.engine.parameters == {}
    assert found.engine.run_parameters == Settings().engine.run_parameters


@pytest.mark.parametrize(
    "word", ["4", "010", "0x1F", "1_000", "1e3", "2.50", "yes", "on", "No", "True", "12:30", "2025-01-01", "=", ".inf"]
)
def test_a_word_of_a_command_and_a_key_of_the_engine_stay_as_they_are_written(word: str, path: Path) -> None:
    found = load(path, f"engine:\n  command: [moqui, {word}]\n  parameters: {{Scorer: {word}}}\n").settings.engine
    assert found.command == ("moqui", word)
    assert found.parameters == {"Scorer": word}


def test_doubled_braces_are_braces_and_no_placeholder(path: Path) -> None:
    found = load(path, "engine:\n  setup_lines: ['echo ${{HOME}}']\n").settings
    assert found.engine.setup_lines == ("echo ${{HOME}}",)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbfscan:\r\n  max_depth: 2\r\nmax_workers: 3\r\n")
    found = load_config(path)
    assert (found.settings.scan.max_depth, found.settings.max_workers) == (2, 3)
    assert found.lines["max_workers",] == 3


def test_effective_tells_each_setting_once_with_where_it_came_from(path: Path) -> None:
    config = load(path, HERE_AND_THERE)
    effective = list(config.effective())
    keys = [setting.name for setting in effective]
    assert sorted(keys) == sorted(set(keys))
    told = {setting.name: (setting.value, setting.source) for setting in effective}
    assert told["result_path"] == (f'"{path.parent / "dose"}"', f"{path}:1")
    assert told["scan.ignore"] == ('[".*", "tmp"]', f"{path}:3")
    assert told["scan.auto_dispatch"] == ("true", f"{path}:6")
    assert told["scan.max_depth"] == ("3", "default")
    assert told["machines.한글.gantry"] == ("1", f"{path}:8")
    assert told["interpreter.csv_layout"] == ('"rows"', f"{path}:9")
    assert told["engine.setup_lines"] == ('["module load cuda"]', f"{path}:11")
    assert told["engine.parameters"] == ("{}", f"{path}:12")
    assert told["engine.run_parameters.GPUID"] == ('"{gpu_id}"', "default")
    assert told["postprocessing.command"] == ("[]", "default")


@pytest.mark.parametrize("text", ["", HERE_AND_THERE, DEFAULT_CONFIG], ids=["empty", "here and there", "default"])
def test_what_effective_tells_is_a_config_with_the_same_settings(text: str, path: Path) -> None:
    config = load(path, text)
    again = load(path, as_config(config))
    assert again.settings == config.settings
    assert all(setting.line for setting in again.effective())


words = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0{}"), max_size=20)


@given(command=st.lists(words.filter(bool), min_size=1, max_size=4), value=words)
@settings(deadline=None, max_examples=50)
def test_any_text_comes_through_the_file_and_effective_unchanged(
    command: list[str], value: str, shared_path: Path
) -> None:
    written = {"engine": {"command": command, "parameters": {"Scorer": value}}}
    config = load(shared_path, yaml.safe_dump(written))
    again = load(shared_path, as_config(config))
    for found in (config.settings.engine, again.settings.engine):
        assert found.command == tuple(command)
        assert found.parameters == {"Scorer": value}


noise = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace")),
    st.sampled_from(
        [b"\t", b":", b"- ", b"{", b"}", b"[", b"'", b'"', b"*a", b"&a ", b"!!set ", b"? ", b"|\n", b"<<: ", b"\n"]
    ),
)


@given(start=st.integers(0, len(DEFAULT_CONFIG)), length=st.integers(0, 20), noise=noise)
@settings(deadline=None, max_examples=100)
def test_noise_in_a_config_is_refused_with_the_file_named_or_does_no_harm(
    start: int, length: int, noise: bytes, shared_path: Path
) -> None:
    data = DEFAULT_CONFIG.encode()
    shared_path.write_bytes(data[:start] + noise + data[start + length :])
    try:
        load_config(shared_path)
    except ConfigError as error:
        for line in str(error).splitlines():
            assert line.startswith(str(shared_path))
            assert ": found " in line
            assert ", expected " in line


WRONG_KINDS: dict[str, Any] = {
    "nothing": None,
    "text": "\x07",
    "no text": "",
    "number": -1,
    "switch": True,
    "list": [[]],
    "section": {"a": {"b": "c"}},
}


@pytest.mark.parametrize("kind", WRONG_KINDS)
def test_any_kind_of_value_at_any_key_is_taken_or_refused_in_plain_words(kind: str, path: Path) -> None:
    refused = 0
    for key in every_key(yaml.safe_load(DEFAULT_CONFIG), ()):
        values: dict[str, Any] = yaml.safe_load(DEFAULT_CONFIG)
        section = values
        for part in key[:-1]:
            section = section[part]
        section[key[-1]] = WRONG_KINDS[kind]
        try:
            load(path, yaml.safe_dump(values))
        except ConfigError as error:
            refused += 1
            message = str(error)
            assert message.startswith(f"{path}:"), message
            assert f": {'.'.join(key)}" in message
            assert ": found " in message
            assert ", expected " in message
            for jargon in (
                "Input should",
                "Value error",
                "valid dictionary",
                "instance of",
                "None",
                "dict",
                "tuple",
                "string",
            ):
                assert jargon not in message
    assert refused


def test_an_error_found_later_names_the_same_place(path: Path) -> None:
    config = load(path, "engine:\n  parameters:\n    Scorrer: Dose\n")
    error = config.error(("engine", "parameters", "Scorrer"), "Scorrer", "a key that the engine knows")
    assert str(error) == f"{path}:3: engine.parameters.Scorrer: found 'Scorrer', expected a key that the engine knows."


def test_an_error_about_a_default_names_the_nearest_section_or_the_file(path: Path) -> None:
    config = load(path, "engine:\n  profile: mgh\n")
    assert str(config.error(("engine", "raw_name"), "x", "y")).startswith(f"{path}:1: engine.raw_name: ")
    assert str(config.error(("hpc", "gpu_count"), 3, "4")) == f"{path}: hpc.gpu_count: found 3, expected 4."


def every_key(values: dict[str, Any], above: tuple[str, ...]) -> list[tuple[str, ...]]:
    keys: list[tuple[str, ...]] = []
    for name, value in values.items():
        keys.append((*above, name))
        if isinstance(value, dict):
            keys += every_key(value, (*above, name))
    return keys


def as_config(config: Config) -> str:
    """The lines of `effective` as a config file, nested as their keys say."""
    top: dict[str, Any] = {}
    for setting in config.effective():
        section = top
        *above, name = setting.key
        for part in above:
            section = section.setdefault(part, {})
        section[name] = json.loads(setting.value)
    return yaml.safe_dump(top)


def test_the_dose_grid_of_an_engine_without_phantom_keys_can_be_given(path: Path) -> None:
    text = "engine:\n  dose_grid: {voxels: [4, 5, 6], voxel_mm: [1, 2, 2.5], lower_edges_mm: [-2, -5, 0]}\n"
    grid = load(path, text).settings.engine.dose_grid
    assert grid is not None
    assert (grid.voxels, grid.voxel_mm, grid.lower_edges_mm) == ((4, 5, 6), (1, 2, 2.5), (-2, -5, 0))


@pytest.mark.parametrize(
    ("grid", "key", "expected"),
    [
        ("{voxels: [4, 5]}", "voxels[3]", "found no such key"),
        ("{voxels: [4, 5, 6, 7]}", "voxels", "expected a list of 3"),
        ("{voxels: [4, 0, 6]}", "voxels[2]", "expected a whole number from 1 to 100000"),
        ("{voxel: [4, 5, 6]}", "voxel", "expected voxels (did you mean that?)"),
        ("7", "", "expected a section"),
    ],
)
def test_a_dose_grid_is_given_whole_or_refused(path: Path, grid: str, key: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(path, f"engine:\n  dose_grid: {grid}\n")
    place = f"engine.dose_grid.{key}".removesuffix(".")
    assert any(f"{place}: " in line and expected in line for line in str(caught.value).splitlines()), str(caught.value)


def test_a_text_is_judged_as_the_file_that_it_would_be_and_each_problem_knows_its_key(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "config.yaml"
    config = parse_config(path, "result_path: doses\n")
    assert config.settings.result_path == path.parent / "doses"
    assert config.path == path
    with pytest.raises(ConfigError) as caught:
        parse_config(path, "max_workers: none\nhpc:\n  ssh:\n    port: ten\n")
    assert [problem.key for problem in caught.value.problems] == [("max_workers",), ("hpc", "ssh", "port")]
    assert caught.value.problems[0].said == "found 'none', expected a whole number from 1 to 64."
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    with pytest.raises(ConfigError) as caught:
        parse_config(path, "max_workers: [\n")
    assert [problem.key for problem in caught.value.problems] == [()]
    assert not path.parent.exists()

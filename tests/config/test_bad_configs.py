"""Twenty and more bad configs: each gives one sentence with file, line, key, what was found and what is expected."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from mqi_tui.config import load_config
from mqi_tui.domain.errors import ConfigError


@dataclass(frozen=True)
class Bad:
    text: str
    line: int
    key: str
    found: str
    expected: str


BAD_VALUES = {
    "unknown key": Bad("max_werkers: 4\n", 1, "max_werkers", "an unknown key", "max_workers (did you mean that?)"),
    "unknown key in a section": Bad(
        "hpc:\n  gpus: 4\n",
        2,
        "hpc.gpus",
        "an unknown key",
        "one of transport, scheduler, remote_root, beam_folder, gpu_count, poll_interval_seconds, "
        "exit_record_grace_seconds, python",
    ),
    "unknown key of a machine": Bad(
        "machines:\n  G3:\n    gantry: 3\n    x_ofset: 1\n    time_gain_ms: 1\n    x_offset: 1\n    y_offset: 1\n"
        "    x_gain_mm: 1\n    y_gain_mm: 1\n",
        4,
        "machines.G3.x_ofset",
        "an unknown key",
        "x_offset (did you mean that?)",
    ),
    "merge key": Bad("scan:\n  <<: {max_depth: 2}\n", 2, "scan.<<", "an unknown key", "one of interval_seconds"),
    "missing key of a machine": Bad(
        "machines:\n  G3: {gantry: 3, x_offset: 1, y_offset: 1, x_gain_mm: 1, y_gain_mm: 1}\n",
        2,
        "machines.G3.time_gain_ms",
        "no such key",
        "one, for it has no default",
    ),
    "no machines": Bad("machines: {}\n", 1, "machines", "a section", "at least one entry"),
    "word for a number": Bad("\nmax_workers: four\n", 2, "max_workers", "'four'", "a whole number from 1 to 64"),
    "fraction for a whole number": Bad("max_workers: 4.5\n", 1, "max_workers", "'4.5'", "a whole number from 1 to 64"),
    "switch for a whole number": Bad("max_workers: yes\n", 1, "max_workers", "'yes'", "a whole number from 1 to 64"),
    "octal number": Bad("max_workers: 0o10\n", 1, "max_workers", "'0o10'", "a whole number from 1 to 64"),
    "clock time for a number": Bad("max_workers: 12:30\n", 1, "max_workers", "'12:30'", "a whole number from 1 to 64"),
    "date for a number": Bad("max_workers: 2025-01-01\n", 1, "max_workers", "'2025-01-01'", "a whole number from 1"),
    "too small": Bad("hpc:\n  gpu_count: 0\n", 2, "hpc.gpu_count", "'0'", "a whole number from 1 to 1024"),
    "too large": Bad("hpc: {gpu_count: 1025}\n", 1, "hpc.gpu_count", "'1025'", "a whole number from 1 to 1024"),
    "huge number": Bad(
        f"hpc:\n  gpu_count: {'9' * 5000}\n", 2, "hpc.gpu_count", "'999", "a whole number from 1 to 1024"
    ),
    "not a number": Bad(
        "scan:\n  interval_seconds: .nan\n", 2, "scan.interval_seconds", "'.nan'", "a number of seconds from 0.01 to"
    ),
    "infinite": Bad(
        "scan:\n  interval_seconds: inf\n", 2, "scan.interval_seconds", "'inf'", "a number of seconds from 0.01 to"
    ),
    "infinite by its exponent": Bad(
        "scan:\n  interval_seconds: 1e999\n", 2, "scan.interval_seconds", "'1e999'", "a number of seconds from 0.01 to"
    ),
    "no pause at all": Bad(
        "scan:\n  interval_seconds: 0\n", 2, "scan.interval_seconds", "'0'", "a number of seconds from 0.01 to 2592000"
    ),
    "negative quiet period": Bad(
        "scan:\n  quiet_period_seconds: -1\n",
        2,
        "scan.quiet_period_seconds",
        "'-1'",
        "a number of seconds from 0 to 2592000",
    ),
    "no gain": Bad(
        "machines:\n  G3: {gantry: 3, time_gain_ms: 1, x_offset: 1, y_offset: 1, x_gain_mm: 0, y_gain_mm: 1}\n",
        2,
        "machines.G3.x_gain_mm",
        "'0'",
        "a number above 0",
    ),
    "infinite offset": Bad(
        "machines:\n  G3: {gantry: 3, time_gain_ms: 1, x_offset: 1e999, y_offset: 1, x_gain_mm: 1, y_gain_mm: 1}\n",
        2,
        "machines.G3.x_offset",
        "'1e999'",
        "a number",
    ),
    "negative gain": Bad(
        "machines:\n  G3: {gantry: 3, time_gain_ms: -1, x_offset: 1, y_offset: 1, x_gain_mm: 1, y_gain_mm: 1}\n",
        2,
        "machines.G3.time_gain_ms",
        "'-1'",
        "a number above 0",
    ),
    "switch that is neither": Bad("scan:\n  auto_dispatch: on\n", 2, "scan.auto_dispatch", "'on'", "true or false"),
    "empty value": Bad("max_workers:\n", 1, "max_workers", "nothing", "a whole number from 1 to 64"),
    "null text": Bad("scan:\n  plan_pattern: ~\n", 2, "scan.plan_pattern", "nothing", "text"),
    "null path": Bad("scan_directory:\n", 1, "scan_directory", "nothing", "a path"),
    "word not of the list": Bad(
        "engine:\n  profile: moqui\n", 2, "engine.profile", "'moqui'", "'logfork', 'mgh' or 'custom'"
    ),
    "word not of the other list": Bad(
        "engine:\n  beam_enters: top\n", 2, "engine.beam_enters", "'top'", "'high-z' or 'low-z'"
    ),
    "word not of a short list": Bad("hpc:\n  transport: ftp\n", 2, "hpc.transport", "'ftp'", "'local' or 'ssh'"),
    "option of several words": Bad(
        "hpc:\n  slurm:\n    partition: a b\n", 3, "hpc.slurm.partition", "'a b'", "one word without blanks or quotes"
    ),
    "section for text": Bad(
        "scan:\n  plan_pattern: {case_id}\n",
        2,
        "scan.plan_pattern",
        "a section",
        "text (in quotes, if it begins with {",
    ),
    "list for a number": Bad("max_workers: [4]\n", 1, "max_workers", "a list", "a whole number from 1 to 64"),
    "text for a list": Bad("scan:\n  ignore: .*\n", 2, "scan.ignore", "'.*'", "a list, such as [one, two]"),
    "text for a section": Bad("hpc: local\n", 1, "hpc", "'local'", "a section of `key: value` lines"),
    "list for a section of names": Bad(
        "engine:\n  parameters: [1, 2]\n", 2, "engine.parameters", "a list", "a section of `key: value` lines"
    ),
    "no command": Bad(
        "engine:\n  command: []\n",
        2,
        "engine.command",
        "a list",
        "a program and its arguments, such as [program, argument]",
    ),
    "command without a program": Bad(
        'postprocessing:\n  command: [""]\n', 2, "postprocessing.command", "a list", "a program and its arguments"
    ),
    "section in a command": Bad(
        "interpreter:\n  command:\n    - interpreter\n    - {log_dir}\n",
        4,
        "interpreter.command[2]",
        "a section",
        "text (in quotes, if it begins with { or [)",
    ),
    "unknown placeholder in a command": Bad(
        'interpreter:\n  command:\n    - interpreter\n    - "{logdir}"\n',
        4,
        "interpreter.command[2]",
        "'{logdir}'",
        "only placeholders that are known here ({beam_id} {beam_name} {beam_path} {calibration} {case_id} {case_path} "
        "{config_dir} {csv_layout} {log_dir} {output_dir} {plan} {python} {staging_dir}), not {logdir}",
    ),
    "shell variable in braces": Bad(
        "engine:\n  setup_lines: ['cd ${HOME}']\n",
        2,
        "engine.setup_lines[1]",
        "'cd ${HOME}'",
        "only placeholders that are known here ({attempt} {beam_dir} {beam_id} {beam_name} {case_id} {gpu_id} {python} "
        "{run_dir} {tps_file}), not {HOME}; write {{ and }} for braces that are meant",
    ),
    "placeholder of the job where there is none": Bad(
        "engine:\n  parameters:\n    GPUID: '{gpu_id}'\n",
        3,
        "engine.parameters.GPUID",
        "'{gpu_id}'",
        "only placeholders that are known here ({beam_dir} {beam_id} {beam_name} {beam_number} {case_id} {gantry}), "
        "not {gpu_id}",
    ),
    "stray brace": Bad(
        "work_folder: 'work/{beam_id'\n",
        1,
        "work_folder",
        "'work/{beam_id'",
        "a plain name in each pair of braces, such as {beam_id}",
    ),
    "expression in braces": Bad(
        "work_folder: 'work/{beam_id!r}'\n",
        1,
        "work_folder",
        "'work/{beam_id!r}'",
        "a plain name in each pair of braces",
    ),
    "folder shared by beams": Bad(
        "result_folder: '{result_path}/{case_id}'\n",
        1,
        "result_folder",
        "'{result_path}/{case_id}'",
        "a folder for each beam: a part of the path with {beam_id} and no other placeholder",
    ),
    "folder that two beams can share": Bad(
        "result_folder: '{result_path}/{case_id}_{beam_name}'\n",
        1,
        "result_folder",
        "'{result_path}/{case_id}_{beam_name}'",
        "a folder for each beam",
    ),
    "folder that climbs": Bad(
        "result_folder: '{result_path}/../{beam_id}'\n",
        1,
        "result_folder",
        "'{result_path}/../{beam_id}'",
        "a path without ..",
    ),
    "root in the middle": Bad(
        "result_folder: 'a/{result_path}/{beam_id}'\n",
        1,
        "result_folder",
        "'a/{result_path}/{beam_id}'",
        "a path that begins with {result_path}",
    ),
    "remote folder outside its root": Bad(
        "hpc:\n  beam_folder: 'jobs/{beam_id}'\n",
        2,
        "hpc.beam_folder",
        "'jobs/{beam_id}'",
        "a path that begins with {remote_root}",
    ),
    "empty path": Bad(
        'scan_directory: ""\n', 1, "scan_directory", "''", "a path (not empty, without control characters"
    ),
    "Windows path in double quotes": Bad(
        'result_path: "D:\\results"\n',
        1,
        "result_path",
        r"'D:\results'",
        "a path (not empty, without control characters; with backslashes it needs single quotes)",
    ),
    "path of two lines": Bad(
        'result_path: "a\\nb"\n', 1, "result_path", r"'a\nb'", "a path (not empty, without control characters"
    ),
    "home of nobody": Bad(
        "hpc:\n  remote_root: ~no-such-user/hpc\n",
        2,
        "hpc.remote_root",
        "'~no-such-user/hpc'",
        "a path without ~, or the ~ of a user that is known here",
    ),
    "NUL character": Bad(
        'scan:\n  ready_marker: "a\\0b"\n',
        2,
        "scan.ready_marker",
        "the character U+0000",
        "text that a file name can hold",
    ),
    "half a character": Bad(
        'scan:\n  ready_marker: "\\ud800"\n',
        2,
        "scan.ready_marker",
        "the character U+D800",
        "text that a file name can hold",
    ),
    "file name with a folder": Bad(
        "engine:\n  raw_name: dose/output.raw\n",
        2,
        "engine.raw_name",
        "'dose/output.raw'",
        "a plain file name without folders",
    ),
    "pattern with a folder": Bad(
        'scan:\n  plan_pattern: "plan/*.dcm"\n',
        2,
        "scan.plan_pattern",
        "'plan/*.dcm'",
        'a pattern for file names without folders, such as "RP*.dcm"',
    ),
    "absolute pattern": Bad(
        'interpreter:\n  csv_pattern: "/tmp/*.csv"\n',
        2,
        "interpreter.csv_pattern",
        "'/tmp/*.csv'",
        "a pattern for files below that folder",
    ),
    "** within a name": Bad(
        'interpreter:\n  csv_pattern: "**.csv"\n',
        2,
        "interpreter.csv_pattern",
        "'**.csv'",
        "a pattern for files below that folder",
    ),
    "twice the same key": Bad(
        "max_workers: 1\n\nmax_workers: 2\n", 3, "max_workers", "it a second time (first in line 1)", "it once"
    ),
    "twice the same key in a section": Bad(
        "scan:\n  max_depth: 1\n  max_depth: 2\n", 3, "scan.max_depth", "it a second time (first in line 2)", "it once"
    ),
    "tag": Bad("max_workers: !!int 4\n", 1, "max_workers", "the tag !!int", "a plain value; leave the tag out"),
    "tag that runs code": Bad(
        "result_path: !!python/object/apply:os.system [ls]\n",
        1,
        "result_path",
        "the tag !!python/object/apply:os.system",
        "a plain value; leave the tag out",
    ),
    "first pause longer than the longest": Bad(
        "retry:\n  first_pause_seconds: 90\n  longest_pause_seconds: 30\n",
        3,
        "retry.longest_pause_seconds",
        "30.0",
        "at least retry.first_pause_seconds (90)",
    ),
}


@pytest.mark.parametrize("bad", BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_a_bad_value_is_refused_with_file_line_key_what_was_found_and_what_is_expected(
    bad: Bad, tmp_path: Path
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(bad.text, encoding="utf-8")
    message = _refusal_of(path)
    assert message.startswith(f"{path}:{bad.line}: {bad.key}: found {bad.found}")
    assert f", expected {bad.expected}" in message
    assert len(message.splitlines()) == 1


BAD_FILES = {
    "tab in the indentation": (b"scan:\n\tmax_depth: 2\n", 2, "a tab", "spaces"),
    "missing colon": (b"max_workers: 4\nscan\n  max_depth: 2\n", 3, "no valid YAML (", "check the indentation"),
    "two colons": (b"result_path: C: results\n", 1, "no valid YAML (mapping values", "check the indentation"),
    "unquoted placeholder": (
        b"result_folder: {result_path}/{beam_id}\n",
        1,
        "no valid YAML (",
        "the quotes (text that",
    ),
    "unclosed quote": (b'result_path: "results\n', 2, "no valid YAML (", "the quotes"),
    "unknown escape in double quotes": (
        b'result_path: "D:\\doses"\n',
        1,
        "a backslash in double quotes",
        "single quotes around a text with backslashes",
    ),
    "impossible character": (
        b'a: b\nresult_path: "\\UFFFFFFFF"\n',
        2,
        "an escape sequence that names no",
        "one that does",
    ),
    "list at the top": (b"- max_workers\n- 4\n", 1, "a list", "lines of the form `key: value` at the top level"),
    "text at the top": (b"\nhello\n", 2, "plain text", "lines of the form `key: value` at the top level"),
    "list as a key": (b"? [a, b]\n: c\n", 1, "a list before a colon", "the name of a key"),
    "nothing as a key": (b'"": c\n', 1, "nothing before a colon", "the name of a key"),
    "second document": (b"max_workers: 1\n---\nmax_workers: 2\n", 2, "a second document (---)", "one"),
    "alias": (b"result_path: &x results\nstate_directory: *x\n", 2, "an alias (*name)", "the value itself"),
    "alias of itself": (b"engine: &x\n  parameters: *x\n", 2, "an alias (*name)", "the value itself"),
    "anchor twice": (b"result_path: &x a\nstate_directory: &x b\n", 2, "no valid YAML (", "YAML"),
    "control character": (b"max_workers: 1\nresult_path: a\0b\n", 2, "the control character U+0000", "text without"),
    "not UTF-8": (
        b"max_workers: 1\nresult_path: M\xfcnchen\n",
        2,
        "the byte 0xfc",
        "UTF-8 text; save the file as UTF-8",
    ),
    "UTF-16": ("max_workers: 1\n".encode("utf-16"), 1, "the byte 0xff", "UTF-8 text; save the file as UTF-8"),
}


@pytest.mark.parametrize(("data", "line", "found", "expected"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_file_that_is_no_plain_yaml_is_refused_with_its_line(
    data: bytes, line: int, found: str, expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(data)
    message = _refusal_of(path)
    assert message.startswith(f"{path}:{line}: found {found}")
    assert re.search(f", expected .*{re.escape(expected)}", message)
    assert len(message.splitlines()) == 1


def test_a_billion_laughs_are_refused_before_they_are_expanded(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    levels = [f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 9)}]\n" for level in range(1, 30)]
    path.write_text("l0: &l0 laugh\n" + "".join(levels))
    assert _refusal_of(path).startswith(f"{path}:2: found an alias (*name), expected the value itself")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_endless_nesting_is_refused(opening: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(opening * 10_000)
    assert _refusal_of(path).startswith(
        f"{path}:1: found values nested more than 16 deep, expected two or three levels"
    )


def test_a_file_of_any_size_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.touch()
    os.truncate(path, 1 << 40)
    assert _refusal_of(path) == f"{path}: found more than 64 KiB, expected a config file, which is smaller."


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    assert _refusal_of(path) == (
        f"{path}: found no such file, expected a config file; make one with `mqi-tui init DIR`, or name one with "
        "--config FILE."
    )


def test_a_folder_in_place_of_the_file_says_which_file_is_probably_meant(tmp_path: Path) -> None:
    assert _refusal_of(tmp_path) == (
        f"{tmp_path}: found a folder, expected a file; perhaps {tmp_path / 'config.yaml'} is meant."
    )


def test_a_device_or_pipe_is_refused_unopened(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert _refusal_of(path) == f"{path}: found a device or pipe, expected a file."


def test_a_path_with_a_nul_character_is_refused() -> None:
    assert "found a character that no path may hold, expected a path." in _refusal_of(Path("a\0b"))


def test_every_mistake_is_told_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("retry: 3\nhpc:\n  gpu_count: many\n  python: ''\nmax_workers: 0\nscan: {max_dept: 1}\n")
    places = [line.split(": ")[:2] for line in _refusal_of(path).splitlines()]
    assert places == [
        [f"{path}:1", "retry"],
        [f"{path}:3", "hpc.gpu_count"],
        [f"{path}:4", "hpc.python"],
        [f"{path}:5", "max_workers"],
        [f"{path}:6", "scan.max_dept"],
    ]


def test_a_bad_item_is_one_mistake_and_not_another_of_its_list(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("engine:\n  command:\n    - '{nonsense}'\n")
    message = _refusal_of(path)
    assert message.startswith(f"{path}:3: engine.command[1]: found '{{nonsense}}'")
    assert len(message.splitlines()) == 1


def test_a_long_value_is_shown_in_part(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"max_workers: {'x' * 60_000}\n")
    assert len(_refusal_of(path)) < 500


def _refusal_of(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    return str(caught.value)

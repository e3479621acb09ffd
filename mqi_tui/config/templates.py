"""Templates with `{placeholders}`: which ones a setting may use is checked when the config is read."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping, Set
from typing import Annotated

from pydantic import AfterValidator

from mqi_tui.config.values import check_path

_FORMATTER = string.Formatter()
_SEPARATOR = re.compile(r"[/\\]")
_MEANT = "write {{ and }} for braces that are meant"


def placeholders_of(template: str) -> list[str]:
    """The names in braces, in their order; raises ValueError for stray braces or anything but a name in them."""
    try:
        fields = [field for field in _FORMATTER.parse(template) if field[1] is not None]
    except ValueError:
        fields = [("", "", "", "")]
    names = [name or "" for _, name, _, _ in fields]
    if not all(map(str.isidentifier, names)) or any(spec or conversion for _, _, spec, conversion in fields):
        raise ValueError(f"a plain name in each pair of braces, such as {{beam_id}}; {_MEANT}")
    return names


def fill(template: str, values: Mapping[str, object]) -> str:
    """The template with its placeholders replaced in one pass, so that braces inside values stay as they are."""
    return template.format_map(values)


def literal(text: str) -> str:
    """A template that gives `text`, whatever braces are in it."""
    return text.replace("{", "{{").replace("}", "}}")


_BEAM = frozenset({"case_id", "beam_id", "beam_name"})


def word_template(*names: str) -> AfterValidator:
    """A text in which only the placeholders of a beam and `names` stand."""

    def check(template: str) -> str:
        _check_placeholders(template, _BEAM | set(names))
        return template

    return AfterValidator(check)


def folder_template(*roots: str, needs_root: bool = False) -> AfterValidator:
    """A beam's folder: a path that may (or must) begin with a placeholder of `roots`, and differs for any two beams."""

    def check(template: str) -> str:
        _check_placeholders(template, _BEAM | set(roots))
        root, below = split_root(template, *roots)
        if not set(placeholders_of(below)).isdisjoint(roots) or (needs_root and not root):
            raise ValueError(f"a path that begins with {_in_braces(roots)}")
        check_path(template)
        parts = _SEPARATOR.split(below)
        if ".." in parts:
            raise ValueError("a path without ..")
        # With two names in one part, case A_B's beam C and case A's beam B_C would share a folder.
        alone = {names[0] for part in parts if len(names := placeholders_of(part)) == 1}
        if root != "beam_path" and "beam_id" not in alone and not alone >= {"case_id", "beam_name"}:
            raise ValueError("a folder for each beam: a part of the path with {beam_id} and no other placeholder")
        return template

    return AfterValidator(check)


def split_root(template: str, *roots: str) -> tuple[str, str]:
    """(the placeholder of `roots` with which the template begins, or nothing; the rest)."""
    for root in roots:
        below = template.removeprefix(f"{{{root}}}")
        if below != template and below[:1] in {"", "/", "\\"}:
            return root, below
    return "", template


def _check_placeholders(template: str, allowed: Set[str]) -> None:
    unknown = set(placeholders_of(template)) - allowed
    if unknown:
        known = _in_braces(allowed)
        raise ValueError(f"only placeholders that are known here ({known}), not {_in_braces(unknown)}; {_MEANT}")


def _in_braces(names: Iterable[str]) -> str:
    return " ".join(f"{{{name}}}" for name in sorted(names))


WorkFolderTemplate = Annotated[str, folder_template("work_directory", "beam_path")]
ResultFolderTemplate = Annotated[str, folder_template("result_path")]
RemoteFolderTemplate = Annotated[str, folder_template("remote_root", needs_root=True)]
InterpreterWord = Annotated[
    str,
    word_template(
        "python",
        "config_dir",
        "case_path",
        "beam_path",
        "staging_dir",
        "log_dir",
        "plan",
        "calibration",
        "output_dir",
        "csv_layout",
    ),
]
RunWord = Annotated[str, word_template("python", "beam_dir", "run_dir", "tps_file", "gpu_id", "attempt")]
ParameterWord = Annotated[str, word_template("beam_dir", "beam_number", "gantry")]
PostprocessingWord = Annotated[
    str, word_template("python", "config_dir", "case_path", "beam_path", "raw_file", "result_dir")
]

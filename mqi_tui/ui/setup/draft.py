"""What was typed, as the text of a config, and what the config's own checks say to it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from mqi_tui.config import Config, parse_config
from mqi_tui.config.source import KeyPath, dotted
from mqi_tui.domain.errors import ConfigError
from mqi_tui.ui.language import _
from mqi_tui.ui.setup.fields import Field, Place

_HEAD = """\
# mqi-tui's configuration: what differs from the defaults.
# Relative paths are relative to this file. `mqi-tui init DIR` writes
# a config with every key, `mqi-tui config` prints what is in force.
"""
_WIDTH = 68


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft that was looked at."""

    text: str
    """What would be written."""
    config: Config | None
    """What it means; None if something is wrong."""
    problems: Mapping[KeyPath, str] = field(default_factory=dict)
    """By the key of the field, what is wrong with it; by () what concerns no field."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A place, and what was typed into its fields; a field that is not in `typed` is at its default."""

    place: Place
    typed: Mapping[KeyPath, str]

    def check(self, path: Path) -> Checked:
        """As a config at `path`. Blocking: it looks at the folders' places."""
        values: dict[KeyPath, tuple[str, object]] = dict(self.place.given)
        problems: dict[KeyPath, str] = {}
        for one in self.place.fields:
            typed = self.typed.get(one.key, one.default)
            if typed == one.default and not one.is_needed:
                continue
            if not typed and one.is_needed:
                problems[one.key] = _("It is empty, and there is no default for it.")
            try:
                values[one.key] = (one.meaning, one.parse(typed))
            except ValueError as error:
                problems[one.key] = f"found {typed!r}, expected {error}."
        text = _HEAD + "".join(f"{line}\n" for line in _lines(_nested(values), ""))
        try:
            config = parse_config(path, text)
        except ConfigError as error:
            for problem in error.problems:
                owner = self._owner(problem.key)
                said = problem.said if owner or not problem.key else f"{dotted(problem.key)}: {problem.said}"
                problems.setdefault(owner.key if owner else (), said)
            return Checked(text, None, problems)
        return Checked(text, None if problems else config, problems)

    def _owner(self, key: KeyPath) -> Field | None:
        """The field whose value, or a part of it, is at `key`."""
        return next((one for one in self.place.fields if key[: len(one.key)] == one.key), None)


_Section = dict[str, "tuple[str, object] | _Section"]


def _nested(values: Mapping[KeyPath, tuple[str, object]]) -> _Section:
    """By section; in each of them the values stand before the sections, as they do in a config."""
    top: _Section = {}
    for key, value in sorted(values.items(), key=lambda item: len(item[0])):
        section = top
        for part in key[:-1]:
            below = section.setdefault(part, {})
            assert isinstance(below, dict)  # noqa: S101  (no setting is a section as well)
            section = below
        section[key[-1]] = value
    return top


def _lines(section: _Section, indent: str) -> Iterator[str]:
    for name, value in section.items():
        if isinstance(value, dict):
            yield f"{indent}{name}:"
            yield from _lines(value, f"{indent}  ")
        else:
            meaning, content = value
            yield from textwrap.wrap(
                meaning, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ", break_long_words=False
            )
            yield f"{indent}{name}: {_yaml(content)}"


def _yaml(value: object) -> str:
    """On one line; numbers are text like all else (see `mqi_tui.config.source`) and need no quotes."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return value
    written = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=float("inf"))
    return written.removesuffix("\n").removesuffix("\n...")

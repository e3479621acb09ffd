"""Reading config.yaml: one message for each thing that is wrong, and for every value where it came from."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mqi_tui.config.places import bad_places, with_absolute_paths
from mqi_tui.config.settings import Settings
from mqi_tui.config.source import KeyPath, Source, dotted, item_part, line_of, refuse_key
from mqi_tui.domain.errors import ConfigError

DEFAULT_CONFIG = files("mqi_tui.config").joinpath("default.yaml").read_text(encoding="utf-8")
"""The commented, complete config of the embedded default; `mqi-tui init` writes it."""

_LONGEST_SHOWN = 200

_EXPECTED = {
    "string_type": "text (in quotes, if it begins with { or [)",
    "tuple_type": "a list, such as [one, two]",
    "mapping_type": "a section of `key: value` lines",
    "dict_type": "a section of `key: value` lines",
    "path_type": "a path",
    "model_type": "a section of `key: value` lines",
}
"""What to expect instead, by pydantic's error type, where its own words are not a user's."""


@dataclass(frozen=True, slots=True)
class EffectiveSetting:
    """A setting as it is in force."""

    key: KeyPath
    value: str
    """As JSON."""
    line: int | None
    """Where the file sets it; None for a default."""
    source: str
    """`file:line`, or `default`."""

    @property
    def name(self) -> str:
        """`engine.command`, safe to print."""
        return dotted(self.key)


@dataclass(frozen=True, slots=True)
class Config:
    """Validated settings, the file they came from and the line of each key in it."""

    settings: Settings
    path: Path
    lines: Mapping[KeyPath, int]

    @property
    def folder(self) -> Path:
        return self.path.parent

    def error(self, key: KeyPath, found: object, expected: str) -> ConfigError:
        """A ConfigError about `key`, in the form that all messages about the config have."""
        return refuse_key(self.path, self.lines, key, _shown(found), expected)

    def effective(self) -> Iterator[EffectiveSetting]:
        """Every setting; a list is one value."""
        for key, value in _leaves(self.settings, ()):
            line = self.lines.get(key)
            # JSON is YAML on one line: what is printed can be copied into a config.
            shown = json.dumps(value, default=str, ensure_ascii=False)
            yield EffectiveSetting(key, shown, line, f"{self.path}:{line}" if line else "default")


def load_config(path: Path) -> Config:
    """Read and check the config.

    Raises ConfigError with a line for each thing that is wrong: file, line, key, what was found and what is expected.
    """
    return _checked(Source.read(config_place(path)))


def parse_config(path: Path, text: str) -> Config:
    """What `load_config` would make of a file at `path` with this text; no such file needs to be there."""
    return _checked(Source.parse(config_place(path), text.encode(errors="surrogatepass")))


def config_place(path: Path) -> Path:
    """The absolute path of the config file that `path` names."""
    return Path(os.path.abspath(os.path.expanduser(path)))  # noqa: PTH100, PTH111 - they keep links and raise nothing


def _checked(source: Source) -> Config:
    try:
        settings = Settings.model_validate(source.values)
    except ValidationError as error:
        details = sorted(error.errors(), key=lambda detail: line_of(source.lines, _key_of(detail)) or 0)
        raise ConfigError.of(_explain(source, detail) for detail in details) from None
    settings = with_absolute_paths(settings, source.path.parent)
    config = Config(settings, source.path, MappingProxyType(dict(source.lines)))
    problems = [config.error(bad.key, bad.found, bad.expected) for bad in bad_places(settings)]
    first, longest = settings.retry.first_pause_seconds, settings.retry.longest_pause_seconds
    if first > longest:
        expected = f"at least retry.first_pause_seconds ({first:g})"
        problems.append(config.error(("retry", "longest_pause_seconds"), longest, expected))
    if settings.hpc.transport == "ssh" and not settings.hpc.ssh.host:
        expected = "the HPC's address, or its name in an OpenSSH config, since hpc.transport is ssh"
        problems.append(config.error(("hpc", "ssh", "host"), settings.hpc.ssh.host, expected))
    if problems:
        raise ConfigError.of(problems)
    return config


def _explain(source: Source, detail: ErrorDetails) -> ConfigError:
    key = _key_of(detail)
    if detail["type"] == "extra_forbidden":
        found, expected = "an unknown key", _known_keys(key)
    elif detail["type"] == "missing":
        found, expected = "no such key", "one, for it has no default"
    else:
        found, expected = _shown(detail["input"]), _expected(detail)
    return refuse_key(source.path, source.lines, key, found, expected)


def _key_of(detail: ErrorDetails) -> KeyPath:
    return tuple(item_part(part) if isinstance(part, int) else part for part in detail["loc"] if part != "[key]")


def _expected(detail: ErrorDetails) -> str:
    """In a user's words; our own checks say it themselves, enums and literals list their values."""
    if detail["type"] in {"enum", "literal_error"}:
        return str(detail["ctx"]["expected"])
    if detail["type"] == "too_long":
        return f"a list of {detail['ctx']['max_length']}"
    return _EXPECTED.get(detail["type"]) or detail["msg"].removeprefix("Value error, ")


def _known_keys(key: KeyPath) -> str:
    """The keys that can stand where the unknown `key` stands, the likeliest first."""
    section: Any = Settings
    for part in key[:-1]:
        if isinstance(section, type) and issubclass(section, BaseModel):
            section = section.model_fields[part].annotation
            if isinstance(section, UnionType):  # a section that may be left out
                section = get_args(section)[0]
        else:
            section = get_args(section)[-1]
    known = list(section.model_fields)
    likely = difflib.get_close_matches(key[-1], known, n=1)
    return f"{likely[0]} (did you mean that?)" if likely else f"one of {', '.join(known)}"


def _shown(value: object) -> str:
    """What was found, in at most 200 characters on one line."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a section"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(str(value) if isinstance(value, Path) else value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _leaves(value: object, key: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _leaves(getattr(value, name), (*key, name))
    elif isinstance(value, Mapping) and value:
        for name, part in value.items():
            yield from _leaves(part, (*key, name))
    else:
        yield key, dict(value) if isinstance(value, Mapping) else value

"""What each setting means: the docstrings under the fields of the settings, as the reference and the screen tell it."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args, get_origin

from pydantic.fields import FieldInfo

from mqi_tui.config.loading import Config, EffectiveSetting
from mqi_tui.config.section import Section
from mqi_tui.config.settings import Settings
from mqi_tui.config.source import KeyPath


@dataclass(frozen=True, slots=True)
class ExplainedSetting:
    setting: EffectiveSetting
    meaning: str
    """On one line."""


def explained(config: Config) -> Iterator[ExplainedSetting]:
    """Every setting that is in force, with its meaning. Blocking: it reads the program's own source."""
    for setting in config.effective():
        yield ExplainedSetting(setting, meaning_of(setting.key))


def meaning_of(key: KeyPath) -> str:
    """What the docstrings say of a setting; what is chosen freely by the user means what holds it means."""
    section: type[Section] | None = Settings
    meaning = ""
    parts = iter(key)
    for part in parts:
        if section is None:
            break
        field, inner = section.model_fields[part], subsection(section.model_fields[part])
        meaning = docstrings(section).get(part, "")
        if get_origin(field.annotation) is Mapping:
            next(parts, None)
        section = inner
    return meaning


@functools.cache
def docstrings(section: type[Section]) -> Mapping[str, str]:
    """The docstring under each field that has one, on one line."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(section))).body
    assert isinstance(definition, ast.ClassDef)  # noqa: S101  (it is the source of a class)
    found: dict[str, str] = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(text.split())
    return found


def subsection(field: FieldInfo) -> type[Section] | None:
    """The section that a field is, may be, or holds under names of the user's choice."""
    kinds = [field.annotation, *get_args(field.annotation)]
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section)), None)

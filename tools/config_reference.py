"""docs/config.md from the settings: their docstrings, their defaults, and what their own checks say is expected.

`make docs` writes the page. What a setting can be is asked of the check that would refuse it, so that the page and
the program's refusals use the same words.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from mqi_tui.config import Settings
from mqi_tui.config.meaning import docstrings, subsection
from mqi_tui.config.section import Section

PAGE = Path(__file__).parents[1] / "docs" / "config.md"

_HEAD = """\
# Configuration reference

<!-- Made by `make docs` from the docstrings in mqi_tui/config; change those, not this page. -->

Every setting of `config.yaml`. `hpc.gpu_count` means the key `gpu_count` in the section `hpc:`.
[config.yaml](../config.yaml) shows the same keys as a file, and `mqi-tui config` prints what is in force.
"""
_REFUSED = "\0{no_such_placeholder}"
"""A text that no check lets pass."""
_NAMES = {"machines": "NAME"}
"""What stands for the key that the user chooses, in sections of which there are several."""


def page() -> str:
    return "\n".join([_HEAD, *_section("", Settings)])


def _section(place: str, section: type[Section]) -> Iterator[str]:
    """The section's own settings, then the sections in it."""
    texts, below = docstrings(section), []
    for name, field in section.model_fields.items():
        key = f"{place}{name}"
        inner = subsection(field)
        if inner is None or name in texts:
            yield _setting(key, texts[name], field)
        if inner is not None:
            prefix = f"{key}.{_NAMES[name]}." if name in _NAMES else f"{key}."
            below.append(f"## {prefix[:-1]}\n\n{inspect.getdoc(inner)}\n")
            below.extend(_section(prefix, inner))
    yield from below


def _setting(key: str, text: str, field: FieldInfo) -> str:
    lines = [f"### `{key}`", "", text, "", f"- Can be: {_can_be(_kind(field))}."]
    default = _default(field)
    lines.append(f"- Default: {default}." if len(default) < 100 else f"- Default:\n\n  {default}")
    return "\n".join([*lines, ""])


def _kind(field: FieldInfo) -> Any:
    """The field's type with its checks, as it was written."""
    kind: Any = field.annotation
    for check in field.metadata:
        kind = Annotated[kind, check]
    return kind


def _can_be(kind: Any) -> str:
    """In a user's words."""
    bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    parts = get_args(bare)
    if choices := _choices(bare):
        return " or ".join(f"`{choice}`" for choice in choices)
    if isinstance(bare, UnionType):  # what may be left out
        return f"{_can_be(parts[0])}, or nothing"
    if get_origin(bare) is tuple:
        return _list(kind, parts)
    if get_origin(bare) is Mapping:
        return f"a section of `key: value` lines; each value: {_can_be(parts[1])}"
    if isinstance(bare, type) and issubclass(bare, Section):
        return "a section with the keys below"
    return _expected(kind, _REFUSED) or "text"


def _choices(bare: Any) -> Sequence[str]:
    if isinstance(bare, type) and issubclass(bare, Enum):
        return [member.value for member in bare]
    return get_args(bare) if get_origin(bare) is Literal else ()


def _list(kind: Any, parts: tuple[Any, ...]) -> str:
    length = "" if parts[-1] is Ellipsis else f" of {len(parts)}"
    item = _can_be(parts[0])
    whole = _expected(kind, [""])
    return f"{f'a list{length}' if whole in {None, item} or length else whole}; each item: {item}"


def _expected(kind: Any, refused: object) -> str | None:
    """What the checks of `kind` say that they expect instead of `refused`; None if they let it pass."""
    try:
        TypeAdapter(kind).validate_python(refused)
    except ValidationError as error:
        said = error.errors()[0]["msg"].removeprefix("Value error, ")
    else:
        return None
    placeholders = re.search(r"placeholders that are known here \(([^)]*)\)", said)
    if placeholders:
        return "text with the placeholders " + " ".join(f"`{name}`" for name in placeholders[1].split())
    return re.sub(r'"([^"]*)"', r"`\1`", said)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "none, it must be given"
    value = field.default
    if value == sys.executable:
        return "the Python that runs mqi-tui"
    if value is None or value in ("", ()):
        return "empty"
    text = json.dumps(_plain(value), ensure_ascii=False).strip('"')
    return f"`{text}`"


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return list(map(_plain, value))
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return str(value) if isinstance(value, Path) else value


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

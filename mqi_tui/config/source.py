"""The text of config.yaml -> its values as they are written, and the line of each.

Scalars stay text; the settings decide what each must be. So nothing depends on YAML's guesses (`on` as true, `010` as
8, `12:30` as 750, `2025-01-01` as a date), and the words of a command need no quotes to stay what they are.
"""

from __future__ import annotations

import stat
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from mqi_tui.domain.errors import ConfigError
from mqi_tui.domain.text import printable

KeyPath = tuple[str, ...]
"""The keys from the top of the file to a value; an item of a list adds its number."""

_MAX_BYTES = 64 * 1024
_MAX_DEPTH = 16
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "seq", "map"))
_QUOTES_HINT = "check the indentation, the colons, and the quotes (text that begins with { [ * & ! % @ or ` needs them)"


@dataclass(frozen=True, slots=True)
class Source:
    """What a config file says: nested mappings, lists and texts (None for an empty value)."""

    path: Path
    values: Mapping[str, object] = field(default_factory=dict)
    lines: Mapping[KeyPath, int] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Source:
        """Raises ConfigError for a file that cannot be read or is not YAML of the plain kind described above."""
        return cls.parse(path, _read(path))

    @classmethod
    def parse(cls, path: Path, data: bytes) -> Source:
        """What `data` says as the content of the file at `path`, which is not looked at."""
        node = _compose(path, _decode(path, data))
        if node is None or _is_null(node):
            return cls(path)
        if not isinstance(node, yaml.MappingNode):
            line = node.start_mark.line + 1
            raise _refusal(path, line, _kind(node), "lines of the form `key: value` at the top level")
        reading = _Reading(path)
        return cls(path, reading.mapping(node, ()), reading.lines)


def item_part(index: int) -> str:
    """The part of a KeyPath that stands for an item of a list; people count from 1."""
    return f"[{index + 1}]"


def line_of(lines: Mapping[KeyPath, int], key: KeyPath) -> int | None:
    """The line of the key, or of the nearest section above it that has one."""
    return next((lines[key[:size]] for size in range(len(key), 0, -1) if key[:size] in lines), None)


def refuse_key(path: Path, lines: Mapping[KeyPath, int], key: KeyPath, found: str, expected: str) -> ConfigError:
    """The error about the value of `key`, in the one form that all messages have: "found ..., expected ..."."""
    return _refusal(path, line_of(lines, key), found, expected, key=key)


def dotted(key: KeyPath) -> str:
    """`engine.command[2]`, safe to print."""
    return "".join(printable(part if part.startswith("[") else f".{part}") for part in key).removeprefix(".")


def _refusal(path: Path, line: int | None, found: str, expected: str, *, key: KeyPath = ()) -> ConfigError:
    place = f"{path}:{line}" if line else str(path)
    name = f"{dotted(key)}: " if key else ""
    said = f"found {found}, expected {expected}."
    return ConfigError(f"{place}: {name}{said}", key=key, said=said)


def _read(path: Path) -> bytes:
    try:
        # Looked at before it is opened: opening a pipe would wait for ever.
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise _refusal(path, None, "a folder", f"a file; perhaps {path / 'config.yaml'} is meant")
        if not stat.S_ISREG(mode):
            raise _refusal(path, None, "a device or pipe", "a file")
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        expected = "a config file; make one with `mqi-tui init DIR`, or name one with --config FILE"
        raise _refusal(path, None, "no such file", expected) from None
    except OSError as error:
        raise _refusal(path, None, f"a file that cannot be read ({error.strerror})", "one that you may read") from None
    except ValueError:
        raise ConfigError(
            f"{printable(str(path))}: found a character that no path may hold, expected a path."
        ) from None
    if len(data) > _MAX_BYTES:
        raise _refusal(path, None, f"more than {_MAX_BYTES // 1024} KiB", "a config file, which is smaller")
    return data


def _decode(path: Path, data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"the byte 0x{data[error.start]:02x}"
        raise _refusal(path, line, found, "UTF-8 text; save the file as UTF-8") from None
    unprintable = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if unprintable:
        line = text.count("\n", 0, unprintable.start()) + 1
        found = f"the control character U+{ord(unprintable.group()):04X}"
        raise _refusal(path, line, found, "text without control characters")
    return text


def _compose(path: Path, text: str) -> yaml.Node | None:
    """The file's one document as nodes; looked at as events first, for an alias can make a small file endless."""
    line, depth, documents = 1, 0, 0
    try:
        for event in yaml.parse(text, Loader=yaml.BaseLoader):
            line = event.start_mark.line + 1 if event.start_mark else line
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            documents += isinstance(event, yaml.DocumentStartEvent)
            if isinstance(event, yaml.AliasEvent):
                raise _refusal(path, line, "an alias (*name)", "the value itself; aliases are not supported")
            if depth > _MAX_DEPTH:
                raise _refusal(path, line, f"values nested more than {_MAX_DEPTH} deep", "two or three levels")
            if documents > 1:
                raise _refusal(path, line, "a second document (---)", "one")
        return yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _refusal(path, mark.line + 1 if mark else line, *_yaml_problem(error)) from None
    except (ValueError, OverflowError):
        # PyYAML makes a character of whatever number stands in an escape sequence.
        raise _refusal(path, line, "an escape sequence that names no character", "one that does") from None


class _Reading:
    """Turns nodes into values and notes the line of each key and list item."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lines: dict[KeyPath, int] = {}

    def mapping(self, node: yaml.MappingNode, above: KeyPath) -> dict[str, object]:
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or not key_node.value:
                found = _kind(key_node) if key_node.value else "nothing"
                raise _refusal(self._path, line, f"{found} before a colon", "the name of a key", key=above)
            key = (*above, key_node.value)
            if key in self.lines:
                first = self.lines[key]
                raise _refusal(self._path, line, f"it a second time (first in line {first})", "it once", key=key)
            self.lines[key] = line
            values[key_node.value] = self._value(value_node, key)
        return values

    def _value(self, node: yaml.Node, key: KeyPath) -> object:
        if node.tag not in _PLAIN_TAGS:
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")
            raise refuse_key(self._path, self.lines, key, f"the tag {tag}", "a plain value; leave the tag out")
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, key)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for index, item in enumerate(node.value):
                item_key = (*key, item_part(index))
                self.lines[item_key] = item.start_mark.line + 1
                items.append(self._value(item, item_key))
            return items
        return None if _is_null(node) else self._text(node.value, key)

    def _text(self, text: str, key: KeyPath) -> str:
        """`text`, unless it holds what no path, file or process argument can hold (from an escape sequence)."""
        for character in text:
            if character == "\0" or unicodedata.category(character) == "Cs":
                found = f"the character U+{ord(character):04X}"
                raise refuse_key(self._path, self.lines, key, found, "text that a file name can hold")
        return text


def _is_null(node: yaml.Node) -> bool:
    """Whether the value is left out: `key:`, `key: ~` or `key: null`, without quotes."""
    return isinstance(node, yaml.ScalarNode) and node.style is None and node.value in _NULL


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a section"
    return "a list" if isinstance(node, yaml.SequenceNode) else "plain text"


def _yaml_problem(error: yaml.MarkedYAMLError) -> tuple[str, str]:
    """(found, expected) for a file that is not YAML."""
    problem = error.problem or "a mistake"
    if "'\\t'" in problem:
        return "a tab", "spaces, also for the indentation"
    if "escape" in problem:
        return "a backslash in double quotes", "single quotes around a text with backslashes"
    return f"no valid YAML ({problem})", f"YAML; {_QUOTES_HINT}"

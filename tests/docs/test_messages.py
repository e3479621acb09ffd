"""docs/when-something-fails.md quotes messages that the program gives, and every error that it raises is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import mqi_tui.cli  # noqa: F401 - brings in every module that has an error class
from mqi_tui.domain.errors import MqiError
from mqi_tui.moqui.log_errors import explain_exit

ROOT = Path(__file__).parents[2]
CODE = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "mqi_tui").rglob("*.py"))}
OPEN = "…"
"""Stands for what changes, on the page and in the messages that are read out of the code."""
PAGE = (ROOT / "docs" / "when-something-fails.md").read_text(encoding="utf-8")
QUOTED = [quote for row in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE) for quote in re.findall(r"`([^`]+)`", row)]


def _text(node: ast.expr) -> str | None:
    """A string of the code with `…` for each part that changes; None for anything else."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) or OPEN for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return (_text(left) or OPEN) + (_text(right) or OPEN)
    return None


def _pattern(quote: str) -> re.Pattern[str]:
    return re.compile(".*?".join(re.escape(part) for part in quote.split(OPEN)), re.DOTALL)


def _errors(kind: type[MqiError]) -> Iterator[str]:
    yield kind.__name__
    for below in kind.__subclasses__():
        yield from _errors(below)


def _raised() -> Iterator[tuple[str, str]]:
    """(where, message) of every error that is made with a sentence of its own, outside the built-in stand-ins."""
    errors = set(_errors(MqiError))
    for path, tree in CODE.items():
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in errors:
                    message = _text(first)
                    if message is not None and re.search(r"\w", message) and "builtin" not in path.parts:
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", message


def test_every_quote_stands_in_the_code() -> None:
    texts = [
        text
        for tree in CODE.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.expr) and (text := _text(node))
    ]
    assert [quote for quote in QUOTED if not any(map(_pattern(quote).search, texts))] == []
    assert len(QUOTED) > 150


def test_every_error_that_is_raised_is_on_the_page() -> None:
    patterns = [_pattern(quote) for quote in QUOTED if re.search(r"\w", quote)]
    assert [
        f"{where}: {message!r} is not in docs/when-something-fails.md"
        for where, message in _raised()
        if not any(pattern.search(message) for pattern in patterns)
    ] == []


def test_every_exit_code_that_has_a_meaning_is_on_the_page() -> None:
    patterns = [_pattern(quote) for quote in QUOTED]
    assert [code for code in range(1, 256) if not any(one.search(explain_exit(code)) for one in patterns)] == []

"""The page's tables and lists of facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from mqi_tui.workflow.report.markup import Markup, escaped, joined

NOT_IN_PLAN = "not in the plan"
NOTHING = Markup("–")


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    kind: Literal["", "name", "number", "word"] = ""
    """How it is set: a name may be broken anywhere, a number stands at the right, a word is not broken."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that takes the place of several."""

    content: Markup
    columns: int


def spanning(columns: int, content: Markup) -> Cell:
    return Cell(content, columns)


def table(columns: Sequence[Column], rows: Iterable[Sequence[Cell | Markup]], name: str) -> Markup:
    """`name` becomes the table's class."""
    head = joined((Markup(f'<th scope="col"{_class(column)}>{escaped(column.title)}</th>') for column in columns), "")
    lines = [Markup(f"<tr>{_cells(columns, row)}</tr>") for row in rows]
    return Markup(
        f'<div class="wide"><table class="{name}">\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{joined(lines)}\n</tbody></table></div>"
    )


def facts(pairs: Iterable[tuple[str, Markup]]) -> Markup:
    """A list of names and what is known of each."""
    lines = (Markup(f"<dt>{escaped(name)}</dt><dd>{value}</dd>") for name, value in pairs)
    return Markup(f"<dl>\n{joined(lines)}\n</dl>")


def or_none(value: object) -> Markup:
    """What the plan says; for None and for an empty text, that it does not."""
    return escaped(NOT_IN_PLAN if value is None or value == "" else value)


def millimetres(depth_mm: float | None) -> Markup:
    return escaped("not in the grid" if depth_mm is None else f"{depth_mm:.1f}")


def count(number: int | None) -> Markup:
    return escaped("not told" if number is None else f"{number:,}")


def moment(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _cells(columns: Sequence[Column], row: Sequence[Cell | Markup]) -> Markup:
    cells = []
    place = 0
    for cell in row:
        if isinstance(cell, Cell):
            cells.append(Markup(f'<td class="name" colspan="{cell.columns}">{cell.content}</td>'))
            place += cell.columns
        else:
            cells.append(Markup(f"<td{_class(columns[place])}>{cell}</td>"))
            place += 1
    return joined(cells, "")


def _class(column: Column) -> str:
    return f' class="{column.kind}"' if column.kind else ""

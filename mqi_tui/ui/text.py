"""Text for a grid of cells: text from outside made safe, cut and padded by its width on the screen, not its length."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from rich.cells import cell_len, chop_cells, set_cell_size

from mqi_tui.domain.text import printable
from mqi_tui.domain.time_left import TimeLeft
from mqi_tui.ui.language import ngettext

ELLIPSIS = "…"
_FOLDERS = re.compile(r"(?<![\w/:.~])/(?:[^/\s]+/){2,}")
"""From the root to the last slash of a path with three names at least: short ones hardly gain anything."""


def one_line(text: str) -> str:
    """`text` as one safe line: line breaks and tabs become spaces, other control characters `�`."""
    return printable(" ".join(text.split()) if not text.isprintable() else text)


_TAIL_WIDTH = 6
"""Cells of a name's end that are kept before its beginning gets more than one character."""


def cut(text: str, width: int) -> str:
    """`text` as one line of at most `width` cells, an ellipsis at its end when something is left out."""
    line = one_line(text)
    if cell_len(line) <= width:
        return line
    if width <= 0:
        return ""
    return set_cell_size(line, width - 1).rstrip() + ELLIPSIS


def cut_middle(text: str, width: int) -> str:
    """Like `cut`, but left out in the middle: names such as 2025042401440800 differ at their end."""
    line = one_line(text)
    if cell_len(line) <= width:
        return line
    if width <= 0:
        return ""
    tail_width = max((width - 1) // 2, min(width - 1 - cell_len(line[0]), _TAIL_WIDTH))
    head = set_cell_size(line, width - 1 - tail_width).rstrip()
    return head + ELLIPSIS + _last_cells(line, tail_width)


def without_folders(text: str) -> str:
    """`text` with `…/` for the folders of paths: what is said of a file stands behind its path."""
    return _FOLDERS.sub(f"{ELLIPSIS}/", text)


def shortened(text: str, length: int) -> str:
    """`text` with its line breaks, its middle left out if it has more characters than `length`."""
    if len(text) <= length:
        return text
    return f"{text[: length * 2 // 3]} {ELLIPSIS} {text[-length // 3 :]}"


def fit(text: str, width: int) -> str:
    """`text` cut at its end and padded to exactly `width` cells."""
    return set_cell_size(cut(text, width), max(width, 0))


def fit_middle(text: str, width: int) -> str:
    """`text` cut in its middle and padded to exactly `width` cells."""
    return set_cell_size(cut_middle(text, width), max(width, 0))


def fit_right(text: str, width: int) -> str:
    """`text` cut at its end and padded on its left to exactly `width` cells."""
    shown = cut(text, width)
    return " " * (width - cell_len(shown)) + shown


def wrap(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells, broken between words where possible; its own line breaks are kept."""
    return [line for paragraph in text.splitlines() or [""] for line in _wrap_paragraph(paragraph, max(width, 2))]


def bar(fraction: float, width: int, ends: Sequence[float] = ()) -> tuple[str, str]:
    """A progress bar of `width` cells as its done and its open part; full only when `fraction` (0..1) is 1.

    `ends` are fractions at which a stage ends; each is a tick on the bar.
    """
    halves = int(min(max(fraction, 0.0), 1.0) * width * 2)
    full = halves // 2
    ticks = {int(end * width) for end in ends if int(end * width) > 0}
    done = "".join("┿" if cell in ticks else "━" for cell in range(full)) + ("╸" if halves % 2 else "")
    return done, "".join("┼" if cell in ticks else "─" for cell in range(len(done), width))


def percent(fraction: float) -> str:
    """`fraction` (0..1) as whole per cent, rounded down: 100% means done."""
    return f"{int(min(max(fraction, 0.0), 1.0) * 100 + 1e-9)}%"


def time_range(shortest_s: float, longest_s: float) -> str:
    """`20-40 s`, `2-3 min`, `1-2 h`: a range of seconds in the unit of its longer end, rounded outwards."""
    unit, size = ("s", 1) if longest_s < 100 else ("min", 60) if longest_s < 100 * 60 else ("h", 3600)
    low, high = math.floor(shortest_s / size), math.ceil(longest_s / size)
    return f"{low}-{high} {unit}" if low < high else f"{high} {unit}"


def time_left_range(left: TimeLeft) -> str:
    """`2-3 min`, or `~2-3 min` where it is taken from other beams."""
    return ("~" if left.of_beams else "") + time_range(left.shortest_s, left.longest_s)


def counted(number: int, noun: str) -> str:
    """`1 beam`, `2 beams`, in the language of the screens; `noun` is the English word for one of them."""
    one, many = counted_texts(noun)
    return ngettext(one, many, number).format(count=f"{number:,}")


def counted_texts(noun: str) -> tuple[str, str]:
    """The English texts for one and for several of what an English noun names."""
    return f"{{count}} {noun}", f"{{count}} {noun}s"


def _last_cells(line: str, width: int) -> str:
    start = len(line)
    while start > 0 and cell_len(line[start - 1 :]) <= width:
        start -= 1
    return line[start:]


def _wrap_paragraph(paragraph: str, width: int) -> list[str]:
    lines: list[str] = []
    current = ""
    for word in one_line(paragraph).split(" "):
        joined = f"{current} {word}" if current else word
        if cell_len(joined) <= width:
            current = joined
            continue
        if current:
            lines.append(current)
        *full, current = chop_cells(word, width) or [""]
        lines.extend(full)
    return [*lines, current]

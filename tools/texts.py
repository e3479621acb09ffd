"""The catalogues of mqi_tui/ui/language: which texts the screens have, and whether all of them are translated.

`make texts` brings the catalogues up to date: a text that is new is added without a translation, one that is gone is
taken out.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from mqi_tui.domain.records import AttemptOutcome
from mqi_tui.domain.snapshot import OUTAGE
from mqi_tui.domain.status import BeamStatus, CaseStatus, FolderState
from mqi_tui.moqui.dose_planes import PlaneKind
from mqi_tui.ui.actions import ACTIONS, Scope
from mqi_tui.ui.marks import EVENT_MARKS
from mqi_tui.ui.ordering import Order
from mqi_tui.ui.setup.fields import Place
from mqi_tui.ui.text import counted_texts
from mqi_tui.ui.widgets.beam_head import Tab
from mqi_tui.workflow.doctor import Outcome
from mqi_tui.workflow.inspection import Checksum

ROOT = Path(__file__).parents[1]
CATALOGUES = sorted((ROOT / "mqi_tui" / "ui" / "language").glob("*.po"))

_WIDTH = 110


@dataclass
class Text:
    """A text in English, and where it stands."""

    one: str
    many: str = ""
    """The text for several, where it depends on a number."""
    files: set[str] = field(default_factory=set)


def texts() -> dict[str, Text]:
    """All texts of the screens, by the English one."""
    found: dict[str, Text] = {}
    for file, one, many in (*_in_code(), *_in_tables()):
        text = found.setdefault(one, Text(one))
        text.many = text.many or many
        text.files.add(file)
    return found


def read(path: Path) -> Catalog:
    return read_po(io.StringIO(path.read_text(encoding="utf-8")), locale=path.stem)


def translations(message: Message) -> Sequence[str]:
    """One for each plural form of the language, or one."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def problems(path: Path) -> list[str]:
    """What keeps the catalogue from being whole: texts without a translation, and translations of no text."""
    catalogue, known = read(path), texts()
    found = []
    for one, text in known.items():
        message = catalogue.get(one)
        if message is None or message.id != _id(text):
            found.append(f"not in the catalogue: {one!r}")
        elif not translations(message) or not all(translations(message)):
            found.append(f"without a translation: {one!r}")
    gone = [message.id for message in catalogue if message.id and _first(message.id) not in known]
    return [*found, *(f"no text of the screens: {one!r}" for one in gone)]


def updated(path: Path) -> str:
    """The catalogue with all texts of the screens and no others; header, translations and comments are kept."""
    before = read(path)
    fresh = Catalog(locale=path.stem)
    for one, text in sorted(texts().items()):
        message = before.get(one)
        same = message if message is not None and message.id == _id(text) else None
        fresh.add(
            _id(text),
            same.string if same else "",
            locations=[(file, 0) for file in sorted(text.files)],
            user_comments=message.user_comments if message else (),
        )
    written = io.BytesIO()
    write_po(written, fresh, width=_WIDTH, omit_header=True, include_lineno=False, sort_by_file=True)
    header = path.read_text(encoding="utf-8").partition("\n\n")[0]
    return f"{header}\n\n{written.getvalue().decode()}"


def _id(text: Text) -> str | tuple[str, str]:
    return (text.one, text.many) if text.many else text.one


def _first(one: Any) -> str:
    return str(one if isinstance(one, str) else one[0])


def _in_code() -> Iterator[tuple[str, str, str]]:
    """(file, one, many) of what `_`, `N_`, `Sentence`, `ngettext` and `counted` are given as it stands in the code."""
    for path in sorted((ROOT / "mqi_tui").rglob("*.py")):
        file = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="_" | "N_" | "Sentence"), args=[ast.Constant(value=str(text)), *_]):
                    yield file, text, ""
                case ast.Call(
                    func=ast.Name(id="ngettext"), args=[ast.Constant(value=str(one)), ast.Constant(value=str(many)), _]
                ):
                    yield file, one, many
                case ast.Call(func=ast.Name(id="counted"), args=[_, ast.Constant(value=str(noun))]):
                    yield file, *counted_texts(noun)


def _in_tables() -> Iterator[tuple[str, str, str]]:
    """The same of the constants that are translated when they are shown."""
    tables: dict[str, Sequence[str]] = {
        "mqi_tui/domain/records.py": [*AttemptOutcome, "in HPC queue"],
        "mqi_tui/domain/snapshot.py": [OUTAGE],
        "mqi_tui/domain/status.py": [*(status.word for status in BeamStatus), *CaseStatus, *FolderState],
        "mqi_tui/moqui/dose_planes.py": list(PlaneKind),
        "mqi_tui/ui/actions/action.py": list(Scope),
        "mqi_tui/ui/actions/table.py": [
            text for action in ACTIONS for text in (action.help, action.label, action.title) if text
        ],
        "mqi_tui/ui/marks.py": list(EVENT_MARKS),
        "mqi_tui/ui/ordering.py": list(Order),
        "mqi_tui/ui/setup/fields.py": [
            text
            for place in Place
            for text in (
                place.title,
                place.meaning,
                *(word for one in place.fields for word in (one.label, one.meaning)),
            )
        ],
        "mqi_tui/ui/widgets/beam_head.py": list(Tab),
        "mqi_tui/workflow/doctor/check.py": list(Outcome),
        "mqi_tui/workflow/inspection.py": list(Checksum),
    }
    for file, found in tables.items():
        for text in found:
            yield file, str(text), ""


if __name__ == "__main__":
    for path in CATALOGUES:
        path.write_text(updated(path), encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {sum(1 for _ in problems(path))} texts without a translation")

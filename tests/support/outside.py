"""Text from outside in every place where there can be any, and what must be true of all that is painted of it.

Each kind of text begins with a sign of its own, by which it is found again on the screen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input, Static

from mqi_tui.domain.errors import InputError
from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.questions import Question, QuestionKind
from mqi_tui.domain.readings import GpuReading, StorageReading
from mqi_tui.domain.records import AttemptOutcome, AttemptRecord, EventRecord
from mqi_tui.domain.snapshot import CaseView, EngineSnapshot
from mqi_tui.domain.status import BeamStatus, FolderState
from mqi_tui.domain.text import printable
from mqi_tui.ui.log_window import LogWindow
from mqi_tui.ui.text import ELLIPSIS, one_line
from mqi_tui.ui.widgets.log_page import LogPage
from mqi_tui.ui.widgets.page_view import PageView
from mqi_tui.ui.widgets.row_list import RowList
from mqi_tui.workflow.inspection import (
    BeamFiles,
    BeamHistory,
    Checksum,
    LocalFile,
    Parameter,
    Parameters,
    PreparedInput,
)
from tests.support.scripted_engine import (
    NOW,
    ScriptedEngine,
    ScriptedLog,
    a_beam,
    a_case,
    a_folder,
    a_snapshot,
    an_event,
)
from tests.support.scripted_inspector import a_dose_array

NASTY = {
    "a patient": "DOE^JOHN [QA] 한글",
    "markup": "[/red] [red]x[/] [@click=app.quit]y[/] [link=file:x]l[/link] $z a\\[b ] [[ {0} %s",
    "control codes": "\x1b[2J a \x1b]0;title\x07 b \x9b31m \x00\x08\x85 one\r\ntwo\tthree\u2028 \x1b]52;c;aGk= no end",
    "what is not seen": "\u202eabc \u2066x\u200e\ufeff\u200b\u00ad\u3164b\u115fc\u034f\ud800 \udcff\ue000\uffff end",
    "letters and pictures": "שלום مرحبا e\u0301 \u0301x ᄒ\u1161\u11ab ❤\ufe0f 👨\u200d👩 🇰🇷🇰 👍🏽 Z"
    + "\u0300\u0323" * 40,
    "ten thousand characters": "[/]한글ＷＩＤＥ " * 1_000,
    "ten thousand marks": "a" + "\u0301" * 10_000 + " end",
}

nasty_text = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(categories=["Cc", "Cf", "Cs", "Co", "Mn", "Me", "Zl", "Zp", "So"]), max_size=40),
    st.text("[]()$\\/@=&<>'\"\x1b\x9b\x07;m한🙂\u0301\u202e\u200d\ufe0f🇰", max_size=60),
    st.text("한a א\u0301", min_size=100, max_size=400),
)

SIGNS = frozenset("ⒶⒷⒸⒹⒺⒻⒼⒽⒾⒿⓀⓁⓂⓃⓄⓅⓆⓇⓈⓉⓊⓋⓌⓍⓎⓏ")
CASE, BEAM, DETAIL, ERROR, JOB, WARNING, FOLDER, REASON, EVENT, TROUBLE, HOST, GPU, DISK = "ⒶⒷⒸⒹⒺⒻⒼⒽⒾⒿⓀⓁⓂ"
TITLE, ASKED, FINGERPRINT, ANSWER, LOG, KEY, VALUE, FILE, RUN, REMOTE, DIGEST, PATH, TYPED = "ⓃⓄⓅⓆⓇⓈⓉⓊⓋⓌⓍⓎⓏ"


_AS_NAME = {"/": "\N{DIVISION SLASH}", ".": "\N{ONE DOT LEADER}", "\0": "\x01"}
_AS_TEXT = str.maketrans({name: sign for sign, name in _AS_NAME.items()} | {"\N{REPLACEMENT CHARACTER}": ""})


def a_name(sign: str, text: str) -> str:
    """As a file or folder can be called, and a host, of which the first part alone is shown."""
    return sign + text.translate(str.maketrans(dict[str, str | int | None](_AS_NAME)))


def _a_gpu(text: str) -> str:
    """A device is shown up to its first blank."""
    return GPU + text.replace(" ", "\N{NO-BREAK SPACE}")


def an_outside_snapshot(text: str, *questions: Question) -> EngineSnapshot:
    """One case with a beam that computes and one that failed, a folder, events, devices: all with the text."""
    case_id = a_name(CASE, text)
    running = replace(
        a_beam(case_id, a_name(BEAM, text), BeamStatus.HPC_RUNNING, gpu_id=0, hpc_job_id=JOB + text, attempt=1),
        detail=DETAIL + text,
    )
    failed = a_beam(case_id, a_name(BEAM, text) + "~", BeamStatus.FAILED, error=ERROR + text, attempt=1)
    done = a_beam(case_id, a_name(BEAM, text) + "~~", BeamStatus.COMPLETED, attempt=1)
    case: CaseView = a_case(case_id, running, failed, done, warnings=(WARNING + text,))
    snapshot = a_snapshot(
        case,
        folders=[a_folder(a_name(FOLDER, text), FolderState.REFUSED, REASON + text)],
        events=[an_event(1, EVENT + text, beam_id=running.beam_id, level="error")],
        scan_trouble=TROUBLE + text,
        readings=[GpuReading(0, utilisation_percent=50, host=a_name(HOST, text))],
        places={running.beam_id: JobPlace(a_name(HOST, text), _a_gpu(text), JOB + text)},
        storage=StorageReading(NOW, 1, 1, 1, DISK + text),
    )
    return replace(snapshot, questions=questions)


def a_question(kind: QuestionKind, text: str, number: int) -> Question:
    return Question(number, kind, TITLE + text, ASKED + text, FINGERPRINT + text)


def an_outside_engine(text: str) -> ScriptedEngine:
    """As a session would find it in which every word from outside is the text."""
    engine = ScriptedEngine(a_snapshot())
    fill(engine, text)
    return engine


def fill(engine: ScriptedEngine, text: str, *questions: Question) -> None:
    """Put the text into all that the engine and its inspector tell."""
    snapshot = an_outside_snapshot(text, *questions)
    engine._snapshot = snapshot
    [case] = snapshot.cases
    log = f"{LOG}{text}\nCUDA error: out of memory {text}\n".encode(errors="replace")
    engine.logs = {beam.beam_id: ScriptedLog(1, log) for beam in case.beams}
    engine.answers = {"dispatch": ANSWER + text, "retry": InputError(ANSWER + text), "rerun": ValueError(ANSWER + text)}
    inspector = engine.inspector
    attempt = AttemptRecord(
        *("b", 1, "t", f"/hpc/{a_name(RUN, text)}", 0, JOB + text, NOW, NOW, NOW + timedelta(seconds=9)),
        *(AttemptOutcome.FAILED, 1, f"/hpc/{a_name(FILE, text)}", 10, DIGEST + text, a_name(HOST, text), _a_gpu(text)),
    )
    event = EventRecord(1, NOW, None, "b", "error", EVENT + text, BeamStatus.PREPROCESSING)
    note = EventRecord(2, NOW, None, "b", "warning", DETAIL + text)
    inspector.beam_history = BeamHistory((event, note), (attempt,))
    folder = Path("/in") / a_name(PATH, text)
    file = LocalFile(folder / a_name(FILE, text), 10, NOW, DIGEST + text, Checksum.PROVEN, 1)
    inspector.beam_files = BeamFiles(folder, (file,), folder, (file,), REMOTE + text, (attempt,))
    entries = (Parameter(KEY + text, VALUE + text, is_set_for_job=True), Parameter("short", VALUE + text, False))
    inspector.input = PreparedInput(Parameters(entries, None), (), TROUBLE + text)
    inspector.used = Parameters(entries, 1)
    inspector.show_dose(a_dose_array())


def harmless(text: str) -> str:
    """The visible part of a text: without blanks, and without what is shown as a replacement character."""
    return "".join(one_line(text).split()).translate(_AS_TEXT)


def strips_of(app: App[Any]) -> Sequence[Strip]:
    """The screen as it goes to the terminal, line by line."""
    return app.screen._compositor.render_strips(app.size)


def assert_safe(app: App[Any], what: str) -> None:
    """Every line has its exact width, and no character that a terminal obeys, reorders by or does not show."""
    for number, strip in enumerate(strips_of(app)):
        width = sum(cell_len(segment.text) for segment in strip)
        assert width == app.size.width, f"{what}: line {number} has {width} cells: {strip.text!a}"
        assert printable(strip.text) == strip.text, f"{what}: line {number} holds {strip.text!a}"
        assert not any(segment.control for segment in strip), f"{what}: line {number} holds control codes"
        assert len(strip.text) <= 8 * app.size.width, f"{what}: line {number} holds {len(strip.text)} characters"


def assert_shown(app: App[Any], text: str, what: str, *, must: str = "", only: type[Widget] = Widget) -> None:
    """Wherever a sign stands, its whole text follows, or an ellipsis, or there is more of it to be scrolled to.

    `must`: the signs that are to be seen somewhere; `only`: the widgets that are looked at.
    """
    expected = harmless(text)
    # A question keeps its lines, and a log is cleaned as a terminal would do it.
    others = {ASKED: harmless((text.splitlines() or [""])[0]), LOG: harmless(_as_logged(LOG + text))[1:]}
    strips, seen = strips_of(app), set[str]()
    for widget, (region, clip) in app.screen._compositor.visible_widgets.items():
        if not isinstance(widget, only):
            continue
        for piece in _pieces_of(widget, region.intersection(clip), strips):
            for after in re.split(f"(?=[{''.join(SIGNS)}])", piece)[1:]:
                sign, told = after[0], after[1:]
                seen.add(sign)
                wanted = others.get(sign, expected)
                common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(told, wanted, strict=False)))
                is_cut = told[common : common + 1] == ELLIPSIS
                goes_on = common == len(told) and _scrolls(widget)
                assert common == len(wanted) or is_cut or goes_on, (
                    f"{what}: {type(widget).__name__} shows {told[max(common - 20, 0) : common + 40]!a} "
                    f"where it should go on with {wanted[common : common + 40]!a}"
                )
    # What is longer than that may be beyond what can be seen at once.
    assert len(text) > 200 or set(must) <= seen, f"{what}: {sorted(set(must) - seen)} not seen, only {sorted(seen)}"


def _as_logged(text: str) -> str:
    """As the log's pane cleans it."""
    window = LogWindow()
    window.feed(text.encode(errors="replace").decode())
    return window[0] if len(window) else ""


def _pieces_of(widget: Widget, visible: Region, strips: Sequence[Strip]) -> Iterator[str]:
    """What a widget shows and its title, each piece without blanks; a text that wraps is one piece."""
    inside = widget.scrollable_content_region.intersection(visible)
    if inside.area and not widget.children:
        lines = [_cells(strips[y], inside.x, inside.right) for y in range(inside.y, inside.bottom)]
        tells_why_empty = (isinstance(widget, RowList) and not widget.rows) or (
            isinstance(widget, LogPage) and not widget.lines
        )
        wraps = isinstance(widget, Static | PageView) or tells_why_empty
        yield from ["".join(lines)] if wraps else lines
    if widget.border_title and widget.region.y == visible.y:
        yield _cells(strips[visible.y], visible.x, visible.right)


def _cells(strip: Strip, begin: int, end: int) -> str:
    return harmless(strip.crop(begin, end).text)


def _scrolls(widget: Widget) -> bool:
    return isinstance(widget, Input) or any(
        node.allow_vertical_scroll or node.allow_horizontal_scroll
        for node in widget.ancestors_with_self
        if isinstance(node, Widget)
    )

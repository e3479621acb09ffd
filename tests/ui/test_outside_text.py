"""Text from outside is shown as it is, everywhere: never read as markup, never sent as control codes, never swallowed.

A widget or screen that no scene here brings up is a failure: a new one gets a scene, or a part in one.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App
from textual.widget import Widget
from textual.widgets._toast import Toast

import mqi_tui.ui
from mqi_tui.config import Config
from mqi_tui.domain.errors import InputError
from mqi_tui.domain.questions import QuestionKind
from mqi_tui.hpc.questions import QuestionBoard
from mqi_tui.ui.rows import FOLDERS_KEY
from mqi_tui.ui.setup import connection
from mqi_tui.ui.setup.connection import ConnectionScreen
from mqi_tui.ui.setup.fields import Place
from mqi_tui.ui.setup.form import FormScreen
from mqi_tui.ui.setup.write import WriteScreen
from mqi_tui.ui.widgets.attention_list import AttentionList
from mqi_tui.ui.widgets.filter_input import FilterInput
from mqi_tui.workflow.doctor import Check, Outcome
from mqi_tui.workflow.inspection import DoseAbsence, NoDose
from tests.support.outside import (
    ANSWER,
    ASKED,
    BEAM,
    CASE,
    DETAIL,
    DIGEST,
    DISK,
    ERROR,
    EVENT,
    FILE,
    FINGERPRINT,
    FOLDER,
    HOST,
    JOB,
    KEY,
    LOG,
    NASTY,
    PATH,
    REASON,
    REMOTE,
    TITLE,
    TROUBLE,
    TYPED,
    VALUE,
    WARNING,
    a_name,
    a_question,
    an_outside_engine,
    assert_safe,
    assert_shown,
    fill,
    nasty_text,
    strips_of,
)
from tests.support.screens import LARGE, MIDDLE, SMALL, Stage, a_config, on_stage
from tests.support.scripted_inspector import ScriptedInspector
from tests.support.set_up import SetUp, set_up

NAME = "DOE^JOHN [QA] 한글"

_OBEYED = ("markup", "control codes")

Condition = Callable[[Stage], bool]


@dataclass(frozen=True)
class Scene:
    """A way from the main screen, whose tree has the focus, to a place that shows text from outside."""

    keys: tuple[str, ...]
    must: str = ""
    """The signs of what has to be seen there."""
    prepare: Callable[[Stage, str], None] = lambda _stage, _text: None
    ready: Condition = lambda _: True
    then: tuple[str, ...] = ()
    """Keys for what is there when it is ready."""
    only: type[Widget] = Widget


def _fail_everything(stage: Stage, text: str) -> None:
    trouble = InputError(TROUBLE + text)
    inspector = stage.engine.inspector
    inspector.beam_history = inspector.beam_files = inspector.input = inspector.used = inspector.beam_dose = trouble
    stage.engine.log_trouble = trouble


def _refuse_the_dose(stage: Stage, text: str) -> None:
    stage.engine.inspector.beam_dose = NoDose(DoseAbsence.REFUSED, Path("/out") / a_name(FILE, text))


def _lose_the_file(stage: Stage, text: str) -> None:
    stage.engine.inspector.plane_trouble = InputError(TROUBLE + text)


def _ask(kind: QuestionKind) -> Callable[[Stage, str], None]:
    return lambda stage, text: fill(stage.engine, text, a_question(kind, text, next(_NUMBERS)))


def _type_filter(stage: Stage, text: str) -> None:
    stage.main.query_one(FilterInput).value = TYPED + text


_NUMBERS = count(1)


def _has(sign: str) -> Condition:
    return lambda stage: any(sign in strip.text for strip in strips_of(stage.app))


def _has_toast(stage: Stage) -> bool:
    return bool(stage.toasts)


_TO_BEAM = ("tab", "enter")
_TO_FAILED = ("tab", "down", "enter")

SCENES = {
    "the main screen": Scene((), CASE + FOLDER + EVENT + TROUBLE),
    "a beam that computes": Scene(("tab",), CASE + BEAM + DETAIL + JOB + LOG, ready=_has(LOG)),
    "a beam that failed": Scene(("tab", "down"), CASE + BEAM + ERROR),
    "a log that cannot be read": Scene(("tab",), TROUBLE, _fail_everything, _has("cannot be read")),
    "a case with beams": Scene(("right",), CASE + BEAM + WARNING),
    "a folder": Scene(("end",), FOLDER + REASON),
    "what needs a person": Scene(("shift+tab", "down"), CASE + TROUBLE + ERROR + DISK),
    "all beams": Scene(("a", "space"), CASE + BEAM),
    "a filter": Scene((), TYPED, _type_filter),
    "the events": Scene(("e",), CASE + EVENT),
    "paths": Scene(("tab", "end", "o"), CASE + BEAM),
    "a folder's path": Scene(("end", "o"), FOLDER),
    "a copied path": Scene(("end", "y"), FOLDER, ready=_has_toast, only=Toast),
    "the palette": Scene(("ctrl+p",), CASE),
    "the help": Scene(("question_mark",)),
    "a question before cancelling": Scene(("c",), CASE),
    "what was done": Scene(("d",), ANSWER, ready=_has_toast, only=Toast),
    "what was refused": Scene(("tab", "down", "r"), ANSWER, ready=_has_toast, only=Toast),
    "a defect": Scene(("tab", "down", "f9", "y"), ANSWER, ready=_has_toast, only=Toast),
    "a password": Scene((), TITLE + ASKED, _ask(QuestionKind.SECRET)),
    "a question of a server": Scene((), TITLE + ASKED, _ask(QuestionKind.VISIBLE)),
    "an unknown host": Scene((), TITLE + ASKED + FINGERPRINT, _ask(QuestionKind.HOST_KEY)),
    "a beam's way": Scene(_TO_BEAM, CASE + EVENT + HOST, ready=_has(EVENT)),
    "a failed beam's way": Scene(_TO_FAILED, CASE + ERROR, ready=_has(ERROR)),
    "a beam's files": Scene((*_TO_BEAM, "2"), PATH + FILE + DIGEST, ready=_has(PATH)),
    "a beam's input": Scene((*_TO_BEAM, "3"), KEY + TROUBLE, ready=_has(TROUBLE)),
    "a beam's log": Scene((*_TO_BEAM, "4"), LOG, ready=_has(LOG)),
    "the search in a log": Scene((*_TO_BEAM, "4", "ctrl+f")),
    "a beam's dose": Scene((*_TO_BEAM, "5", "z"), CASE, ready=_has("Gy")),
    "a dose that cannot be read on": Scene((*_TO_BEAM, "5", "z"), TROUBLE, _lose_the_file, _has(TROUBLE)),
    "a dose that was refused": Scene((*_TO_FAILED, "5"), FILE + ERROR, _refuse_the_dose, _has(FILE)),
    "saving a log": Scene((*_TO_BEAM, "4"), ready=_has(LOG), then=("S",)),
    "a case": Scene(("enter",), CASE + BEAM),
    "a case that cannot be read": Scene(("enter",), CASE, _fail_everything),
    "the settings": Scene(("comma",)),
    "the doctor": Scene(("f2",)),
    "the themes": Scene(("T",)),
    **{
        f"no {what} to read": Scene((*_TO_BEAM, key), TROUBLE, _fail_everything, _has(TROUBLE))
        for what, key in (("way", "1"), ("files", "2"), ("input", "3"), ("log", "4"), ("dose", "5"))
    },
}


async def bring_up(stage: Stage, scene: Scene, text: str) -> None:
    """Go to the scene from wherever the last one has ended."""
    app, main, engine = stage.app, stage.main, stage.engine
    engine.inspector = ScriptedInspector()
    engine.log_trouble = None
    fill(engine, text)
    while len(app.screen_stack) > 1:
        app.pop_screen()
    app.clear_notifications()
    main.query_one(FilterInput).action_clear()
    if stage.beams.shows_all_cases:
        main.action_toggle_all()
    main.action_clear_marks()
    scene.prepare(stage, text)
    stage.cases.expanded = {FOLDERS_KEY}
    main.show(engine.snapshot)
    await stage.pause()
    stage.cases.focus()
    for rows in (stage.cases, stage.beams, main.query_one(AttentionList)):
        rows.move_to(0)
    await stage.until(lambda: stage.cases.has_focus or app.screen is not main)
    for key in scene.keys:
        await stage.press(key)
    await stage.until(lambda: scene.ready(stage))
    for key in scene.then:
        await stage.press(key)


def a_stage(size: tuple[int, int] = MIDDLE) -> AbstractAsyncContextManager[Stage]:
    return on_stage(an_outside_engine("before"), size, config=a_config(keys={"rerun_target": ["f9"]}))


@pytest.mark.parametrize("name", SCENES)
async def test_text_from_outside_stays_text(name: str) -> None:
    scene = SCENES[name]
    # What a terminal obeys everywhere; the other kinds, which any painted line treats alike, by turns.
    others = [what for what in NASTY if what not in _OBEYED]
    kinds = [*_OBEYED, others[list(SCENES).index(name) % len(others)]]
    async with a_stage() as stage:
        for what, text in ((kind, NASTY[kind]) for kind in kinds):
            await bring_up(stage, scene, text)
            assert_safe(stage.app, what)
            assert_shown(stage.app, text, what, must=scene.must, only=scene.only)


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_it_does_on_the_main_screen_of_any_size(size: tuple[int, int]) -> None:
    async with a_stage(size) as stage:
        for what, text in NASTY.items():
            await bring_up(stage, SCENES["a beam that failed"], text)
            assert_safe(stage.app, what)
            assert_shown(stage.app, text, what, must=CASE + ERROR)


@given(st.sampled_from(sorted(SCENES)), st.lists(nasty_text, min_size=3, max_size=3))
@settings(max_examples=10, derandomize=True)
async def test_no_text_breaks_a_line_or_a_scene(name: str, texts: list[str]) -> None:
    scene = SCENES[name]
    async with a_stage(SMALL) as stage:
        for text in texts:
            await bring_up(stage, scene, text)
            assert_safe(stage.app, name)
            assert_shown(stage.app, text, name, only=scene.only)


# The set-up of a first start


async def _in_set_up(stage: SetUp, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def assert_all(what: str, must: str = "") -> None:
        assert_safe(stage.app, what)
        assert_shown(stage.app, text, what, must=must)

    async def check_connection(_config: Config, board: QuestionBoard) -> AsyncIterator[Check]:
        yield Check("here", Outcome.FAILED, TROUBLE + text, REMOTE + text)

    monkeypatch.setattr(connection, "check_connection", check_connection)
    assert_all("the place", PATH)
    await stage.choose(Place.SLURM)
    for row in stage.rows.values():
        row.input.value = VALUE + text
        row.tell(TROUBLE + text)
    form = stage.app.screen
    assert isinstance(form, FormScreen)
    form.complain(ERROR + text)
    await stage.pause()
    assert_all("the form", VALUE + TROUBLE + ERROR)
    settings = {"transport": "ssh", "remote_root": "/r", "ssh": {"host": "h"}}
    await stage.app.push_screen(ConnectionScreen(a_config(hpc=settings)))
    await stage.until(lambda: "esc goes back" in stage.text)
    assert_all("the connection test", TROUBLE + REMOTE)
    await stage.app.push_screen(WriteScreen(Path("/") / a_name(PATH, text), ASKED + text))
    await stage.pause()
    assert_all("the text of the config", PATH + ASKED)


@pytest.mark.parametrize("what", NASTY)
async def test_the_set_up_shows_what_is_typed_and_found_as_it_is(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = NASTY[what]
    async with set_up(Path("/nowhere") / a_name(PATH, text) / "config.yaml", MIDDLE) as stage:
        await _in_set_up(stage, text, monkeypatch)


# What is not brought up here is not known to be safe


def _classes() -> Iterator[type[Widget]]:
    """Every widget and screen of the program that is shown as itself, not as one of its subclasses alone."""
    for module in pkgutil.walk_packages(mqi_tui.ui.__path__, "mqi_tui.ui."):
        for one in vars(importlib.import_module(module.name)).values():
            if isinstance(one, type) and issubclass(one, Widget) and one.__module__ == module.name:
                yield one


async def test_every_widget_and_screen_is_brought_up_by_a_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[type] = set()

    def look(app: App[Any]) -> None:
        for screen in app.screen_stack:
            seen.update(type(node) for node in screen.walk_children(Widget, with_self=True))

    async with a_stage() as stage:
        for scene in SCENES.values():
            await bring_up(stage, scene, NAME)
            look(stage.app)
    async with set_up(Path("/nowhere") / a_name(PATH, NAME), MIDDLE) as setup:
        look(setup.app)
        await _in_set_up(setup, NAME, monkeypatch)
        look(setup.app)
    known = {base for one in seen for base in one.__mro__}
    assert {one.__qualname__ for one in _classes() if one not in known} == set()

"""The themes: readable in each, apart for colour-blind eyes, tried out live, and remembered for the next start."""

from __future__ import annotations

import itertools
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.theme import Theme

from mqi_tui.config import Config
from mqi_tui.domain.questions import Question, QuestionKind
from mqi_tui.domain.status import BeamStatus, FolderState
from mqi_tui.ui.heat import COLOURS, IS_LIGHT
from mqi_tui.ui.marks import BEAM_MARKS, Mark
from mqi_tui.ui.screens.ask import AskScreen
from mqi_tui.ui.screens.theme import ThemeScreen
from mqi_tui.ui.setup.fields import Place
from mqi_tui.ui.theme import DARK, DEFAULT, LIGHT, SAFE_DARK, SAFE_LIGHT, THEMES, remember_theme, remembered_theme
from mqi_tui.ui.widgets.dose_pane import DosePane
from mqi_tui.workflow.doctor import Check, Outcome
from tests.support.contrast import EYES, READABLE, coloured_text, contrast, difference, lightness, rgb, unreadable
from tests.support.screens import LARGE, MIDDLE, SMALL, Stage, a_config, on_stage, open_dose
from tests.support.scripted_engine import (
    ScriptedEngine,
    ScriptedLog,
    a_beam,
    a_case,
    a_folder,
    a_snapshot,
    an_event,
)
from tests.support.scripted_inspector import a_dose_array
from tests.support.set_up import set_up

BEAMS = [a_beam("alpha", f"b{number}", status) for number, status in enumerate(BEAM_MARKS)]
SNAPSHOT = a_snapshot(
    a_case("alpha", *BEAMS),
    folders=[a_folder(state.name, state, "because") for state in FolderState],
    events=[an_event(1, "computing"), an_event(2, "held up", level="warning"), an_event(3, "failed", level="error")],
)
LOG = b"a line\nCUDA error: out of memory\n"
EVERY = pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
_COMPLETED = next(beam for beam in BEAMS if beam.status is BeamStatus.COMPLETED)


def _engine() -> ScriptedEngine:
    engine = ScriptedEngine(SNAPSHOT)
    engine.logs["alpha_b0"] = ScriptedLog(data=LOG)
    engine.checks = [Check(outcome.name, outcome, "it is so", "do that") for outcome in Outcome]
    engine.inspector.show_dose(a_dose_array())
    return engine


def _states(theme: Theme) -> dict[str, tuple[int, int, int]]:
    colours = {
        "active": theme.primary,
        "waiting": theme.secondary,
        "good": theme.success,
        "warning": theme.warning,
        "bad": theme.error,
    }
    return {name: rgb(str(colour)) for name, colour in colours.items()}


# What can be read


@EVERY
def test_every_tone_can_be_read_on_every_background(theme: Theme) -> None:
    inks = {**_states(theme), "foreground": rgb(str(theme.foreground)), "muted": rgb(theme.variables["muted"])}
    papers = {
        "background": rgb(str(theme.background)),
        "surface": rgb(str(theme.surface)),
        "panel": rgb(str(theme.panel)),
        "selected row": rgb(theme.variables["row"]),
    }
    bad = [
        f"{ink} on {paper}: {contrast(inks[ink], papers[paper]):.2f}"
        for ink, paper in itertools.product(inks, papers)
        if contrast(inks[ink], papers[paper]) < READABLE
    ]
    assert bad == []


async def _dose(stage: Stage) -> None:
    stage.main._go_to("alpha", f"beam {_COMPLETED.beam_id}")
    await open_dose(stage)
    await stage.until(lambda: stage.app.screen.query_one(DosePane)._dose is not None)
    await stage.until(lambda: "R80" in stage.text)


async def _planes(stage: Stage) -> None:
    await _dose(stage)
    await stage.press("z")
    await stage.until(lambda: "╋" in stage.text)


async def _ask(stage: Stage) -> None:
    question = Question(1, QuestionKind.HOST_KEY, "Is this it?", "Compare it.", "SHA256:abc")
    await stage.app.push_screen(AskScreen(question))
    await stage.pause()


async def _secret(stage: Stage) -> None:
    await stage.app.push_screen(AskScreen(Question(1, QuestionKind.SECRET, "Password", "of the cluster")))
    await stage.press("a")


async def _toasts(stage: Stage) -> None:
    for severity in ("information", "warning", "error"):
        stage.app.notify("said", title="A toast", severity=severity)
    await stage.pause()


def _keys(*keys: str) -> Callable[[Stage], Awaitable[None]]:
    return lambda stage: stage.press(*keys)


SCREENS: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "cases": _keys("enter"),
    "beams": _keys("tab"),
    "attention": _keys("shift+tab"),
    "log": _keys("tab", "l"),
    "filter": _keys("slash", "b"),
    "empty filter": _keys("slash"),
    "help": _keys("question_mark"),
    "signs": _keys("question_mark", "end"),
    "palette": _keys("ctrl+p"),
    "events": _keys("e"),
    "paths": _keys("o"),
    "question": _keys("c"),
    "quit": _keys("q"),
    "search": _keys("tab", "l", "ctrl+f"),
    "theme": _keys("T"),
    "settings": _keys("comma", "down"),
    "doctor": _keys("f2"),
    "beam": _keys("tab", "enter"),
    "dose": _dose,
    "planes": _planes,
    "host key": _ask,
    "secret": _secret,
    "toasts": _toasts,
}


@pytest.mark.parametrize("name", SCREENS)
async def test_all_that_stands_on_a_screen_can_be_read_in_each_theme(name: str) -> None:
    """Also what was there before the theme was changed."""
    async with on_stage(_engine(), LARGE) as stage:
        await stage.until(lambda: len(stage.log.lines) > 1)
        await SCREENS[name](stage)
        before = stage.text
        for theme in THEMES:
            stage.app.theme = theme
            await stage.pause()
            await stage.pause()
            assert len(list(coloured_text(stage.app))) >= 3
            assert unreadable(stage.app) == [], theme
            _, _, paper = max(coloured_text(stage.app), key=lambda piece: len(piece[0]))
            assert (lightness(paper) < 50) == THEMES[theme].dark
        assert len(before) == len(stage.text)


@EVERY
async def test_without_colour_all_can_be_read_and_every_state_has_its_glyph_and_word(
    theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with on_stage(_engine(), LARGE, theme=theme.name) as stage:
        await stage.press("tab")
        for beam in BEAMS:
            mark: Mark = BEAM_MARKS[beam.status]
            assert f"{mark.glyph} {beam.status.word}" in stage.text
        assert unreadable(stage.app) == []
        assert all(len(set(colour)) == 1 for _, *pair in coloured_text(stage.app) for colour in pair)
        assert any(line.lstrip("│ ").startswith("▌") for line in stage.lines)


@EVERY
async def test_the_set_up_can_be_read(theme: Theme, tmp_path: Path) -> None:
    async with set_up(tmp_path / "config.yaml", MIDDLE, theme=theme.name) as stage:
        assert unreadable(stage.app) == []
        await stage.choose(Place.SLURM)
        await stage.press("f3")
        await stage.until(lambda: "✗" in stage.text)
        assert unreadable(stage.app) == []


def test_the_cursor_in_a_plane_of_the_dose_can_be_seen_on_every_colour() -> None:
    for colour, is_light in zip(COLOURS, IS_LIGHT, strict=True):
        assert contrast(colour, (0, 0, 0) if is_light else (255, 255, 255)) >= READABLE


# Colour-blind eyes


@pytest.mark.parametrize("theme", [SAFE_DARK, SAFE_LIGHT], ids=lambda theme: theme.name)
def test_in_the_safe_pair_the_states_differ_for_all_eyes_and_in_lightness(theme: Theme) -> None:
    for one, other in itertools.combinations(_states(theme).values(), 2):
        assert abs(lightness(one) - lightness(other)) >= 4.5
        assert min(difference(one, other, eyes) for eyes in EYES.values()) >= 14


def test_there_is_a_dark_and_a_light_one_of_each_kind() -> None:
    assert [theme.name for theme in THEMES.values() if theme.dark] == [DARK.name, SAFE_DARK.name]
    assert [theme.name for theme in THEMES.values() if not theme.dark] == [LIGHT.name, SAFE_LIGHT.name]


# Choosing


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return a_config(state_directory=tmp_path)


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
async def test_a_theme_is_tried_as_the_cursor_comes_to_it_and_kept_by_enter(
    size: tuple[int, int], config: Config, tmp_path: Path
) -> None:
    async with on_stage(_engine(), size, config=config) as stage:
        await stage.press("T", "down")
        assert stage.app.theme == LIGHT.name
        assert rgb(str(LIGHT.panel)) in {paper for _, _, paper in coloured_text(stage.app)}
        assert not (tmp_path / "theme").exists()
        await stage.press("enter")
        await stage.until((tmp_path / "theme").exists)
        assert stage.app.screen is stage.main
    assert remembered_theme(tmp_path) == LIGHT.name
    assert stat.S_IMODE((tmp_path / "theme").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["theme"]


@pytest.mark.parametrize("key", ["escape", "q", "T"])
async def test_a_theme_that_was_only_tried_is_given_up(key: str, config: Config, tmp_path: Path) -> None:
    async with on_stage(_engine(), config=config, theme=SAFE_DARK.name) as stage:
        await stage.press("T", "down", "down", key)
        assert stage.app.screen is stage.main
        assert stage.app.theme == SAFE_DARK.name
    assert list(tmp_path.iterdir()) == []


async def test_the_mouse_tries_with_a_click_and_keeps_with_two(config: Config, tmp_path: Path) -> None:
    async with on_stage(_engine(), config=config) as stage:
        await stage.press("T")
        await stage.pilot.click("#theme-list", offset=(4, 3))
        assert stage.app.theme == SAFE_LIGHT.name
        assert isinstance(stage.app.screen, ThemeScreen)
        await stage.pilot.click("#theme-list", offset=(4, 2), times=2)
        await stage.until((tmp_path / "theme").exists)
    assert remembered_theme(tmp_path) == SAFE_DARK.name


async def test_a_click_beside_the_choice_gives_it_up(config: Config) -> None:
    async with on_stage(_engine(), config=config) as stage:
        await stage.press("T", "down")
        await stage.pilot.click(offset=(1, 1))
        assert stage.app.screen is stage.main
        assert stage.app.theme == DEFAULT


async def test_a_choice_that_cannot_be_remembered_holds_and_says_so(config: Config, tmp_path: Path) -> None:
    (tmp_path / "theme").mkdir()
    async with on_stage(_engine(), config=config) as stage:
        await stage.press("T", "down", "enter")
        await stage.until(lambda: any("It holds until you quit" in toast for toast in stage.toasts))
        assert stage.app.theme == LIGHT.name


@pytest.mark.parametrize("name", [*THEMES, *(f"{name}\n" for name in THEMES), f"  {LIGHT.name} \r\n"])
def test_what_was_chosen_is_taken_at_the_next_start(name: str, tmp_path: Path) -> None:
    (tmp_path / "theme").write_text(name)
    assert remembered_theme(tmp_path) == name.strip()


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"nord", b"textual-dark", b"light\nlight", b"\xff\xfe\0\x1b[2J", b"light" * 100_000]
)
def test_a_damaged_choice_is_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "theme").write_bytes(content)
    assert remembered_theme(tmp_path) == DEFAULT


def test_without_a_file_or_with_something_else_there_it_is_the_default(tmp_path: Path) -> None:
    assert remembered_theme(tmp_path / "nowhere") == DEFAULT
    (tmp_path / "theme").mkdir()
    assert remembered_theme(tmp_path) == DEFAULT


def test_a_new_choice_takes_the_place_of_the_old_one_whole(tmp_path: Path) -> None:
    for theme in THEMES:
        remember_theme(tmp_path, theme)
        assert remembered_theme(tmp_path) == theme
    assert [path.name for path in tmp_path.iterdir()] == ["theme"]


async def test_a_curve_that_is_drawn_takes_the_colours_of_the_new_theme() -> None:
    async with on_stage(_engine(), LARGE) as stage:
        await _dose(stage)
        stage.app.theme = LIGHT.name
        # The plots are drawn anew one by one.
        await stage.until(lambda: _braille(stage) == {rgb(str(LIGHT.primary))})


def _braille(stage: Stage) -> set[tuple[int, ...]]:
    """The colours of the dots of curves."""
    strips = stage.app.screen._compositor.render_strips(stage.app.size)
    return {
        tuple(style.color.get_truecolor())
        for strip in strips
        for text, style, _ in strip
        if style is not None
        and style.color is not None
        and any("\u2801" <= character <= "\u28ff" for character in text)
    }

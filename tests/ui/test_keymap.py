"""The user's own keys: what they do on the screen, and how mistakes in them are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqi_tui.config import load_config
from mqi_tui.domain.errors import ConfigError
from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui.actions import ACTIONS, Actions, shown_key
from mqi_tui.ui.keymap import actions_of
from mqi_tui.ui.screens.settings import SettingsScreen
from tests.support.screens import MIDDLE, a_config, lines_of, on_stage
from tests.support.scripted_engine import ScriptedEngine, ScriptedLog, a_beam, a_case, a_snapshot

SNAPSHOT = a_snapshot(a_case("alpha", a_beam("alpha", "b1", BeamStatus.FAILED, error="no luck")))


def _refusal(tmp_path: Path, text: str) -> str:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        actions_of(load_config(path))
    return str(refused.value).replace(str(path), "config.yaml")


def _keys(*own: tuple[str, list[str]]) -> Actions:
    return actions_of(a_config(keys=dict(own)))


@pytest.mark.parametrize(
    ("text", "key", "shown"),
    [
        ("f5", "f5", "f5"),
        ("Z", "Z", "Z"),
        ("+", "plus", "+"),
        ("plus", "plus", "+"),
        (",", "comma", ","),
        ("ctrl+r", "ctrl+r", "ctrl+r"),
        ("ctrl+R", "ctrl+r", "ctrl+r"),
        ("shift+f5", "shift+f5", "shift+f5"),
        ("alt+ctrl+pageup", "ctrl+alt+pageup", "ctrl+alt+pgup"),
        ("%", "percent_sign", "%"),
        ("ctrl+/", "ctrl+slash", "ctrl+/"),
        ("é", "é", "é"),
    ],
)
def test_keys_are_named_as_a_person_would_or_as_the_terminal_does(text: str, key: str, shown: str) -> None:
    free: list[tuple[str, list[str]]] = [("settings", []), ("priority_up", [])]  # have some of these keys otherwise
    [action] = [action for action in _keys(*free, ("retry_target", [text])) if action.name == "retry_target"]
    assert action.keys == (key,)
    assert action.shown_key == shown


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("retry_targt: [f5]", "config.yaml:2: keys.retry_targt: found 'retry_targt', expected retry_target (did"),
        ("xyz: [f5]", "config.yaml:2: keys.xyz: found 'xyz', expected one of "),
        ("filter: [f99]", "config.yaml:2: keys.filter[1]: found 'f99', expected the name of a key, such as f5"),
        ("filter: [pgdwn]", "config.yaml:2: keys.filter[1]: found 'pgdwn', expected the name of a key"),
        ("filter: [ctrl+]", "config.yaml:2: keys.filter[1]: found 'ctrl+', expected the name of a key"),
        ("filter: [super+f]", "config.yaml:2: keys.filter[1]: found 'super+f', expected the name of a key"),
        ("filter: [shift+t]", "found 'shift+t', expected the character itself, such as T"),
        ("filter: [ctrl+c]", "found 'ctrl+c', expected another key: ctrl+c and ctrl+q always ask whether to quit"),
        ("cancel_target: [y]", "found 'y', expected another key: y confirms what this one asks"),
        ("filter: f5", "config.yaml:2: keys.filter: found 'f5', expected a list"),
        ('filter: [""]', "config.yaml:2: keys.filter[1]: found '', expected text on one line"),
        ("filter: [d]", "keys.filter[1]: found 'd', expected a key that is free: dispatch_target has it (everywhere)"),
        ("filter: [k]", "keys.filter[1]: found 'k', expected a key that is free: cursor_up has it (in every list)"),
        ("open_log: [space]", "keys.open_log[1]: found 'space', expected a key that is free: toggle_mark has it"),
        ("filter: [f5]\n  help: [f5]", "config.yaml:3: keys.help[1]: found 'f5', expected a key that is free: filter"),
    ],
)
def test_what_is_no_key_or_no_action_is_refused_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    assert message in _refusal(tmp_path, f"keys:\n  {line}\n")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    refusal = _refusal(tmp_path, "keys:\n  xyz: [f5]\n  filter: [f99, d]\n")
    assert [line.split(": found")[0] for line in refusal.splitlines()] == [
        "config.yaml:2: keys.xyz",
        "config.yaml:3: keys.filter[1]",
        "config.yaml:3: keys.filter[1]",
    ]


def test_two_actions_can_change_their_keys_with_each_other() -> None:
    keys = {action.name: action.keys for action in _keys(("retry_target", ["c"]), ("cancel_target", ["r"]))}
    assert (keys["retry_target"], keys["cancel_target"]) == (("c",), ("r",))


def test_what_two_panes_have_gets_its_key_in_both() -> None:
    assert [action.keys for action in _keys(("page_up", ["B"])) if action.name == "page_up"] == [("B",), ("B",)]


@given(
    st.text(max_size=12) | st.sampled_from(["+", "++", "ctrl++", "ctrl+ctrl+a", "\x1b", "[", "]", "[/red]", "<any>"])
)
@settings(max_examples=200)
def test_any_text_is_a_key_or_is_refused(text: str) -> None:
    try:
        actions = _keys(("rerun_target", [text]))
    except (ConfigError, ValueError):
        return
    [action] = [action for action in actions if action.name == "rerun_target"]
    assert action.shown_key.isprintable()
    assert "," not in action.keys[0]


def test_every_default_key_can_be_written_down_as_it_is_shown() -> None:
    for action in ACTIONS:
        for key in action.keys:
            if key not in {"up", "down", "left", "right", "pageup", "pagedown", "escape", "shift+up", "shift+down"}:
                assert _keys((action.setting, [shown_key(key)]))


@pytest.mark.parametrize("key", ["f5", "b", "ctrl+r"])
async def test_an_own_key_replaces_the_default_one_everywhere_it_is_named(key: str) -> None:
    config = a_config(keys={"retry_target": [key]})
    async with on_stage(ScriptedEngine(SNAPSHOT), MIDDLE, config=config) as stage:
        await stage.press("r")
        assert stage.engine.commands == []
        [keys] = lines_of(stage.main.query_one("#keys"))
        assert f" {key} Retry" in keys
        await stage.press("tab")
        assert f"{key}: retry from this step" in stage.details.text
        await stage.press(key)
        await stage.until(lambda: stage.engine.commands == [("retry", "alpha_b1")])


async def test_sentences_name_the_users_own_keys() -> None:
    own = {"clear_filter": ["f5"], "dispatch_target": ["f6"], "leave": ["f7"], "scroll_end": ["f8"]}
    engine = ScriptedEngine(a_snapshot(a_case("alpha", a_beam("alpha", "b1", attempt=1))))
    engine.logs = {"alpha_b1": ScriptedLog(data=b"line\n" * 100)}
    async with on_stage(engine, config=a_config(keys=own)) as stage:
        await stage.until(lambda: len(stage.log.lines) == 100)
        stage.log.focus()
        await stage.press("home")
        await stage.until(lambda: "scrolled up, f8 follows again" in stage.text)
        await stage.press("slash", *"xyz")
        await stage.until(lambda: "f5 clears the filter." in stage.text)
        await stage.press("escape", "comma")
        await stage.until(lambda: isinstance(stage.app.screen, SettingsScreen))
        await stage.press("slash", *"xyz")
        await stage.until(lambda: "f7 clears the filter." in stage.text)
        await stage.press("escape", "f7", "tab", "enter")
        await stage.until(lambda: "the beam is new, f6 in the beam list starts it." in stage.text)


async def test_what_the_user_took_the_key_of_is_named_as_it_is_in_the_palette_or_not_at_all() -> None:
    actions = _keys(("dispatch_target", []), ("scroll_end", []))
    assert actions.way_to("dispatch_target") == "ctrl+p “Dispatch what is selected”"
    assert actions.way_to("scroll_end") == ""


async def test_keys_that_are_exchanged_do_each_others_work() -> None:
    config = a_config(keys={"retry_target": ["c"], "cancel_target": ["r"]})
    async with on_stage(ScriptedEngine(SNAPSHOT), config=config) as stage:
        await stage.press("tab", "c")
        await stage.until(lambda: stage.engine.commands == [("retry", "alpha_b1")])


async def test_an_empty_list_takes_the_key_away_and_leaves_the_palette() -> None:
    config = a_config(keys={"dispatch_target": []})
    async with on_stage(ScriptedEngine(SNAPSHOT), config=config) as stage:
        await stage.press("d")
        assert stage.engine.commands == []
        [keys] = lines_of(stage.main.query_one("#keys"))
        assert "Dispatch" not in keys
        await stage.press("ctrl+p", *"dispatch", "space", *"what", "enter")
        await stage.until(lambda: stage.engine.commands == [("dispatch", "alpha", None)])


async def test_a_full_rerun_has_a_key_only_if_the_user_gives_it_one() -> None:
    config = a_config(keys={"rerun_target": ["F"]})
    async with on_stage(ScriptedEngine(SNAPSHOT), config=config) as stage:
        await stage.press("tab", "F")
        assert "Run 1 beam again from the beginning?" in stage.text

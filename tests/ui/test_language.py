"""The language of the screens: who chooses it, and that Korean texts, whose characters are two cells wide, line up."""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from rich.cells import cell_len

from mqi_tui.config import Settings, parse_config
from mqi_tui.domain.errors import ConfigError
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus, CaseStatus, FolderState
from mqi_tui.domain.text import Sentence
from mqi_tui.ui import language
from mqi_tui.ui.filtering import Filter
from mqi_tui.ui.language import _, in_both, ngettext, said
from mqi_tui.ui.text import counted
from mqi_tui.ui.widgets.header_line import HeaderLine
from mqi_tui.ui.widgets.key_line import KeyLine
from tests.support.screens import MIDDLE, SMALL, Stage, a_config, lines_of, on_stage
from tests.support.scripted_engine import ScriptedEngine, a_beam, a_case, a_folder, a_snapshot
from tests.support.set_up import set_up

SIZES = pytest.mark.parametrize("size", [SMALL, MIDDLE])
KOREAN = {"LANG": "ko_KR.UTF-8"}
WIDE = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")


def _snapshot() -> EngineSnapshot:
    """A beam in every state, and a folder in every one that it can be in."""
    beams = [a_beam("홍길동", f"b{number:02}", status) for number, status in enumerate(BeamStatus)]
    queued = a_beam("홍길동", "b20", BeamStatus.HPC_RUNNING, job_waits=True, gpu_id=1, hpc_job_id="4712", attempt=2)
    failed = a_beam("alpha", "b1", BeamStatus.FAILED, stage=BeamStatus.PREPROCESSING, error="line 7 is wrong.")
    folders = [a_folder(f"f{number}", state, "why") for number, state in enumerate(FolderState)]
    return a_snapshot(a_case("alpha", failed), a_case("홍길동", *beams, queued), folders=folders)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "kok_IN"}, "en"),
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko"}, "ko"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "ko_KR.eucKR"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": ""}, "ko"),
    ],
)
def test_the_locale_chooses_as_in_other_programs(environment: dict[str, str], expected: str) -> None:
    assert language.of_locale(environment) == expected


def test_the_config_says_more_than_the_locale() -> None:
    language.choose("en", KOREAN)
    assert (_("failed"), counted(2, "beam"), ngettext("one", "many", 2)) == ("failed", "2 beams", "many")
    language.choose("ko", {"LANG": "en_US.UTF-8"})
    assert (_("failed"), counted(2, "beam")) == ("실패", "빔 2개")
    language.choose("auto", KOREAN)
    assert (_("failed"), _("no such text"), _("")) == ("실패", "no such text", "")


def test_a_config_that_names_another_language_is_refused() -> None:
    assert Settings().language == "auto"
    assert parse_config(Path("/data/config.yaml"), "language: ko").settings.language == "ko"
    with pytest.raises(ConfigError, match="language: found 'fr', expected 'auto', 'en' or 'ko'"):
        parse_config(Path("/data/config.yaml"), "language: fr")


async def test_the_screen_is_in_the_language_of_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "ko_KR.UTF-8")
    async with on_stage(ScriptedEngine(_snapshot())) as stage:
        assert "가동 중" in stage.text
    async with on_stage(ScriptedEngine(_snapshot()), config=a_config(language="en")) as stage:
        assert "RUNNING" in stage.text
        assert WIDE.findall(stage.text.replace("홍길동", "")) == []


async def test_the_set_up_is_in_the_language_of_the_locale(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LC_ALL", "ko_KR.UTF-8")
    async with set_up(tmp_path / "config.yaml") as view:
        assert "시뮬레이션을 어디서 실행합니까?" in view.text
        await view.press("2")
        await view.until(lambda: "새 케이스 폴더가 나타나는 곳" in view.text)


@SIZES
async def test_the_columns_of_the_beam_list_line_up(size: tuple[int, int]) -> None:
    async with on_korean_stage(size) as stage:
        await stage.press("down", "a")
        head, *rows = lines_of(stage.beams)
        assert len({cell_len(line) for line in (head, *rows)}) == 1
        state, progress = _cells_before(head, "상태"), _cells_before(head, "진행률")
        shown = [row for row in rows if row.strip()]
        assert len(shown) > 2
        for row in shown:
            assert _cells_before(row, _first(row, "○◌◔↑◇◆►↓◕✓✗□■")) == state
            assert _cells_before(row, _first(row, "━─╸┼┿")) == progress


@pytest.mark.parametrize("status", [*BeamStatus])
def test_the_words_of_states_are_short_enough_for_their_columns(status: BeamStatus) -> None:
    language.choose("ko")
    assert cell_len(_(status.word)) <= 15
    assert _(status.word) != status.word


def test_the_words_of_cases_and_of_a_queue_are_short_enough_too() -> None:
    language.choose("ko")
    assert cell_len(_("in HPC queue")) <= 15
    assert all(cell_len(_(status.value)) <= 11 for status in CaseStatus)


@SIZES
async def test_nothing_of_the_head_and_the_keys_is_cut(size: tuple[int, int]) -> None:
    async with on_korean_stage(size) as stage:
        [header] = lines_of(stage.main.query_one(HeaderLine))
        for word in ("► 가동 중", "진행 ", "대기 ", "실패 ", "완료 ", "슬롯 1/8", "UTC"):
            assert word in header
        [keys] = lines_of(stage.main.query_one(KeyLine))
        for word in ("d 시작", "r 재시도", "c 취소", "/ 필터", "? 도움말", "q 종료", "ctrl+p 명령"):
            assert word in keys


async def test_a_key_can_be_clicked_where_its_words_are() -> None:
    async with on_korean_stage(SMALL) as stage:
        line = stage.main.query_one(KeyLine)
        [text] = lines_of(line)
        await stage.pilot.click(line, offset=(_cells_before(text, "도움말") + 5, 0))
        await stage.until(lambda: "현재 창" in stage.text)


@SIZES
async def test_every_screen_fills_its_frame(size: tuple[int, int]) -> None:
    """The right border of what is over the screen is one column, whatever stands before it."""
    async with on_korean_stage(size) as stage:
        for key, word in (
            ("question_mark", "도움말"),
            ("ctrl+p", "선택 항목 재시도"),
            ("q", "종료할까요?"),
            ("e", "이벤트"),
        ):
            await stage.press(key)
            assert word in stage.text
            framed = [line for line in stage.lines if line.count("│") == 2]
            assert len(framed) > 3
            assert len({tuple(cell_len(part) for part in line.split("│")) for line in framed}) == 1
            await stage.press("escape")


async def test_the_palette_finds_by_korean_and_by_english_words() -> None:
    async with on_korean_stage(MIDDLE) as stage:
        for words in ("재시도", "retry"):
            await stage.press("ctrl+p", *words)
            await stage.until(lambda: "선택 항목 재시도" in stage.text and "선택 항목 시작" not in stage.text)
            await stage.press("escape")


async def test_a_question_is_asked_and_answered_in_korean() -> None:
    async with on_korean_stage(MIDDLE) as stage:
        await stage.press("down", "c")
        await stage.until(lambda: "취소할까요?" in stage.text)
        assert "예, 빔" in stage.text
        await stage.press("n")


@pytest.mark.parametrize("words", ["state:실패", "state:failed", "실패", "failed", '"gpu 대기"'])
def test_the_filter_knows_states_in_both_languages(words: str) -> None:
    language.choose("ko")
    case = a_case("c", *(a_beam("c", status.value[:1] + str(n), status) for n, status in enumerate(BeamStatus)))
    found = Filter(words).beams_of(case)
    expected = BeamStatus.HPC_QUEUED if "gpu" in words else BeamStatus.FAILED
    assert found is not None
    assert [beam.status for beam in found] == [expected]


def test_an_answer_of_the_engine_is_said_with_all_its_parts() -> None:
    answer = Sentence("{beam} goes on from {stage}", beam="a{b}", stage=Sentence("preprocessing"))
    assert (answer, said(answer), said("{as} it is")) == ("a{b} goes on from preprocessing",) * 2 + ("{as} it is",)
    language.choose("ko")
    assert said(answer) == "a{b}: '전처리 중' 단계부터 이어집니다"


def test_what_is_searched_is_in_both_languages_once_each() -> None:
    assert in_both("failed") == "failed"
    language.choose("ko")
    assert in_both("failed", "new") == "failed new 실패 신규"


def _first(line: str, signs: str) -> str:
    return next(character for character in line if character in signs)


def _cells_before(line: str, words: str) -> int:
    return cell_len(line[: line.index(words)])


def on_korean_stage(size: tuple[int, int]) -> AbstractAsyncContextManager[Stage]:
    return on_stage(ScriptedEngine(_snapshot()), size, config=a_config(language="ko"))

"""Finding case folders: what is taken up, what waits, what is passed over, and the reason that a person reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqi_tui.config import ScanSettings, Settings
from mqi_tui.domain.status import FolderState
from mqi_tui.workflow.case_scanner import CaseScanner, KnownCase, ScanResult
from tests.support.folders import log_name, make_beam, make_case

QUIET = 10.0


class Scans:
    """A scanner over a folder, with a clock that a test moves by hand."""

    def __init__(self, root: Path, **scan: object) -> None:
        root.mkdir(exist_ok=True)
        self.now = 0.0
        settings = Settings(
            scan_directory=root, scan=ScanSettings.model_validate({"quiet_period_seconds": QUIET} | scan)
        )
        self._scanner = CaseScanner(settings, clock=lambda: self.now)
        self.known: dict[str, KnownCase] = {}

    def scan(self) -> ScanResult:
        return self._scanner.scan(self.known)

    def settled(self) -> ScanResult:
        """The result of a second scan, a quiet period later."""
        self.scan()
        self.now += QUIET
        return self.scan()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cases"


def reason(result: ScanResult, path: Path) -> tuple[FolderState, str]:
    (found,) = [folder for folder in result.folders if folder.path == path]
    return found.state, found.reason


def test_a_complete_case_is_found_after_its_quiet_period(root: Path) -> None:
    case = make_case(root / "CASE", beams=("b1", "b2"))
    scans = Scans(root)
    assert reason(scans.scan(), case)[0] is FolderState.SETTLING
    scans.now += QUIET
    (found,) = scans.scan().cases
    assert (found.case_id, found.path) == ("CASE", case)
    assert found.beams == (("b1", case / "b1"), ("b2", case / "b2"))


def test_a_case_that_still_grows_waits(root: Path) -> None:
    case = make_case(root / "CASE")
    scans = Scans(root)
    scans.scan()
    for _ in range(3):
        scans.now += QUIET
        with (case / "2025042401440800" / log_name(1)).open("ab") as file:
            file.write(b"\0" * 16)
        result = scans.scan()
        assert not result.cases
        assert reason(result, case)[0] is FolderState.SETTLING
    scans.now += QUIET
    assert scans.scan().cases


def test_a_marker_in_a_new_case_makes_it_ready_at_once(root: Path) -> None:
    case = make_case(root / "patient" / "CASE")
    (case / "_CASE_READY").touch()
    (case.parent / "_CASE_READY").touch()
    assert [found.case_id for found in Scans(root).scan().cases] == ["CASE"]


@pytest.mark.parametrize("place", [".", ".."])
def test_a_marker_of_an_earlier_delivery_does_not_vouch_for_what_is_still_copied(root: Path, place: str) -> None:
    case = make_case(root / "patient" / "CASE", beams=("b1",))
    (case / place / "_CASE_READY").touch()
    scans = Scans(root)
    if place == ".":
        scans.known = {"CASE": KnownCase(case, {"b1"})}
    log = make_beam(case / "b2") / log_name(1)
    whole = log.read_bytes()
    log.write_bytes(whole[:16])
    result = scans.scan()
    assert not result.cases
    assert reason(result, case)[0] is FolderState.SETTLING
    assert "earlier delivery" in reason(result, case)[1]
    scans.now += 1.0
    log.write_bytes(whole)
    assert not scans.scan().cases
    scans.now += 1.0
    (found,) = scans.scan().cases
    assert [name for name, _ in found.beams] == ["b1", "b2"]


def test_a_marker_makes_nothing_wait_longer_than_it_would_without(root: Path) -> None:
    case = make_case(root / "patient" / "CASE")
    (case.parent / "_CASE_READY").touch()
    assert Scans(root, quiet_period_seconds=0).scan().cases


def test_a_marker_in_the_scan_directory_itself_is_no_marker_for_everything(root: Path) -> None:
    make_case(root / "CASE")
    (root / "_CASE_READY").touch()
    assert not Scans(root).scan().cases


def test_a_case_whose_listed_log_is_missing_waits_and_names_it(root: Path) -> None:
    case = make_case(root / "CASE")
    (case / "2025042401440800" / log_name(2)).unlink()
    state, why = reason(Scans(root).settled(), case)
    assert state is FolderState.INCOMPLETE
    assert log_name(2) in why
    assert "_CASE_READY" in why


@pytest.mark.parametrize("name", ["PlanInfo.txt", "PlanRange.txt"])
def test_a_case_whose_beam_lacks_a_table_waits_and_names_it(root: Path, name: str) -> None:
    case = make_case(root / "CASE")
    (case / "2025042401440800" / name).unlink()
    state, why = reason(Scans(root).settled(), case)
    assert state is FolderState.INCOMPLETE
    assert name in why


def test_a_case_without_a_plan_waits_for_it(root: Path) -> None:
    case = make_case(root / "CASE")
    (case / "RP.1.2.3.dcm").unlink()
    state, why = reason(Scans(root).settled(), case)
    assert state is FolderState.INCOMPLETE
    assert "RP*.dcm" in why


def test_a_plan_without_beams_waits_for_them(root: Path) -> None:
    case = make_case(root / "CASE", beams=())
    state, why = reason(Scans(root).settled(), case)
    assert state is FolderState.INCOMPLETE
    assert "no beam folder" in why


def test_an_incomplete_case_holds_up_no_other(root: Path) -> None:
    (make_case(root / "BAD") / "2025042401440800" / log_name(1)).unlink()
    make_case(root / "GOOD")
    assert [found.case_id for found in Scans(root).settled().cases] == ["GOOD"]


def test_nested_cases_are_found_down_to_the_configured_depth(root: Path) -> None:
    make_case(root / "patient" / "study" / "CASE")
    assert [found.case_id for found in Scans(root, max_depth=3).settled().cases] == ["CASE"]
    result = Scans(root, max_depth=2).settled()
    assert not result.cases
    state, why = reason(result, root / "patient" / "study")
    assert state is FolderState.PASSED_OVER
    assert "max_depth" in why


def test_the_second_folder_with_a_case_id_is_refused_and_names_the_first(root: Path) -> None:
    first, second = make_case(root / "a" / "CASE"), make_case(root / "b" / "CASE")
    result = Scans(root).settled()
    assert [found.path for found in result.cases] == [first]
    state, why = reason(result, second)
    assert state is FolderState.REFUSED
    assert str(first) in why


def test_a_folder_with_the_id_of_a_known_case_elsewhere_is_refused(root: Path, tmp_path: Path) -> None:
    case = make_case(root / "CASE")
    scans = Scans(root)
    scans.known = {"CASE": KnownCase(tmp_path / "elsewhere" / "CASE", {"b"})}
    state, why = reason(scans.settled(), case)
    assert state is FolderState.REFUSED
    assert str(tmp_path / "elsewhere" / "CASE") in why


def test_two_cases_that_would_share_a_beam_id_do_not_both_become_cases(root: Path) -> None:
    make_case(root / "A", beams=("B_C",))
    second = make_case(root / "A_B", beams=("C",))
    result = Scans(root).settled()
    assert [found.case_id for found in result.cases] == ["A"]
    state, why = reason(result, second)
    assert state is FolderState.REFUSED
    assert "A_B_C" in why


def test_a_known_case_is_left_alone_until_it_has_a_further_beam(root: Path) -> None:
    case = make_case(root / "CASE", beams=("b1",))
    scans = Scans(root)
    scans.known = {"CASE": KnownCase(case, {"b1"})}
    assert scans.settled() == ScanResult((), ())
    make_beam(case / "b2")
    (found,) = scans.settled().cases
    assert [name for name, _ in found.beams] == ["b1", "b2"]


@pytest.mark.parametrize("name", ["CASE.extracting", "CASE.zip.tmp", "CASE.backup.1", "extract_CASE.tmp", ".CASE"])
def test_copies_in_progress_are_not_looked_at(root: Path, name: str) -> None:
    make_case(root / name)
    assert Scans(root).settled() == ScanResult((), ())


@pytest.mark.parametrize("name", ["with space", 'it\'s "quoted"', "DOE^JOHN [QA] 한글", "{case_id}", "-rf", "$HOME;x"])
def test_unusual_names_are_names(root: Path, name: str) -> None:
    make_case(root / name)
    assert [found.case_id for found in Scans(root).settled().cases] == [name]


@pytest.mark.parametrize(("name", "word"), [("line\nbreak", "control"), ("x" * 250, "bytes")])
def test_names_that_cannot_be_used_are_refused_with_the_reason(root: Path, name: str, word: str) -> None:
    case = make_case(root / name)
    state, why = reason(Scans(root).settled(), case)
    assert state is FolderState.REFUSED
    assert word in why


def test_a_name_of_200_characters_is_taken(root: Path) -> None:
    make_case(root / ("x" * 200))
    assert Scans(root).settled().cases


@pytest.mark.parametrize("name", ["CT", "study", "DICOM", "RTDOSE"])
def test_a_sub_folder_that_is_no_beam_is_passed_over_and_says_why(root: Path, name: str) -> None:
    case = make_case(root / "CASE", beams=("b1",))
    (case / name).mkdir()
    (case / name / "CT.1.dcm").touch()
    result = Scans(root).settled()
    assert [beam for beam, _ in result.cases[0].beams] == ["b1"]
    state, why = reason(result, case / name)
    assert state is FolderState.PASSED_OVER
    assert "PlanInfo.txt" in why


def test_empty_and_foreign_folders_are_passed_over(root: Path) -> None:
    scans = Scans(root)
    (root / "empty").mkdir()
    (root / "photos").mkdir()
    (root / "photos" / "a.jpg").touch()
    make_beam(root / "lonely beam")
    result = scans.settled()
    assert not result.cases
    assert reason(result, root / "empty") == (FolderState.PASSED_OVER, "empty")
    assert "no case folder" in reason(result, root / "photos")[1]
    assert "outside a case folder" in reason(result, root / "lonely beam")[1]


def test_symbolic_link_loops_end_and_say_so(root: Path) -> None:
    case = make_case(root / "patient" / "CASE")
    (root / "patient" / "loop").symlink_to(root / "patient")
    (root / "self").symlink_to(root / "self")
    (case / "loop").symlink_to(case)
    result = Scans(root).settled()
    assert [found.case_id for found in result.cases] == ["CASE"]
    assert "symbolic link" in reason(result, root / "patient" / "loop")[1]


def test_a_damaged_table_does_not_hide_the_case_but_is_left_to_its_beam(root: Path) -> None:
    case = make_case(root / "CASE")
    (case / "2025042401440800" / "PlanRange.txt").write_bytes(b"\xff\xfe\x00garbage")
    assert [found.case_id for found in Scans(root).settled().cases] == ["CASE"]


def test_limits_are_warnings_that_name_the_limit(root: Path) -> None:
    make_case(root / "MANY", beams=[f"b{number}" for number in range(6)])
    make_case(root / "THICK", beams=("b1",), layers=60)
    warnings = {found.case_id: " ".join(found.warnings) for found in Scans(root).settled().cases}
    assert "max_beams_per_case (5)" in warnings["MANY"]
    assert "max_csv_per_beam (50)" in warnings["THICK"]


def test_a_case_at_its_limits_gets_no_warning(root: Path) -> None:
    make_case(root / "CASE", beams=[f"b{number}" for number in range(5)], layers=50)
    (found,) = Scans(root).settled().cases
    assert found.warnings == ()

"""Bad case folders, all at once in one scan directory: each gets its own clear message, none stops the others."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pydicom
import pytest

from mqi_tui.builtin.sample import make_cases
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus, FolderState
from mqi_tui.workflow.case_scanner import CaseScanner, KnownCase, ScanResult
from tests.support.site import Site, wait_for

Damage = Callable[[Path], object]


def first_beam(case: Path) -> Path:
    return min(path for path in case.iterdir() if path.is_dir())


def first_log(case: Path) -> Path:
    return min(first_beam(case).glob("*.ptn"))


def plan(case: Path) -> Path:
    return next(case.glob("RP*.dcm"))


def edit(name: str, old: str, new: str) -> Damage:
    """Replace what the pattern `old` finds in a file of the first beam."""

    def damage(case: Path) -> None:
        path = first_beam(case) / name
        text, count = re.subn(old, new, path.read_text(), count=1, flags=re.MULTILINE)
        assert count, (path, old)
        path.write_text(text)

    return damage


def set_in_plan(**values: str) -> Damage:
    """Set attributes of the plan, or of all its beams where the plan has none by that name."""

    def damage(case: Path) -> None:
        dataset = pydicom.dcmread(plan(case))
        for name, value in values.items():
            for part in [dataset] if name in dataset else dataset.IonBeamSequence:
                setattr(part, name, value)
        dataset.save_as(plan(case))

    return damage


def in_place_of(path_of: Callable[[Path], Path], make: Callable[[Path], object]) -> Damage:
    """Put something else where a file was."""

    def damage(case: Path) -> None:
        path = path_of(case)
        path.unlink()
        make(path)

    return damage


def drop_a_layer(case: Path) -> None:
    table = first_beam(case) / "PlanRange.txt"
    *kept, dropped = table.read_text().splitlines()
    table.write_text("\n".join(kept) + "\n")
    (first_beam(case) / dropped.split(",")[9]).unlink()


def hide_beams(case: Path) -> None:
    for beam in [path for path in case.iterdir() if path.is_dir()]:
        beam.rename(case / f".{beam.name}")


def empty(case: Path) -> None:
    shutil.rmtree(case)
    case.mkdir()


BAD_BEAMS: dict[str, tuple[Damage, str]] = {
    "truncated log": (lambda case: os.truncate(first_log(case), 100), r"_001\.ptn has 100 bytes"),
    "empty log": (lambda case: os.truncate(first_log(case), 0), r"_001\.ptn is an empty log"),
    "log without dose": (lambda case: first_log(case).write_bytes(bytes(160)), r"_001\.ptn: the log holds no history"),
    "log not listed": (
        lambda case: shutil.copy(first_log(case), first_log(case).with_name("extra.ptn")),
        r"PlanRange\.txt.* extra\.ptn",
    ),
    "layer missing": (drop_a_layer, r"^{cases}/layer missing/\d+/PlanRange\.txt.* 2 layers.*has 3"),
    "other energy": (
        edit("PlanRange.txt", r"(^1,1,)[^,]*", r"\g<1>71.5"),
        r"^{cases}/other energy/\d+/PlanRange\.txt.*layer 1.*71\.5 MeV",
    ),
    "log outside": (edit("PlanRange.txt", r"[^,\n]*_001\.ptn", "../x.ptn"), r"PlanRange\.txt, line 2: .*\.\./x\.ptn"),
    "no layers": (edit("PlanRange.txt", r"(?s)\n1,.*", "\n"), r"PlanRange\.txt.*no layer"),
    "other header": (edit("PlanRange.txt", "LAYER_ENERGY", "ENERGY"), r"PlanRange\.txt.*LAYER_ENERGY"),
    "unknown beam number": (edit("PlanInfo.txt", r"BEAM_NUMBER,\d+", "BEAM_NUMBER,99"), r"99.*RP\..*dcm|RP\..*dcm.*99"),
    "setup beam": (edit("PlanInfo.txt", r"BEAM_NUMBER,\d+", "BEAM_NUMBER,1"), r"setup"),
    "no beam number": (edit("PlanInfo.txt", r"^DICOM_BEAM_NUMBER.*\n", ""), r"PlanInfo\.txt.*DICOM_BEAM_NUMBER"),
    "beam number in words": (
        edit("PlanInfo.txt", r"BEAM_NUMBER,\d+", "BEAM_NUMBER,two"),
        r"PlanInfo\.txt, line \d+.*two",
    ),
    "binary PlanInfo": (lambda case: (first_beam(case) / "PlanInfo.txt").write_bytes(b"\xff\xfe\0"), "0xff"),
    "other patient": (
        edit("PlanInfo.txt", r"PATIENT_ID,.*", "PATIENT_ID,SOMEONE"),
        r"PlanInfo\.txt.*SOMEONE.*another patient",
    ),
    "two plans": (lambda case: shutil.copy(plan(case), case / "RP.2.dcm"), r"RP\.2\.dcm"),
    "no DICOM": (lambda case: plan(case).write_text("no plan"), r"RP\..*\.dcm.*DICOM"),
    "an image": (set_in_plan(SOPClassUID="1.2.840.10008.5.1.4.1.1.2", Modality="CT"), r"RP\..*\.dcm"),
    "unknown machine": (
        set_in_plan(TreatmentMachineName="ROOM9"),
        r"'ROOM9' matches none of the machines in.*config\.yaml",
    ),
    "pipe beside the logs": (lambda case: os.mkfifo(first_beam(case) / "pipe"), r"named pipe"),
}
"""Damage to a case's first beam (or to its plan) -> what the beam's error says."""

BAD_FOLDERS: dict[str, tuple[Damage, FolderState, str]] = {
    "empty folder": (empty, FolderState.PASSED_OVER, "empty"),
    "missing log": (lambda case: first_log(case).unlink(), FolderState.INCOMPLETE, r"lacks .*_001\.ptn"),
    "pipe for a log": (in_place_of(first_log, os.mkfifo), FolderState.INCOMPLETE, r"lacks .*_001\.ptn"),
    "folder for a table": (
        in_place_of(lambda case: first_beam(case) / "PlanInfo.txt", Path.mkdir),
        FolderState.INCOMPLETE,
        r"lacks PlanInfo\.txt",
    ),
    "no plan": (lambda case: plan(case).unlink(), FolderState.INCOMPLETE, r"no plan \(RP\*\.dcm\)"),
    "plan alone": (
        hide_beams,
        FolderState.INCOMPLETE,
        "no beam folder",
    ),
    "x" * 245: (lambda _: None, FolderState.REFUSED, r"has 262 bytes.*shorter name"),
    "line\nbreak": (lambda _: None, FolderState.REFUSED, r"'line\\nbreak' contains control"),
    os.fsdecode(b"no utf8 \xff"): (lambda _: None, FolderState.REFUSED, r"udcff' contains control or undecodable"),
}
"""Damage to a case folder -> what the scan says of the folder, which then is no case."""

GOOD = [
    "with spaces  and 'quotes' \"\"",
    "DOE^JOHN [QA] 한글",
    "$(touch pwned) `id` ;&|",
    "{case_id} %s ~",
    "[bold]markup[@click=quit()]",
    "y" * 200,
]


def grow_at_each_look(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is still being copied: at every look there is more of it."""
    scan = CaseScanner.scan

    def growing(self: CaseScanner, known: Mapping[str, KnownCase]) -> ScanResult:
        with path.open("ab") as file:
            file.write(bytes(16))
        return scan(self, known)

    monkeypatch.setattr(CaseScanner, "scan", growing)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    (case,) = make_cases(tmp_path / "samples", cases=1, beams=2, layers=3, faulty=False, seed=5)
    return case


def add(site: Site, sample: Path, name: str, damage: Damage = lambda _: None) -> Path:
    """Copy the sample case under another name, damaged before the program can see it."""
    staging = site.folder / "staging"
    shutil.copytree(sample, staging)
    damage(staging)
    return staging.rename(site.cases / name)


def add_other_oddities(site: Site, sample: Path) -> None:
    add(site, sample, "holder").joinpath("DICOM").mkdir()
    nested = site.cases / "nested" / "again"
    nested.mkdir(parents=True)
    shutil.copytree(sample, nested / "holder")
    (nested / "loop").symlink_to(site.cases)
    (site.cases / "copy.extracting").mkdir()
    shutil.copytree(first_beam(sample), site.cases / "lone beam")


def folders(snapshot: EngineSnapshot) -> dict[str, tuple[FolderState, str]]:
    return {str(folder.path): (folder.state, folder.reason) for folder in snapshot.folders}


def test_there_are_twenty_of_them_and_more() -> None:
    assert len(BAD_BEAMS) + len(BAD_FOLDERS) >= 20


async def test_each_bad_folder_has_its_own_message_and_stops_no_other(
    site: Site, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.configure(max_workers=8)
    for name, (damage, _) in BAD_BEAMS.items():
        add(site, sample, name, damage)
    for name, (damage, _, _) in BAD_FOLDERS.items():
        add(site, sample, name, damage)
    for name in GOOD:
        add(site, sample, name)
    add_other_oddities(site, sample)
    grow_at_each_look(first_log(add(site, sample, "growing")), monkeypatch)

    async with site.engine(auto_dispatch=True) as engine:
        cases = {*BAD_BEAMS, *GOOD, "holder"}

        def has_ended(snapshot: EngineSnapshot) -> bool:
            there = {case.case_id: case for case in snapshot.cases}
            return there.keys() >= cases and not any(
                beam.status.is_active or beam.status is BeamStatus.NEW for case in snapshot.cases for beam in case.beams
            )

        snapshot = await wait_for(engine, has_ended)

    found = folders(snapshot)
    views = {case.case_id: case for case in snapshot.cases}
    assert views.keys() == cases

    for name, (_, error) in BAD_BEAMS.items():
        bad, *others = views[name].beams
        assert bad.status is BeamStatus.FAILED, (name, bad)
        assert bad.error is not None
        assert re.search(error.replace("{cases}", re.escape(str(site.cases))), bad.error), (name, bad.error)
        whole_case = name in {"two plans", "no DICOM", "an image", "unknown machine"}
        expected = BeamStatus.FAILED if whole_case else BeamStatus.COMPLETED
        assert {beam.status for beam in others} == {expected}, (name, others)
    for name in (*GOOD, "holder"):
        assert {beam.status for beam in views[name].beams} == {BeamStatus.COMPLETED}, (name, views[name].beams)
        assert all(beam.result_path is not None and beam.result_path.exists() for beam in views[name].beams)
    assert not (site.folder / "pwned").exists()

    by_name = {Path(path).name: reason for path, reason in found.items()}
    for name, (_, state, reason) in BAD_FOLDERS.items():
        shown = name.encode(errors="backslashreplace").decode()
        assert by_name[shown][0] is state, (name, by_name[shown])
        assert re.search(reason, by_name[shown][1]), (name, by_name[shown])
    assert by_name["growing"][0] is FolderState.SETTLING
    assert by_name["DICOM"] == (
        FolderState.PASSED_OVER,
        "not a beam folder: it holds no PlanInfo.txt, PlanRange.txt or .ptn file",
    )
    assert "a beam folder outside a case folder" in by_name["lone beam"][1]
    assert "symbolic link back" in by_name["loop"][1]
    duplicate = found[str(site.cases / "nested" / "again" / "holder")]
    assert duplicate[0] is FolderState.REFUSED
    assert f"already the case at {site.cases / 'holder'}" in duplicate[1]
    assert "copy.extracting" not in by_name
    # No two of them share a message.
    messages = [beam.error for case in snapshot.cases for beam in case.beams[:1] if beam.error]
    assert len(set(messages)) == len(messages)


async def test_more_beams_or_layers_than_the_limits_are_a_warning_that_names_the_limit(
    site: Site, tmp_path: Path
) -> None:
    site.add_cases(1, beams=6, layers=3)
    make_cases(site.cases, cases=1, beams=2, layers=60, faulty=False, seed=2)
    async with site.engine(auto_dispatch=True) as engine:
        snapshot = await wait_for(
            engine, lambda seen: seen.is_idle and len(seen.cases) == 2 and all(case.beams for case in seen.cases)
        )
    many_beams, many_layers = snapshot.cases
    assert "6 beams are more than max_beams_per_case (5)" in many_beams.record.warnings[0]
    assert "60 layers are more than max_csv_per_beam (50)" in many_layers.record.warnings[0]
    assert {case.status.value for case in snapshot.cases} == {"completed"}
    warned = [event.message for event in snapshot.events if event.level == "warning"]
    assert any("max_beams_per_case" in message for message in warned)
    assert any("max_csv_per_beam" in message for message in warned)

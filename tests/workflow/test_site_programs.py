"""A site's own interpreter and postprocessing command: small programs written here, run as the config says."""

from __future__ import annotations

import csv
import json
import re
import shutil
import textwrap
from pathlib import Path
from typing import Any

import pydicom
import pytest

from mqi_tui.domain.engine_formats import CsvLayout
from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.status import BeamStatus
from tests.support.jobs import is_alive
from tests.support.site import wait_until
from tests.workflow.support import COMPUTING, HISTORIES_OF_A_LAYER, PREPROCESSING, QuickSite, until_idle, until_status

_BEGIN = """
import csv, json, os, subprocess, sys, time
from pathlib import Path

staging, logs, plan, calibration, output, site, beam = sys.argv[1:8]
output, site = Path(output), Path(site)
layers = [
    (int(row["LAYER_NO"]), float(row["LAYER_ENERGY"])) for row in csv.DictReader((Path(logs) / "PlanRange.txt").open())
]

def write(layer, energy, rows="0.0,0.0,0.0,5\\n0.1,1.0,1.0,7\\n", folder=output, between=""):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{layer:02d}_{between}{energy:.2f}MeV.csv").write_text(rows)

def write_all(**how):
    for layer, energy in layers:
        write(layer, energy, **how)
"""
_ARGUMENTS = ["{staging_dir}", "{log_dir}", "{plan}", "{calibration}", "{output_dir}"]


def use_interpreter(quick: QuickSite, program: str, **settings: Any) -> None:
    """Have the site's interpreter be a Python program: `write_all()` writes right CSVs."""
    path = quick.site.folder / "site_interpreter.py"
    path.write_text(_BEGIN + textwrap.dedent(program))
    command = ["{python}", "-I", "-S", str(path), *_ARGUMENTS, str(quick.site.folder), "{beam_id}"]
    interpreter = {"command": command} | settings.pop("interpreter", {})
    quick.configure(interpreter=interpreter, **settings)


async def ended_beam(quick: QuickSite, *, beams: int = 1) -> BeamRecord:
    """The first beam of a new case, after all of it has ended."""
    case_id = quick.add_case(beams=beams)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        snapshot = await until_idle(engine)
        (case,) = snapshot.cases
        return case.beams[0]


async def error_of(quick: QuickSite) -> str:
    beam = await ended_beam(quick)
    assert beam.status is BeamStatus.FAILED
    assert beam.error is not None
    assert quick.count(COMPUTING) == 0
    return beam.error


def remote_folder(quick: QuickSite, beam: BeamRecord) -> Path:
    return quick.site.remote / beam.parent_case_id / beam.beam_id


def energies_of(beam_path: Path) -> list[float]:
    with (beam_path / "PlanRange.txt").open() as table:
        return [float(row["LAYER_ENERGY"]) for row in csv.DictReader(table)]


# What the interpreter is given


async def test_it_is_given_this_beams_folder_alone_and_the_plan_reduced_to_this_beam(quick: QuickSite) -> None:
    use_interpreter(
        quick,
        """
        write_all()
        seen = {"folders": sorted(path.name for path in Path(staging).iterdir() if path.is_dir()),
                "files": sorted(path.name for path in Path(logs).iterdir()),
                "calibration": Path(calibration).read_text()}
        (site / f"seen-{beam}.json").write_text(json.dumps(seen))
        (site / f"plan-{beam}.dcm").write_bytes(Path(plan).read_bytes())
        """,
    )
    first = await ended_beam(quick, beams=3)
    case = quick.site.cases / first.parent_case_id
    (whole,) = case.glob("RP*.dcm")
    assert len(pydicom.dcmread(whole).IonBeamSequence) == 4  # a setup beam and three treatment beams
    folders = [path for path in case.iterdir() if path.is_dir()]
    assert len(folders) == 3
    for folder in folders:
        beam_id = f"{case.name}_{folder.name}"
        seen = json.loads((quick.site.folder / f"seen-{beam_id}.json").read_text())
        assert seen["folders"] == [folder.name]
        assert seen["files"] == sorted(path.name for path in folder.iterdir())
        assert "0.0600745" in seen["calibration"]
        (only,) = pydicom.dcmread(quick.site.folder / f"plan-{beam_id}.dcm").IonBeamSequence
        number = int(re.findall(r"DICOM_BEAM_NUMBER,(\d+)", (folder / "PlanInfo.txt").read_text())[0])
        assert only.BeamNumber == number
        energies = [float(point.NominalBeamEnergy) for point in only.IonControlPointSequence[::2]]
        assert energies == pytest.approx(energies_of(folder))


async def test_logs_that_change_while_they_are_copied_for_it_are_copied_again(
    quick: QuickSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a log that is cut between two rows would be computed as a whole one."""
    own = shutil.copytree
    copies: list[dict[str, int]] = []

    def copied(source: Path, target: Path) -> Path:
        own(source, target)
        if not copies:
            log = min(source.glob("*.ptn"))
            log.write_bytes(log.read_bytes() + bytes(16))
        copies.append({path.name: path.stat().st_size for path in target.glob("*.ptn")})
        return target

    monkeypatch.setattr("mqi_tui.workflow.states.preprocessing.shutil.copytree", copied)
    quick.configure()
    beam = await ended_beam(quick)
    assert beam.status is BeamStatus.COMPLETED
    first, second = copies
    assert first != second == {path.name: path.stat().st_size for path in beam.beam_path.glob("*.ptn")}
    assert quick.count(PREPROCESSING) == 1


async def test_it_works_on_a_copy_and_cannot_harm_the_case_folder(quick: QuickSite) -> None:
    case_id = quick.add_case()
    before = {path: path.read_bytes() for path in (quick.site.cases / case_id).rglob("*") if path.is_file()}
    use_interpreter(
        quick,
        """
        write_all()
        for path in Path(staging).rglob("*"):
            if path.is_file():
                path.write_text("harm")
        """,
    )
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        assert (await until_idle(engine)).all_completed
    assert {path: path.read_bytes() for path in before} == before


async def test_its_words_name_the_persons_folder_not_the_copy(quick: QuickSite) -> None:
    use_interpreter(quick, "sys.exit(f'cannot read {logs}/x.ptn')")
    error = await error_of(quick)
    assert f"cannot read {quick.site.cases}/SAMPLE-0001/" in error
    assert ".staging" not in error


# Its CSVs


@pytest.mark.parametrize("layout", list(CsvLayout))
async def test_csvs_in_nested_folders_are_found_and_brought_to_the_configured_layout(
    quick: QuickSite, layout: CsvLayout
) -> None:
    use_interpreter(
        quick,
        "write_all(folder=output / beam / 'field 1' / 'csv', between='field1_')",
        interpreter={"csv_pattern": "**/csv/*.csv", "csv_layout": layout.value},
    )
    beam = await ended_beam(quick)
    assert beam.status is BeamStatus.COMPLETED, beam.error
    csvs = sorted(remote_folder(quick, beam).glob("*.csv"))
    assert [path.name for path in csvs] == [
        f"{layer:02d}_{energy:.2f}MeV.csv" for layer, energy in enumerate(energies_of(beam.beam_path), start=1)
    ]
    expected = {
        CsvLayout.ROWS: "0.0,0.0,0.0,5\n0.1,1.0,1.0,7\n",
        CsvLayout.TRAILING_COMMA: "0.0,0.0,0.0,5,\n0.1,1.0,1.0,7,\n",
        CsvLayout.SINGLE_LINE: "0.0,0.0,0.0,5,0.1,1.0,1.0,7",
    }
    assert {path.read_text() for path in csvs} == {expected[layout]}


BAD_CSVS = {
    "none": ("", r"ended well but left no CSV that matches interpreter\.csv_pattern \(\*\.csv\)"),
    "a layer missing": ("write(*layers[0])", r"holds 1 CSVs, but PlanRange\.txt lists 2 layers: no CSV of layer 2"),
    "a layer too many": ("write_all(); write(3, 100.0)", r"03_100\.00MeV\.csv: PlanRange\.txt lists no layer 3"),
    "a layer twice": (
        "write_all(); write(*layers[0], between='again_')",
        r"is there already: layer 1 has two CSVs with [\d.]+ MeV, where one is expected",
    ),
    "another energy": (
        "write_all(); write(1, layers[0][1] + 1); (output / f'01_{layers[0][1]:.2f}MeV.csv').unlink()",
        r"its name says [\d.]+ MeV, but layer 1 has [\d.]+ MeV in PlanRange\.txt",
    ),
    "the layers of two energies swapped": (
        "write(1, layers[1][1]); write(2, layers[0][1])",
        r"its name says [\d.]+ MeV, but layer 1 has [\d.]+ MeV",
    ),
    "no energy in the name": (
        "write_all(); (output / 'layer3.csv').write_text('0,0,0,1')",
        r"layer3\.csv: the file's name says no layer and energy",
    ),
    "counts of zero": (
        "write_all(rows='0.0,0.0,0.0,0\\n0.1,1.0,1.0,0\\n')",
        r"01_[\d.]+MeV\.csv: the counts of layer 1 sum up to 0",
    ),
    "a negative count": ("write_all(rows='0.0,0.0,0.0,-5\\n')", r"line 1: count is -5\.0, expected a whole number"),
    "half a history": ("write_all(rows='0.0,0.0,0.0,0.5\\n')", r"line 1: count is 0\.5, expected a whole number"),
    "not a number": ("write_all(rows='0.0,nan,0.0,5\\n')", r"line 1: .*found 'n', expected numbers"),
    "not finite": ("write_all(rows='0.0,1e999,0.0,5\\n')", r"line 1: x is inf, expected a finite number"),
    "three columns": ("write_all(rows='0.0,0.0,5\\n0.1,1.0,7\\n')", r"line 1: found 3 values"),
    "a header": ("write_all(rows='time,x,y,count\\n0.0,0.0,0.0,5\\n')", r"line 1: .*expected numbers and commas alone"),
    "an empty file": ("write_all(rows='')", r"01_[\d.]+MeV\.csv holds no spots"),
}
"""What is wrong: (the interpreter, what the beam's error says)."""


@pytest.mark.parametrize("name", BAD_CSVS)
async def test_csvs_that_are_not_those_of_the_beam_never_reach_the_engine(quick: QuickSite, name: str) -> None:
    program, error = BAD_CSVS[name]
    use_interpreter(quick, program)
    found = await error_of(quick)
    assert re.search(error, found), found
    assert not quick.site.remote.exists() or not list(quick.site.remote.rglob("*.csv"))


async def test_csvs_of_an_earlier_run_never_stand_beside_new_ones(quick: QuickSite) -> None:
    use_interpreter(
        quick,
        """
        write_all()
        (output / "moqui_tps.in").write_text("RandomSeed 1\\n")
        """,
    )
    case_id = quick.add_case()
    (beam_id,) = quick.beam_ids(case_id)
    async with quick.site.engine() as engine:
        await engine.first_scan()
        await engine.dispatch(case_id)
        await until_status(engine, beam_id, BeamStatus.COMPLETED)
    remote = quick.site.remote / case_id / beam_id
    old = {path.name: path.read_text() for path in remote.glob("*.csv")}
    # The plan and the logs are found to be of other energies: the CSVs have other names from now on.
    (plan,) = (quick.site.cases / case_id).glob("RP*.dcm")
    dataset = pydicom.dcmread(plan)
    for beam in dataset.IonBeamSequence:
        for point in beam.IonControlPointSequence:
            if "NominalBeamEnergy" in point and beam.TreatmentDeliveryType == "TREATMENT":
                point.NominalBeamEnergy = float(point.NominalBeamEnergy) - 1
    dataset.save_as(plan)
    table = quick.site.cases / case_id / beam_id.removeprefix(f"{case_id}_") / "PlanRange.txt"
    header, *rows = table.read_text().splitlines()
    cells = [row.split(",") for row in rows]
    table.write_text(
        "\n".join([header, *(",".join([*row[:2], f"{float(row[2]) - 1:.2f}", *row[3:]]) for row in cells)]) + "\n"
    )
    async with quick.site.engine() as engine:
        await engine.rerun(beam_id)
        assert (await until_idle(engine)).all_completed, engine.snapshot
    new = {path.name: path.read_text() for path in remote.glob("*.csv")}
    assert len(new) == len(old) == 2
    assert not new.keys() & old.keys()
    # Nothing on the HPC is deleted.
    assert {path.name: path.read_text() for path in remote.glob("superseded-*/*.csv")} == old
    copied = {path.name for path in (remote / "run-002").rglob("*.csv")}
    assert copied == set(new)


# Its moqui_tps.in


async def test_its_own_input_file_is_kept_with_comments_and_completed_from_the_config(quick: QuickSite) -> None:
    own = "# made by the site\nRandomSeed 77 # the site's own\n\nMaxHistoriesPerBatch 5\nGPUID 99\n"
    use_interpreter(
        quick,
        f"""
        write_all()
        (output / "deep").mkdir()
        (output / "deep" / "moqui_tps.in").write_text({own!r})
        """,
    )
    beam = await ended_beam(quick)
    assert beam.status is BeamStatus.COMPLETED, beam.error
    for path in (remote_folder(quick, beam) / "moqui_tps.in", remote_folder(quick, beam) / "run-001" / "moqui_tps.in"):
        text = path.read_text()
        assert text.startswith("# made by the site\nRandomSeed 77 # the site's own\n\nMaxHistoriesPerBatch 5\n")
        keys = dict(line.split(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        assert keys["PhantomDimX"] == "2"
        assert keys["Scorer"] == "Dose"
    # Place and attempt are ours to say, in the attempt's own copy.
    run = remote_folder(quick, beam) / "run-001"
    assert keys["GPUID"] == "0"
    assert keys["OutputDir"] == keys["ParentDir"] == str(run)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (
            "RandomSed 77\n",
            r"keys into moqui_tps\.in that engine\.profile logfork does not know .*RandomSed.*RandomSeed",
        ),
        ("OutputDir /data/{case_id}\n", r"left a placeholder in moqui_tps\.in unresolved: OutputDir /data/\{case_id\}"),
        ("RandomSeed\t77\n", r"moqui_tps\.in, line 1"),
        ("PhantomDimX two\n", r"PhantomDimX.*two"),
        ("Scorer LETd\n", r"moqui_tps\.in: Scorer is 'LETd', expected Dose"),
    ],
)
async def test_an_input_file_that_engine_or_person_would_misread_is_refused(
    quick: QuickSite, content: str, error: str
) -> None:
    use_interpreter(quick, f"write_all(); (output / 'moqui_tps.in').write_text({content!r})")
    found = await error_of(quick)
    assert re.search(error, found), found


async def test_two_input_files_are_one_too_many(quick: QuickSite) -> None:
    use_interpreter(
        quick,
        """
        write_all()
        for name in ("a", "b"):
            (output / name).mkdir()
            (output / name / "moqui_tps.in").write_text("RandomSeed 1\\n")
        """,
    )
    assert "mqi_interpreter wrote 2 files moqui_tps.in; one is expected" in await error_of(quick)


# How it ends


@pytest.mark.parametrize(
    ("program", "error"),
    [
        (
            "write_all(); print('Warning: layer 2 has no spots')",
            r"printed a warning, so its CSVs are not trusted: Warning: layer 2 has no spots \(whole output: .*\.log\)",
        ),
        ("write_all(); print('x' * 9, 'Warning!', file=sys.stderr)", r"not trusted: xxxxxxxxx Warning!"),
        (
            "write_all(); print('one'); print('two'); print(); print('three', file=sys.stderr); sys.exit(4)",
            r"mqi_interpreter ended with exit code 4: .*three.* \(whole output: .*interpreter\.log\)",
        ),
        ("sys.exit(5)", r"ended with exit code 5: no output \(whole output"),
        ("write_all(); os.kill(os.getpid(), 9)", r"ended with exit code -9"),
    ],
)
async def test_its_failure_and_its_warning_are_quoted(quick: QuickSite, program: str, error: str) -> None:
    use_interpreter(quick, program)
    found = await error_of(quick)
    assert re.search(error, found), found


async def test_the_word_warning_inside_another_is_none(quick: QuickSite) -> None:
    use_interpreter(quick, "write_all(); print('0 Warnings, NoWarning')")
    assert (await ended_beam(quick)).status is BeamStatus.COMPLETED


async def test_a_flood_of_output_blocks_nothing(quick: QuickSite) -> None:
    use_interpreter(quick, "write_all(); print('out' * 300_000); print('err' * 300_000, file=sys.stderr)")
    assert (await ended_beam(quick)).status is BeamStatus.COMPLETED


@pytest.mark.parametrize(
    "line",
    [
        "sleep 60 & echo $! >$0/grandchild; wait",
        "trap '' TERM; sleep 60 & echo $! >$0/grandchild; wait",
        "sleep 60 & echo $! >$0/grandchild",
    ],
    ids=["with a parent", "deaf to TERM", "without a parent"],
)
async def test_a_time_out_ends_the_whole_tree_of_processes(quick: QuickSite, line: str) -> None:
    use_interpreter(
        quick,
        f"""
        child = subprocess.Popen(["sh", "-c", {line!r}, str(site)])
        print("at layer 1", flush=True)
        (site / "pids").write_text(f"{{os.getpid()}} {{child.pid}}")
        time.sleep(60)
        """,
        interpreter={"timeout_seconds": 5},
    )
    found = await error_of(quick)
    assert re.search(r"mqi_interpreter ran longer than 5 s and was ended; its last words: at layer 1", found), found
    pids = [*(quick.site.folder / "pids").read_text().split(), (quick.site.folder / "grandchild").read_text()]
    await wait_until(lambda: not any(is_alive(int(pid)) for pid in pids), 1)


async def test_a_program_that_is_not_there_says_so(quick: QuickSite) -> None:
    quick.configure(interpreter={"command": ["/nowhere/mqi_interpreter"]})
    assert await error_of(quick) == (
        "mqi_interpreter cannot be started: /nowhere/mqi_interpreter: No such file or directory; "
        "check its command in config.yaml."
    )


async def test_nothing_of_the_staging_is_left_after_a_good_run(quick: QuickSite) -> None:
    use_interpreter(quick, "write_all()")
    beam = await ended_beam(quick)
    work = quick.site.config.settings.work_folder_of(beam.parent_case_id, beam.beam_id, beam.beam_path)
    assert sorted(path.name for path in work.iterdir()) == ["input", "interpreter.log"]


# The postprocessing command


def use_postprocessing(quick: QuickSite, line: str, **settings: Any) -> None:
    command = [
        "sh",
        "-c",
        line,
        "postprocessing",
        "{raw_file}",
        "{result_dir}",
        "{case_id}",
        "{beam_id}",
        "{beam_name}",
    ]
    quick.configure(postprocessing={"command": command} | settings)


async def test_the_postprocessing_command_has_the_verified_dose_and_writes_beside_it(quick: QuickSite) -> None:
    use_postprocessing(quick, 'cp "$1" "$2/copy.dcm"; echo "$PWD" "$3" "$4" "$5" >names; echo said')
    beam = await ended_beam(quick)
    assert beam.status is BeamStatus.COMPLETED, beam.error
    assert beam.result_path is not None
    folder = beam.result_path.parent
    assert (folder / "copy.dcm").read_bytes() == beam.result_path.read_bytes()
    assert (folder / "names").read_text().split() == [str(folder), beam.parent_case_id, beam.beam_id, beam.beam_name]
    assert (folder / "postprocessing.log").read_text() == "said\n"
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["dose"]["maximum_gy"] == 1.0


@pytest.mark.parametrize(
    ("line", "timeout", "error"),
    [
        (
            "echo began; echo 'no DICOM server' >&2; exit 6",
            60,
            r"ended with exit code 6: began / no DICOM server \(whole",
        ),
        ("exit 1", 60, r"ended with exit code 1: no output"),
        (
            "sleep 60",
            0.5,
            r"^the postprocessing command ran longer than 0\.5 s and was ended; its last words: no output",
        ),
    ],
)
async def test_a_postprocessing_command_that_fails_is_quoted_and_the_dose_stays(
    quick: QuickSite, line: str, timeout: float, error: str
) -> None:
    use_postprocessing(quick, line, timeout_seconds=timeout)
    beam = await ended_beam(quick)
    assert beam.status is BeamStatus.FAILED
    assert beam.error is not None
    assert re.search(error, beam.error), beam.error
    assert (quick.site.results / beam.parent_case_id / beam.beam_id / "output.raw").exists()
    assert beam.stage is BeamStatus.POSTPROCESSING


async def test_without_a_postprocessing_command_the_dose_is_checked_all_the_same(quick: QuickSite) -> None:
    quick.configure(
        postprocessing={"command": []},
        engine=f"echo 'Total histories (Particles) : {2 * HISTORIES_OF_A_LAYER}'; "
        r"for voxel in 1 2 3 4 5 6 7 8; do printf '\000\000\000\000\000\000\000\100'; done >dose.raw",
    )
    beam = await ended_beam(quick)
    assert beam.status is BeamStatus.COMPLETED
    assert beam.result_path is not None
    summary = json.loads((beam.result_path.parent / "summary.json").read_text())
    assert (summary["dose"]["maximum_gy"], summary["histories_asked"]) == (2.0, 2 * HISTORIES_OF_A_LAYER)

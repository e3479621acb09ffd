"""The main job as a new user does it: `mqi-tui demo`, from synthetic machine logs to verified dose files."""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mqi_tui.moqui.rtplan import find_plan, read_plan
from mqi_tui.moqui.tps_input import TpsInput
from tests.support.pages import SVG, Page

R80_TOLERANCE_MM = 2.0


def water_range_mm(energy_mev: float) -> float:
    """R80 in water after Bragg and Kleeman's rule, R = alpha E^1.77, through the 157.2 mm that 150 MeV have."""
    return 157.2 * math.pow(energy_mev / 150.0, 1.77)


@dataclass(frozen=True)
class Demo:
    folder: Path
    answer: subprocess.CompletedProcess[str]

    @property
    def status(self) -> dict[str, Any]:
        answer = subprocess.run(
            [sys.executable, "-m", "mqi_tui", "status", "--json", "--config", str(self.folder / "config.yaml")],
            capture_output=True,
            text=True,
            check=True,
        )
        parsed: dict[str, Any] = json.loads(answer.stdout)
        return parsed

    def report(self, case_id: str, *options: str) -> str:
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "mqi_tui",
                "report",
                case_id,
                *options,
                "--config",
                str(self.folder / "config.yaml"),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    @property
    def beams(self) -> list[tuple[str, dict[str, Any]]]:
        return [(case["case_id"], beam) for case in self.status["cases"] for beam in case["beams"]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo") / "D"
    answer = subprocess.run(
        [sys.executable, "-m", "mqi_tui", "demo", "--headless", "--dir", str(folder), "--cases", "3"],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    return Demo(folder, answer)


def test_it_ends_with_exit_0_and_every_beam_completed(demo: Demo) -> None:
    assert demo.answer.returncode == 0, demo.answer.stdout + demo.answer.stderr
    assert demo.answer.stderr == ""
    assert [case["status"] for case in demo.status["cases"]] == ["completed"] * 3
    assert {(beam["status"], beam["progress"]) for _, beam in demo.beams} == {("completed", 1.0)}
    assert {gpu["beam_id"] for gpu in demo.status["gpus"]} == {None}


def test_each_beam_has_its_verified_dose_where_the_plans_highest_energy_says(demo: Demo) -> None:
    for case_id, beam in demo.beams:
        raw = demo.folder / "results" / case_id / beam["beam_id"] / "output.raw"
        assert beam["result_path"] == str(raw)
        remote = demo.folder / "hpc" / case_id / beam["beam_id"]
        grid = TpsInput.read(remote / "moqui_tps.in").grid()
        dose = np.fromfile(raw, "<f8")
        assert raw.stat().st_size == grid.nx * grid.ny * grid.nz * 8
        assert np.isfinite(dose).all()
        assert dose.sum() > 0

        # The beam enters at the high end of z; depth is counted from there. Not read with the program's own summary.
        depth_dose = dose.reshape(grid.nz, grid.ny, grid.nx).sum(axis=(1, 2))[::-1]
        depth_mm = (np.arange(grid.nz) + 0.5) * grid.unit_mm[2]
        peak = int(depth_dose.argmax())
        below = peak + int((depth_dose[peak:] < 0.8 * depth_dose[peak]).argmax())
        r80 = float(
            np.interp(-0.8 * depth_dose[peak], -depth_dose[below - 1 : below + 1], depth_mm[below - 1 : below + 1])
        )
        plan = read_plan(find_plan(demo.folder / "cases" / case_id, "RP*.dcm"))
        number = _beam_number(demo.folder / "cases" / case_id / beam["beam_name"])
        highest = max(plan.beam(number).energies_mev)
        assert abs(r80 - water_range_mm(highest)) < R80_TOLERANCE_MM, (beam["beam_id"], highest, r80)


def test_the_beams_remote_folder_still_holds_every_csv_input_log_and_raw_file(demo: Demo) -> None:
    for case_id, beam in demo.beams:
        remote = demo.folder / "hpc" / case_id / beam["beam_id"]
        layers = (demo.folder / "cases" / case_id / beam["beam_name"] / "PlanRange.txt").read_text().splitlines()[1:]
        assert len(list(remote.glob("*.csv"))) == len(layers)
        assert (remote / "moqui_tps.in").is_file()
        run = remote / "run-001"
        assert (run / "simulation.log").stat().st_size > 0
        (raw,) = run.glob("*.raw")
        result = demo.folder / "results" / case_id / beam["beam_id"] / "output.raw"
        assert raw.read_bytes() == result.read_bytes()


def test_each_beam_was_one_job_under_its_own_name(demo: Demo) -> None:
    for case_id, beam in demo.beams:
        runs = list((demo.folder / "hpc" / case_id / beam["beam_id"]).glob("run-*"))
        assert [run.name for run in runs] == ["run-001"]
        assert (beam["attempt"], bool(beam["hpc_job_id"])) == (1, True)


def test_a_summary_of_the_dose_and_the_whole_log_are_beside_each_result(demo: Demo) -> None:
    for case_id, beam in demo.beams:
        folder = demo.folder / "results" / case_id / beam["beam_id"]
        summary = json.loads((folder / "summary.json").read_text())
        assert summary["beam_id"] == beam["beam_id"]
        assert summary["histories_done"] == summary["histories_asked"] > 0
        assert summary["dose"]["maximum_gy"] > 0
        log = demo.folder / "hpc" / case_id / beam["beam_id"] / "run-001" / "simulation.log"
        assert (folder / "simulation.log").read_bytes() == log.read_bytes()


def test_the_report_of_a_case_tells_the_numbers_of_the_summaries_the_plan_and_the_attempts(demo: Demo) -> None:
    for case in demo.status["cases"]:
        case_id = case["case_id"]
        told = json.loads(demo.report(case_id, "--json"))
        page = Page(demo.report(case_id, "--output", "-"))
        rows = page.table("overview")
        plan = read_plan(find_plan(demo.folder / "cases" / case_id, "RP*.dcm"))
        assert told["plan"]["patient_id"] == plan.patient_id
        assert [beam["beam_id"] for beam in told["beams"]] == [beam["beam_id"] for beam in case["beams"]]
        for beam, row, picture in zip(told["beams"], rows, page.pictures[1:], strict=True):
            folder = demo.folder / "results" / case_id / beam["beam_id"]
            summary = json.loads((folder / "summary.json").read_text())
            found, dose = summary["dose"], beam["dose"]
            for key in ("r80_mm", "r50_mm", "peak_depth_mm", "maximum_gy"):
                assert dose[key] == found[key], (beam["beam_id"], key)
            assert dose["depth_dose_gy_mm2"] == found["depth_dose"]["integral_gy_mm2"]
            assert dose["raw_sha256"] == hashlib.sha256((folder / "output.raw").read_bytes()).hexdigest()
            assert (row["R80 in mm"], row["R50 in mm"]) == (f"{found['r80_mm']:.1f}", f"{found['r50_mm']:.1f}")
            assert row["histories run"] == f"{summary['histories_done']:,}"
            marked = {mark.get("data-what"): mark.get("data-mm") for mark in picture.iterfind(f"{SVG}g[@class='mark']")}
            assert float(marked["R80"] or "") == found["r80_mm"]

            number = _beam_number(demo.folder / "cases" / case_id / beam["beam_name"])
            planned = next(item for item in told["plan"]["beams"] if item["number"] == number)
            energies = plan.beam(number).energies_mev
            assert beam["plan_beam_number"] == number
            assert (planned["lowest_energy_mev"], planned["highest_energy_mev"]) == (min(energies), max(energies))
            assert planned["layers"] == len(energies)
            assert (beam["attempts"][0]["exit_code"], bool(beam["attempts"][0]["host"])) == (0, True)
            assert dose["is_by_builtin_engine"]
        assert "The built-in engine is no clinical engine" in page.text
        assert len(page.pictures) == 1 + len(told["beams"])


def test_nothing_of_it_can_be_read_by_others(demo: Demo) -> None:
    open_to_others = [
        path
        for place in ("results", "hpc", "state", "cases")
        for path in (demo.folder / place).rglob("*")
        if path.stat().st_mode & 0o077 and not any(parent.stat().st_mode & 0o077 == 0 for parent in path.parents)
    ]
    assert open_to_others == []


def _beam_number(beam_folder: Path) -> int:
    lines = (beam_folder / "PlanInfo.txt").read_text().splitlines()
    return int(dict(line.split(",", 1) for line in lines)["DICOM_BEAM_NUMBER"])

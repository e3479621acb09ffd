"""Small case folders made by hand, for tests of finding cases; their logs hold nothing that could be computed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_HEADER = (
    "RESULT_ID,LAYER_NO,LAYER_ENERGY,PATIENT_ID,FLD_NO,DOSE1_RANGE,DOSE2_RANGE,"
    "PLAN_DOSE1_RANGE,PLAN_DOSE2_RANGE,SCAN_OUT_FL_NM,PLAN_SCAN_OUT_FL_NM\n"
)


def make_beam(folder: Path, layers: int = 2) -> Path:
    """A beam folder with PlanInfo.txt, PlanRange.txt and a log of two rows for each layer."""
    folder.mkdir(parents=True)
    (folder / "PlanInfo.txt").write_text("DICOM_PATIENT_ID,SAMPLE\nDICOM_BEAM_NUMBER,2\n")
    rows = [f"1,{number},{100 + number},SAMPLE,1,2,2,2,2,{log_name(number)},p.ptn\n" for number in range(1, layers + 1)]
    (folder / "PlanRange.txt").write_text(_HEADER + "".join(rows))
    for number in range(1, layers + 1):
        (folder / log_name(number)).write_bytes(b"\0" * 32)
    return folder


def log_name(layer: int) -> str:
    return f"01_SAMPLE_001_001_{layer:03d}.ptn"


def make_case(folder: Path, beams: Sequence[str] = ("2025042401440800",), layers: int = 2) -> Path:
    """A case folder with a (meaningless) plan and these beams."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "RP.1.2.3.dcm").write_bytes(b"no real plan")
    for name in beams:
        make_beam(folder / name, layers)
    return folder

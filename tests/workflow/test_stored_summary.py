"""`summary.json` is read as it was written, or refused by name: nothing is taken from a damaged one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqi_tui.domain.errors import InputError
from mqi_tui.workflow.stored_summary import read_summary
from tests.moqui.support import damaged, read_or_none

PROFILE = {"position_mm": [0.0], "dose_gy": [1.0]}
SUMMARY: dict[str, Any] = {
    "case_id": "C",
    "beam_id": "C_1",
    "attempt": 2,
    "written_at": "2026-11-24T19:30:05.123456+00:00",
    "raw_file": "output.raw",
    "histories_asked": 100,
    "histories_done": None,
    "beam_enters": "high-z",
    "grid": {"nx": 1, "ny": 1, "nz": 2, "unit_mm": [2, 2, 2], "position_mm": [0, 0, -4.5]},
    "dose": {
        "maximum_gy": 1.5,
        "maximum_index": [0, 0, 1],
        "maximum_at_mm": [1.0, 1.0, -1.0],
        "peak_depth_mm": 1.0,
        "r80_mm": 1.8,
        "r50_mm": None,
        "depth_dose": {"depth_mm": [1.0, 3.0], "integral_gy_mm2": [6.0, 4.0]},
        "profile_x": PROFILE,
        "profile_y": PROFILE,
    },
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "summary.json"


def test_it_is_read_as_it_was_written(path: Path) -> None:
    path.write_text(json.dumps(SUMMARY))
    summary = read_summary(path)
    assert (summary.beam_id, summary.attempt, summary.histories_asked, summary.histories_done) == ("C_1", 2, 100, None)
    assert summary.written_at.isoformat() == SUMMARY["written_at"]
    assert (summary.dose.r80_mm, summary.dose.r50_mm, summary.dose.maximum_at_mm) == (1.8, None, (1.0, 1.0, -1.0))
    assert summary.dose.depth_dose.integral_gy_mm2 == (6.0, 4.0)
    assert summary.grid.position_mm == (0, 0, -4.5)


def test_a_missing_one_is_named(path: Path) -> None:
    with pytest.raises(InputError, match="is missing"):
        read_summary(path)


@pytest.mark.parametrize("content", ["", "[]", "null", "{", json.dumps({"case_id": "C"})])
def test_what_is_no_summary_is_refused_by_name(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(InputError, match="is damaged") as caught:
        read_summary(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("histories_done",), "many"),
        (("written_at",), "now"),
        (("beam_enters",), "left"),
        (("dose", "r80_mm"), float("nan")),
        (("dose", "maximum_gy"), float("inf")),
        (("dose", "maximum_at_mm"), [1.0, 2.0]),
        (("dose", "depth_dose", "depth_mm"), [1.0, 1.0]),
        (("dose", "depth_dose", "depth_mm"), [1.0]),
        (("dose", "depth_dose"), {"depth_mm": [], "integral_gy_mm2": []}),
        (("dose", "depth_dose", "integral_gy_mm2"), [1.0, float("nan")]),
        (("dose", "depth_dose", "integral_gy_mm2"), [1.0, -1.0]),
        (("dose", "depth_dose", "integral_gy_mm2"), [0.0, 0.0]),
    ],
)
def test_a_value_that_is_none_is_refused(path: Path, place: tuple[str, ...], value: object) -> None:
    content = json.loads(json.dumps(SUMMARY))
    section = content
    for key in place[:-1]:
        section = section[key]
    section[place[-1]] = value
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="is damaged"):
        read_summary(path)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_damaged_it_is_read_or_refused_with_a_sentence(path: Path, data: st.DataObject) -> None:
    path.write_bytes(data.draw(damaged(json.dumps(SUMMARY).encode())))
    summary = read_or_none(read_summary, path)
    if summary is not None:
        assert len(summary.dose.depth_dose.depth_mm) == len(summary.dose.depth_dose.integral_gy_mm2)

"""A machine's calibration file, and the factors of its monitor ranges."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.calibration import Calibration, monitor_range_factor, read_calibration, write_calibration
from tests.moqui.support import damaged, read_or_none

SOUND = (
    "# scv_init of G1\nVERSION 3 beta\nTIMEGAIN 0.0600745 # ms\nXPOSOFFSET\t16384\nYPOSOFFSET   16384\n"
    "XPOSGAIN 0.010959\nYPOSGAIN 0.0116412\n"
)
G1 = Calibration(time_gain_ms=0.0600745, x_offset=16384, y_offset=16384, x_gain_mm=0.010959, y_gain_mm=0.0116412)

gain = st.floats(0, exclude_min=True, allow_infinity=False)
offset = st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scv_init.txt"


def test_comments_other_keys_and_any_blanks_are_passed_over(path: Path) -> None:
    path.write_text(SOUND)
    assert read_calibration(path) == G1


@settings(max_examples=60, deadline=None)
@given(calibration=st.builds(Calibration, gain, offset, offset, gain, gain))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, calibration: Calibration) -> None:
    path = tmp_path_factory.mktemp("calibration") / "scv_init.txt"
    write_calibration(path, calibration)
    assert read_calibration(path) == calibration


def test_whole_offsets_are_written_as_whole_numbers(path: Path) -> None:
    write_calibration(path, G1)
    assert "XPOSOFFSET 16384\n" in path.read_text()


@pytest.mark.parametrize("gain", [math.nan, math.inf, 0.0, -1.0])
def test_a_gain_that_would_be_refused_is_not_written(path: Path, gain: float) -> None:
    with pytest.raises(InputError):
        write_calibration(path, Calibration(gain, 0.0, 0.0, 1.0, 1.0))
    assert not path.exists()


@pytest.mark.parametrize(
    "content",
    [SOUND.replace("\n", "\r\n"), "\ufeff" + SOUND, SOUND.replace("\n", " \n\n"), SOUND + "TIMEGAIN 6.00745e-2\n"],
    ids=["CRLF", "byte order mark", "blanks", "a key twice with one value"],
)
def test_harmless_differences_are_accepted(path: Path, content: str) -> None:
    path.write_bytes(content.encode())
    assert read_calibration(path) == G1


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (SOUND, "", "TIMEGAIN, XPOSOFFSET, YPOSOFFSET, XPOSGAIN, YPOSGAIN missing"),
        ("XPOSGAIN", "#XPOSGAIN", "XPOSGAIN missing"),
        ("XPOSGAIN ", "XPOSGAIN=", "XPOSGAIN missing"),
        ("0.010959", "", "line 6: XPOSGAIN is '', expected a number above 0"),
        ("0.010959", "0.01 0.02", "line 6: XPOSGAIN is '0.01 0.02'"),
        ("0.010959", "0", "line 6: XPOSGAIN is '0'"),
        ("0.010959", "-0.01", "line 6: XPOSGAIN is '-0.01'"),
        ("0.010959", "0,010959", "line 6: XPOSGAIN is '0,010959'"),
        ("0.0600745", "nan", "line 3: TIMEGAIN is 'nan'"),
        ("XPOSOFFSET\t16384", "XPOSOFFSET inf", "line 4: XPOSOFFSET is 'inf', expected a number."),
        ("XPOSOFFSET\t16384", "XPOSOFFSET 0x40", "line 4: XPOSOFFSET is '0x40'"),
        ("YPOSOFFSET ", "XPOSGAIN ", "line 6: XPOSGAIN is 0.010959, but 16384.0 in line 5"),
        ("beta", "be\0ta", "line 2: found the control character U+0000"),
    ],
)
def test_a_bad_file_is_refused_with_what_is_wrong_and_where(path: Path, old: str, new: str, complaint: str) -> None:
    assert old in SOUND
    path.write_text(SOUND.replace(old, new))
    with pytest.raises(InputError, match=re.escape(complaint)) as caught:
        read_calibration(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_refused(path: Path) -> None:
    with pytest.raises(InputError, match=r"scv_init\.txt is missing"):
        read_calibration(path)


@settings(max_examples=80, deadline=None)
@given(content=st.binary(max_size=100) | damaged(SOUND.encode()))
def test_noise_and_damage_are_refused_or_give_usable_numbers(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("calibration") / "scv_init.txt"
    path.write_bytes(content)
    found = read_or_none(read_calibration, path)
    if found is not None:
        assert min(found.time_gain_ms, found.x_gain_mm, found.y_gain_mm) > 0
        assert all(map(math.isfinite, (found.time_gain_ms, found.x_offset, found.y_offset)))


@pytest.mark.parametrize(
    ("dose1_range", "factor"), [(2, 1.0), (3, 2.978723404255319), (4, 8.936170212765957), (5, 26.80851063829787)]
)
def test_each_monitor_range_has_its_factor(dose1_range: int, factor: float) -> None:
    assert monitor_range_factor(dose1_range) == factor


@pytest.mark.parametrize("dose1_range", [-1, 0, 1, 6, 7])
def test_a_range_without_a_factor_is_refused(dose1_range: int) -> None:
    with pytest.raises(InputError, match=f"DOSE1_RANGE is {dose1_range}, but only 2, 3, 4, 5"):
        monitor_range_factor(dose1_range)

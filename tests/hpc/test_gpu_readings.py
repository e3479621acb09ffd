"""Readings of the GPUs: the driver's numbers as they are, and nothing where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqi_tui.config import GpuReadingSettings
from mqi_tui.domain.errors import PermanentError, TransientError
from mqi_tui.domain.readings import GpuReading
from mqi_tui.hpc import gpu_readings
from mqi_tui.hpc.gpu_readings import parse_readings, read_gpus
from mqi_tui.hpc.local_transport import LocalTransport
from tests.support.programs import in_front_of_path, put_program

UUID = "GPU-5b4a9f0e-1d2c-3b4a-5968-778695a4b3c2"
LINE = f"0, {UUID}, 63, 11264, 24576, 61, 231.47"
READING = GpuReading(0, UUID, 63.0, 11264.0, 24576.0, 61.0, 231.47)
NOISE = st.text(max_size=60).filter(lambda line: line.count(",") != 6)


def test_a_line_of_nvidia_smi_is_read_whole() -> None:
    assert parse_readings(LINE + "\n") == (READING,)


@pytest.mark.parametrize("word", ["[N/A]", "[Not Supported]", "[Unknown Error]", "ERR!", "", "63 %", "nan", "1e3", "٣"])
def test_what_is_no_number_is_no_reading(word: str) -> None:
    (reading,) = parse_readings(f"3, {UUID}, {word}, {word}, {word}, {word}, {word}")
    assert reading == GpuReading(3, UUID)


def test_values_that_cannot_be_are_no_reading() -> None:
    (reading,) = parse_readings(f"0, {UUID}, 101, 24577, 24576, 900, -3")
    assert reading == GpuReading(0, UUID)


def test_without_a_uuid_there_is_none() -> None:
    assert [one.uuid for one in parse_readings("0, [N/A], 1, 1, 1, 1, 1\n1, N/A, 1, 1, 1, 1, 1")] == [None, None]


def test_an_index_that_comes_twice_tells_of_no_device() -> None:
    other = LINE.replace("63", "2")
    assert parse_readings(f"{LINE}\n{other}\n{LINE.replace('0,', '1,', 1)}") == (
        GpuReading(1, UUID, 63.0, 11264.0, 24576.0, 61.0, 231.47),
    )


@pytest.mark.parametrize(
    "text", ["", "No devices were found\n", "NVIDIA-SMI has failed, because it is, well, broken\n"]
)
def test_without_devices_there_are_no_readings(text: str) -> None:
    assert parse_readings(text) == ()


@given(before=st.lists(NOISE, max_size=5), after=st.lists(NOISE, max_size=5))
def test_noise_around_the_lines_changes_nothing(before: list[str], after: list[str]) -> None:
    assert parse_readings("\n".join([*before, LINE, *after])) == (READING,)


@given(st.text(alphabet="0123456789,-. \n[]NA/GPU", max_size=400))
def test_whatever_comes_a_value_is_in_its_range_or_none(text: str) -> None:
    readings = parse_readings(text)
    assert len({one.index for one in readings}) == len(readings)
    for one in readings:
        assert one.utilisation_percent is None or 0 <= one.utilisation_percent <= 100
        assert one.memory_used_mib is None or one.memory_used_mib >= 0
        assert one.temperature_c is None or -100 <= one.temperature_c <= 200


async def test_the_default_command_reads_the_driver_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_program(tmp_path / "bin", "nvidia-smi", f'echo "$*" >"{tmp_path}/asked"; echo "{LINE}"')
    in_front_of_path(tmp_path / "bin", monkeypatch)

    assert await read_gpus(LocalTransport(), GpuReadingSettings().command) == (READING,)

    asked = (tmp_path / "asked").read_text().split()
    assert asked == list(GpuReadingSettings().command[1:])


async def test_a_machine_without_the_program_says_so() -> None:
    with pytest.raises(PermanentError, match="no-nvidia-smi"):
        await read_gpus(LocalTransport(), ["no-nvidia-smi"])


async def test_a_driver_that_fails_gives_no_reading_but_its_words(tmp_path: Path) -> None:
    program = put_program(tmp_path, "nvidia-smi", f'echo "{LINE}"; echo "Unable to load NVML" >&2; exit 9')
    with pytest.raises(PermanentError, match="exit code 9: Unable to load NVML"):
        await read_gpus(LocalTransport(), [str(program)])


async def test_a_driver_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_readings, "TIMEOUT_SECONDS", 0.3)
    program = put_program(tmp_path, "nvidia-smi", "exec sleep 60")
    with pytest.raises(TransientError, match="no answer"):
        await read_gpus(LocalTransport(), [str(program)])

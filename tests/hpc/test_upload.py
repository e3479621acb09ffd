"""Uploads: published whole, once, with nothing old beside them, however often they are interrupted."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pytest

from mqi_tui.domain.errors import MqiError, PermanentError, TransientError
from mqi_tui.hpc.local_transport import LocalTransport
from mqi_tui.hpc.protocols import Transport
from mqi_tui.hpc.upload import publish
from tests.support.transports import DamagingTransport, InterruptedTransport

FIRST = {"G1_100MeV.csv": "layer 1", "G1_110MeV.csv": "layer 2", "moqui_tps.in": "GPUID 0"}
SECOND = {"G1_100MeV.csv": "layer 1", "G1_120MeV.csv": "other layer", "moqui_tps.in": "GPUID 1"}


def local_files(folder: Path, contents: Mapping[str, str]) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_text(content)
    return {name: folder / name for name in contents}


def contents_of(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def superseded_in(folder: Path) -> dict[str, str]:
    return {
        path.name: path.read_text()
        for path in folder.glob("superseded-*/*")
        if path.parent.name.startswith("superseded")
    }


async def upload(transport: Transport, files: Mapping[str, Path], folder: Path) -> int:
    return await publish(
        transport, files, PurePosixPath(folder), replaces=lambda name: name.endswith((".csv", "moqui_tps.in"))
    )


async def test_a_fresh_beam_folder_holds_exactly_the_files(tmp_path: Path) -> None:
    files = local_files(tmp_path / "local", FIRST)
    beam = tmp_path / "hpc" / "DOE^JOHN [QA] 한글" / "beam's 1"

    sent = await upload(LocalTransport(), files, beam)

    assert sent == sum(map(len, FIRST.values()))
    assert contents_of(beam) == FIRST
    assert [path.name for path in beam.parent.iterdir()] == [beam.name]
    assert stat.S_IMODE(beam.stat().st_mode) == 0o700


async def test_what_is_there_already_is_not_sent_again(tmp_path: Path) -> None:
    files = local_files(tmp_path / "local", FIRST)
    beam = tmp_path / "hpc" / "beam"
    await upload(LocalTransport(), files, beam)
    times = {path.name: path.stat().st_mtime_ns for path in beam.iterdir()}

    sent = await upload(LocalTransport(), files, beam)

    assert sent == 0
    assert {path.name: path.stat().st_mtime_ns for path in beam.iterdir()} == times


async def test_old_inputs_are_moved_aside_and_never_mix_with_new_ones(tmp_path: Path) -> None:
    beam = tmp_path / "hpc" / "beam"
    await upload(LocalTransport(), local_files(tmp_path / "first", FIRST), beam)

    sent = await upload(LocalTransport(), local_files(tmp_path / "second", SECOND), beam)

    assert sent == len("other layer") + len("GPUID 1")
    assert contents_of(beam) == SECOND
    assert superseded_in(beam) == {"G1_110MeV.csv": "layer 2", "moqui_tps.in": "GPUID 0"}
    [superseded] = [path.name for path in beam.iterdir() if path.is_dir()]
    assert re.fullmatch(r"superseded-\d{8}T\d{6}\.\d{6}Z", superseded)


async def test_run_folders_and_other_files_of_the_beam_stay(tmp_path: Path) -> None:
    beam = tmp_path / "hpc" / "beam"
    await upload(LocalTransport(), local_files(tmp_path / "first", FIRST), beam)
    (beam / "run-001").mkdir()
    (beam / "run-001" / "moqui_tps.in").write_text("of the run")
    (beam / "notes.txt").write_text("of a person")

    await upload(LocalTransport(), local_files(tmp_path / "second", SECOND), beam)

    assert contents_of(beam) == {**SECOND, "notes.txt": "of a person"}
    assert (beam / "run-001" / "moqui_tps.in").read_text() == "of the run"


@pytest.mark.parametrize("after", [False, True], ids=["before it is done", "after it is done"])
@pytest.mark.parametrize("at_step", range(1, 12))
@pytest.mark.parametrize("there_before", [None, FIRST], ids=["fresh", "replacing"])
async def test_an_upload_interrupted_at_any_step_ends_right_when_called_again(
    tmp_path: Path, at_step: int, after: bool, there_before: dict[str, str] | None
) -> None:
    beam = tmp_path / "hpc" / "beam"
    if there_before is not None:
        await upload(LocalTransport(), local_files(tmp_path / "first", there_before), beam)
    files = local_files(tmp_path / "second", SECOND)
    interrupted = InterruptedTransport(at_step, after=after)

    try:
        await upload(interrupted, files, beam)
    except TransientError:
        assert interrupted.step == at_step
        await upload(LocalTransport(), files, beam)

    assert contents_of(beam) == SECOND
    assert [path.name for path in beam.parent.iterdir()] == ["beam"]
    assert not list(beam.glob(".incoming-*"))
    if there_before is not None:
        assert superseded_in(beam) == {"G1_110MeV.csv": "layer 2", "moqui_tps.in": "GPUID 0"}


async def test_a_fresh_beam_folder_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    beam = tmp_path / "hpc" / "beam"

    with pytest.raises(TransientError):
        await upload(InterruptedTransport(3, after=True), local_files(tmp_path / "local", FIRST), beam)

    assert not beam.exists()


async def test_files_that_had_arrived_before_an_interruption_are_not_sent_again(tmp_path: Path) -> None:
    files = local_files(tmp_path / "local", FIRST)
    beam = tmp_path / "hpc" / "beam"
    # Step 1 sends the first file.
    with pytest.raises(TransientError):
        await upload(InterruptedTransport(1, after=True), files, beam)

    sent = await upload(LocalTransport(), files, beam)

    assert sent == len("layer 2") + len("GPUID 0")


async def test_what_arrives_damaged_is_not_published(tmp_path: Path) -> None:
    files = local_files(tmp_path / "local", FIRST)
    beam = tmp_path / "hpc" / "beam"
    transport = DamagingTransport(lambda path: path.write_text("damaged"), times=1)

    with pytest.raises(TransientError, match=r"G1_100MeV\.csv .*another content"):
        await upload(transport, files, beam)
    assert not beam.exists()

    await upload(transport, files, beam)
    assert contents_of(beam) == FIRST


async def test_a_local_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"gone\.csv"):
        await upload(LocalTransport(), {"gone.csv": tmp_path / "gone.csv"}, tmp_path / "hpc" / "beam")


async def test_a_file_in_place_of_the_beam_folder_is_an_error_and_stays(tmp_path: Path) -> None:
    (tmp_path / "beam").write_text("of a person")

    with pytest.raises(MqiError, match=str(tmp_path / "beam")):
        await upload(LocalTransport(), local_files(tmp_path / "local", FIRST), tmp_path / "beam")

    assert (tmp_path / "beam").read_text() == "of a person"

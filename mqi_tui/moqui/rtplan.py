"""The case's plan (DICOM RT Ion Plan): which beams it has, and the energies of their layers."""

from __future__ import annotations

import io
import math
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pydicom
from pydicom import Dataset, FileDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.plan_range import HIGHEST_ENERGY_MEV
from mqi_tui.moqui.text_files import quoted, read_bytes

T = TypeVar("T")

MAX_PLAN_BYTES = 64 * 1024 * 1024
"""Some times the size of a plan with half a million spots."""

_DEFLATED = b"1.2.840.10008.1.2.1.99"
_META_BYTES = 4096
_SETUP = "SETUP"
_PLANS_SHOWN = 5
_MOST_BEAM_NUMBER = 2**31 - 1

# pydicom takes a file that was cut short for one that ends. So it gets the file with one more element at the end: if
# that does not come back whole, something before it swallowed it. The element is Data Set Trailing Padding (PS3.5
# 7.2), made such that it has the same end with and without a VR: what is 'OB' and two zeros to the one reader is the
# length to the other.
_END_TAG = 0xFFFCFFFC
_END_VR = b"OB\0\0"
_END_LENGTH = int.from_bytes(_END_VR, "little") - 4
_END_VALUE = b"mqi-tui reads to here".ljust(_END_LENGTH, b"\0")
_END = b"\xfc\xff\xfc\xff" + _END_VR + _END_LENGTH.to_bytes(4, "little") + _END_VALUE

# warnings.catch_warnings changes the whole process, so two threads must not be in it at once.
_quiet = threading.Lock()


class _PlanError(Exception):
    """What is wrong with a plan; the file's name is still to be said."""


@dataclass(frozen=True, slots=True)
class PlanBeam:
    """A beam of a plan."""

    number: int
    """BeamNumber, by which it is found; it is no position."""
    name: str
    machine: str
    """TreatmentMachineName."""
    energies_mev: tuple[float, ...]
    """One for each energy layer that has dose, in the order of delivery; none for a setup beam."""
    is_setup: bool
    """Whether it is for imaging alone: the proton beam delivers nothing of it."""


@dataclass(frozen=True, slots=True)
class RtPlan:
    """A plan and all its beams, in its order."""

    path: Path
    patient_id: str
    """Empty if the plan does not say."""
    beams: tuple[PlanBeam, ...]

    def beam(self, number: int) -> PlanBeam:
        """The treatment beam with this BeamNumber; raises InputError if the plan has none, or it is a setup beam."""
        found = next((beam for beam in self.beams if beam.number == number), None)
        if found is not None and found.energies_mev:
            return found
        if found is None:
            problem = f"it has no beam {number}"
        elif found.is_setup:
            problem = f"beam {number} is a setup beam, which the proton beam does not deliver"
        else:
            problem = f"beam {number} has no energy layers"
        treated = ", ".join(str(beam.number) for beam in self.beams if not beam.is_setup) or "none"
        raise InputError(
            f"{self.path}: {problem} (its treatment beams: {treated}); check DICOM_BEAM_NUMBER in PlanInfo.txt, and "
            "put the plan that was delivered into the case folder."
        )


def find_plan(folder: Path, pattern: str) -> Path:
    """The one file in the case folder that matches; raises InputError if there is none, or more than one."""
    found = sorted(path for path in folder.glob(pattern) if path.is_file())
    if not found:
        raise InputError(f"{folder}: no plan ({pattern}) in the case folder; copy the RTPLAN there.")
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:_PLANS_SHOWN])
        raise InputError(
            f"{folder}: {len(found)} plans ({names}) in the case folder, where one is expected; take out those that "
            "were not delivered."
        )
    return found[0]


def read_plan(path: Path) -> RtPlan:
    """Read a plan; can be called in threads.

    Raises InputError for a file that is missing, too large, cut short or no DICOM; for one that is no RT Ion Plan; and
    for one whose beams have no number, one number twice, or control points that contradict each other.
    """
    return _with_plan(path, lambda dataset: _plan(path, dataset))


def write_reduced_plan(source: Path, target: Path, beam_number: int) -> None:
    """Write a copy of the plan that holds this treatment beam alone; the copy keeps the plan's UIDs.

    What interpreters that count beams find is then this one. Raises InputError as `read_plan` and `RtPlan.beam` do,
    OSError if the target cannot be written.
    """

    def reduce(dataset: FileDataset) -> bytes:
        _plan(source, dataset).beam(beam_number)
        _reduce(dataset, beam_number)
        copy = io.BytesIO()
        dataset.save_as(copy, enforce_file_format=True)
        return copy.getvalue()

    target.write_bytes(_with_plan(source, reduce))


def _with_plan(path: Path, use: Callable[[FileDataset], T]) -> T:
    """What `use` makes of the file's dataset; raises InputError whatever is wrong with the file."""
    data = read_bytes(path, MAX_PLAN_BYTES)
    try:
        with _quiet, warnings.catch_warnings():
            # They are for developers, and would be printed over the screen; what matters of them is checked here.
            warnings.simplefilter("ignore")
            return use(_parse(data))
    except InputError:
        raise
    except _PlanError as error:
        raise InputError(f"{path}: {error}.") from None
    except Exception as error:  # noqa: BLE001 - pydicom converts values late and raises whatever damaged ones lead to
        kind = type(error).__name__
        raise InputError(
            f"{path} is no DICOM file, or a damaged one ({kind}: {quoted(str(error))}); export the plan again."
        ) from None


def _parse(data: bytes) -> FileDataset:
    if _DEFLATED in data[:_META_BYTES]:
        # A small file of that kind can unpack to more than the memory holds.
        raise _PlanError("it is a deflated DICOM file; export the plan with another transfer syntax")
    dataset = pydicom.dcmread(io.BytesIO(data + _END))
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax not in {ImplicitVRLittleEndian, ExplicitVRLittleEndian}:
        raise _PlanError(
            f"its transfer syntax is {quoted(str(syntax))}; export the plan as Explicit or Implicit VR Little Endian"
        )
    end = dataset.pop(_END_TAG, None)
    if end is None or end.value is None or not bytes(end.value).endswith(_END_VALUE):
        raise _PlanError("the file is cut short or damaged; copy it again, or export the plan again")
    return dataset


def _plan(path: Path, dataset: Dataset) -> RtPlan:
    modality = _text(dataset, "Modality")
    if modality != "RTPLAN":
        raise _PlanError(f"it is no plan: its Modality is {quoted(modality)}, expected RTPLAN; put the plan there")
    if "IonBeamSequence" not in dataset:
        kind = "a photon or electron plan (BeamSequence)" if "BeamSequence" in dataset else "a plan without ion beams"
        raise _PlanError(f"it is {kind}, expected an RT Ion Plan (IonBeamSequence); put the proton plan there")
    beams = tuple(_beam(item) for item in _items(dataset, "IonBeamSequence"))
    numbers = [beam.number for beam in beams]
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice:
        raise _PlanError(f"beam number {twice[0]} is there more than once; export the plan again")
    return RtPlan(path, _text(dataset, "PatientID"), beams)


def _beam(item: Dataset) -> PlanBeam:
    number = _whole(item, "BeamNumber")
    if number is None:
        raise _PlanError("a beam has no BeamNumber; export the plan again")
    is_setup = _text(item, "TreatmentDeliveryType").upper() == _SETUP
    points = _items(item, "IonControlPointSequence")
    expected = _whole(item, "NumberOfControlPoints")
    if expected is not None and expected != len(points):
        raise _PlanError(
            f"beam {number} has {len(points)} control points, but its NumberOfControlPoints is {expected}; export the "
            "plan again"
        )
    return PlanBeam(
        number=number,
        name=_text(item, "BeamName"),
        machine=_text(item, "TreatmentMachineName"),
        energies_mev=() if is_setup else _layer_energies(number, points),
        is_setup=is_setup,
    )


def _layer_energies(beam: int, points: list[Dataset]) -> tuple[float, ...]:
    """The energy of each layer: of each step from one control point to the next in which dose is delivered.

    A plan describes a layer by two points of one energy (its spots, and the end of it), or by one; in both, the
    cumulative meterset rises once a layer. In a plan without metersets a layer is a run of points of one energy.
    """
    energies: list[float] = []
    metersets: list[float | None] = []
    for index, point in enumerate(points):
        # Both may be left out where they do not change.
        energy = _number(point, "NominalBeamEnergy")
        if energy is None and not energies:
            return ()
        energies.append(energies[-1] if energy is None else energy)
        if not 0 < energies[-1] <= HIGHEST_ENERGY_MEV:
            raise _PlanError(
                f"beam {beam}, control point {index}: NominalBeamEnergy is {energies[-1]:g}, expected MeV above 0 and "
                f"up to {HIGHEST_ENERGY_MEV:g}; export the plan again"
            )
        metersets.append(_number(point, "CumulativeMetersetWeight"))
    known = [meterset for meterset in metersets if meterset is not None]
    if len(known) < len(points) or len(set(known)) < 2:
        return tuple(energy for index, energy in enumerate(energies) if index == 0 or energy != energies[index - 1])
    steps = list(zip(energies, known, known[1:], strict=False))
    if any(after < before for _, before, after in steps):
        raise _PlanError(
            f"beam {beam}: CumulativeMetersetWeight falls between two control points; export the plan again"
        )
    return tuple(energy for energy, before, after in steps if after > before)


def _reduce(dataset: Dataset, number: int) -> None:
    dataset.IonBeamSequence = DicomSequence(
        beam for beam in _items(dataset, "IonBeamSequence") if _whole(beam, "BeamNumber") == number
    )
    groups = []
    for group in _items(dataset, "FractionGroupSequence"):
        referenced = [
            item for item in _items(group, "ReferencedBeamSequence") if _whole(item, "ReferencedBeamNumber") == number
        ]
        if referenced:
            group.ReferencedBeamSequence = DicomSequence(referenced)
            group.NumberOfBeams = len(referenced)
            groups.append(group)
    dataset.FractionGroupSequence = DicomSequence(groups)


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    value = dataset.get(keyword)
    if value is None:
        return []
    if not isinstance(value, DicomSequence):
        raise _PlanError(f"{keyword} is no sequence; export the plan again")
    return list(value)


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return "" if value is None else str(value).strip(" \0")


def _whole(dataset: Dataset, keyword: str) -> int | None:
    value = dataset.get(keyword)
    if value is None or value == "":
        return None
    if not isinstance(value, int) or not 0 <= value <= _MOST_BEAM_NUMBER:
        raise _PlanError(
            f"{keyword} is {quoted(str(value))}, expected a whole number, 0 or above; export the plan again"
        )
    return int(value)


def _number(dataset: Dataset, keyword: str) -> float | None:
    value = dataset.get(keyword)
    if value is None or value == "":
        return None
    if not isinstance(value, float) or not math.isfinite(value):
        raise _PlanError(f"{keyword} is {quoted(str(value))}, expected a number; export the plan again")
    return float(value)

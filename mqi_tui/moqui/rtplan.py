"""The case's plan (DICOM RT Ion Plan): which beams it has, and the energies of their layers."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mqi_tui.domain.errors import InputError
from mqi_tui.moqui.plan_file import (
    MAX_PLAN_BYTES,
    PlanError,
    items_in,
    number_in,
    text_in,
    whole_in,
    with_plan,
    with_plan_of,
)
from mqi_tui.moqui.plan_range import HIGHEST_ENERGY_MEV
from mqi_tui.moqui.text_files import quoted, read_bytes

if TYPE_CHECKING:
    from pydicom import Dataset, FileDataset

SETUP = "SETUP"
"""TreatmentDeliveryType of a beam for imaging alone."""

_PLANS_SHOWN = 5


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
    return with_plan(path, lambda dataset: _plan(path, dataset))


class PlanReader:
    """Reads plans as `read_plan` does, and what has the same bytes as before once: the beams of a case share one.

    Can be called in threads.
    """

    _MOST = 64
    """Plans that are kept: those of the cases whose beams are prepared at one time, and some more."""

    def __init__(self) -> None:
        self._plans: OrderedDict[tuple[Path, bytes], RtPlan] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, path: Path) -> RtPlan:
        """Raises InputError as `read_plan` does."""
        data = read_bytes(path, MAX_PLAN_BYTES)
        key = path, hashlib.sha256(data).digest()
        # Held while it parses: the beams of a case come together, and the others wait for what the first one reads.
        with self._lock:
            plan = self._plans.pop(key, None) or with_plan_of(path, data, lambda dataset: _plan(path, dataset))
            self._plans[key] = plan
            if len(self._plans) > self._MOST:
                self._plans.popitem(last=False)
        return plan


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

    target.write_bytes(with_plan(source, reduce))


def check_kind(dataset: Dataset) -> None:
    """Raises PlanError for what is no RT Ion Plan: another Modality (0008,0060), no IonBeamSequence (300A,03A2)."""
    modality = text_in(dataset, "Modality")
    if modality != "RTPLAN":
        raise PlanError(f"it is no plan: its Modality is {quoted(modality)}, expected RTPLAN; put the plan there")
    if "IonBeamSequence" not in dataset:
        kind = "a photon or electron plan (BeamSequence)" if "BeamSequence" in dataset else "a plan without ion beams"
        raise PlanError(f"it is {kind}, expected an RT Ion Plan (IonBeamSequence); put the proton plan there")


def _plan(path: Path, dataset: Dataset) -> RtPlan:
    check_kind(dataset)
    beams = tuple(_beam(item) for item in items_in(dataset, "IonBeamSequence"))
    numbers = [beam.number for beam in beams]
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice:
        raise PlanError(f"beam number {twice[0]} is there more than once; export the plan again")
    return RtPlan(path, text_in(dataset, "PatientID"), beams)


def _beam(item: Dataset) -> PlanBeam:
    number = whole_in(item, "BeamNumber")
    if number is None:
        raise PlanError("a beam has no BeamNumber; export the plan again")
    is_setup = text_in(item, "TreatmentDeliveryType").upper() == SETUP
    points = items_in(item, "IonControlPointSequence")
    expected = whole_in(item, "NumberOfControlPoints")
    if expected is not None and expected != len(points):
        raise PlanError(
            f"beam {number} has {len(points)} control points, but its NumberOfControlPoints is {expected}; export the "
            "plan again"
        )
    return PlanBeam(
        number=number,
        name=text_in(item, "BeamName"),
        machine=text_in(item, "TreatmentMachineName"),
        energies_mev=() if is_setup else layer_energies(f"beam {number}", points),
        is_setup=is_setup,
    )


def layer_energies(beam: str, points: list[Dataset]) -> tuple[float, ...]:
    """The energy of each layer in MeV: of each step from one control point to the next in which dose is delivered.

    A plan describes a layer by two points of one energy (its spots, and the end of it), or by one; in both, the
    cumulative meterset rises once a layer. In a plan without metersets a layer is a run of points of one energy.
    Raises PlanError for control points that contradict each other; `beam` says in its message which beam it is.
    """
    energies: list[float] = []
    metersets: list[float | None] = []
    for index, point in enumerate(points):
        # Both may be left out where they do not change.
        energy = number_in(point, "NominalBeamEnergy")
        if energy is None and not energies:
            return ()
        energies.append(energies[-1] if energy is None else energy)
        if not 0 < energies[-1] <= HIGHEST_ENERGY_MEV:
            raise PlanError(
                f"{beam}, control point {index}: NominalBeamEnergy is {energies[-1]:g}, expected MeV above 0 and "
                f"up to {HIGHEST_ENERGY_MEV:g}; export the plan again"
            )
        metersets.append(number_in(point, "CumulativeMetersetWeight"))
    known = [meterset for meterset in metersets if meterset is not None]
    if len(known) < len(points) or len(set(known)) < 2:
        return tuple(energy for index, energy in enumerate(energies) if index == 0 or energy != energies[index - 1])
    steps = list(zip(energies, known, known[1:], strict=False))
    if any(after < before for _, before, after in steps):
        raise PlanError(f"{beam}: CumulativeMetersetWeight falls between two control points; export the plan again")
    return tuple(energy for energy, before, after in steps if after > before)


def _reduce(dataset: Dataset, number: int) -> None:
    dataset.IonBeamSequence = [
        beam for beam in items_in(dataset, "IonBeamSequence") if whole_in(beam, "BeamNumber") == number
    ]
    groups = []
    for group in items_in(dataset, "FractionGroupSequence"):
        referenced = [
            item
            for item in items_in(group, "ReferencedBeamSequence")
            if whole_in(item, "ReferencedBeamNumber") == number
        ]
        if referenced:
            group.ReferencedBeamSequence = referenced
            group.NumberOfBeams = len(referenced)
            groups.append(group)
    dataset.FractionGroupSequence = groups

"""What a person wants to know of a plan (DICOM RT Ion Plan, PS3.3 A.49), for showing alone: nothing is decided by it.

An element that is missing or makes no sense costs the one fact that it would have told, and never the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mqi_tui.domain.text import printable
from mqi_tui.moqui.plan_file import PlanError, items_in, number_in, text_in, whole_in, with_plan
from mqi_tui.moqui.rtplan import SETUP, check_kind, layer_energies
from mqi_tui.moqui.text_files import quoted

if TYPE_CHECKING:
    from pydicom import Dataset

T = TypeVar("T")

_LONGEST_TEXT = 256
"""DICOM's names and labels have at most 64 characters."""
_MOST_NOTES = 20


@dataclass(frozen=True, slots=True)
class PlanBeamFacts:
    """A beam of the plan: an item of IonBeamSequence (300A,03A2). None and () stand for what the plan does not say."""

    number: int | None
    """BeamNumber (300A,00C0)."""
    name: str | None
    """BeamName (300A,00C2)."""
    machine: str | None
    """TreatmentMachineName (300A,00B2)."""
    is_setup: bool
    """TreatmentDeliveryType (300A,00CE) is SETUP: for imaging, nothing of it is delivered by the proton beam."""
    gantry_angles_deg: tuple[float, ...]
    """GantryAngle (300A,011E) of the control points in degrees: each once, in their order."""
    layers: int | None
    """Energy layers that have dose."""
    lowest_energy_mev: float | None
    """NominalBeamEnergy (300A,0114) of those layers: the least, in MeV."""
    highest_energy_mev: float | None
    """The same: the largest."""
    meterset: float | None
    """BeamMeterset (300A,0086) for one fraction, in `meterset_unit`."""
    meterset_unit: str | None
    """PrimaryDosimeterUnit (300A,00B3), such as MU or NP."""


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """A plan; its texts are safe to print. None and () stand for what the plan does not say."""

    path: Path
    uid: str | None
    """SOPInstanceUID (0008,0018)."""
    patient_id: str | None
    """PatientID (0010,0020)."""
    label: str | None
    """RTPlanLabel (300A,0002)."""
    fractions_planned: tuple[int | None, ...]
    """NumberOfFractionsPlanned (300A,0078), one for each item of FractionGroupSequence (300A,0070)."""
    beams: tuple[PlanBeamFacts, ...]
    """All of them, in the plan's order, setup beams too."""
    oddities: tuple[str, ...]
    """A sentence for each element that is there and makes no sense."""

    @property
    def machines(self) -> tuple[str, ...]:
        """Those of the beams that are delivered, each once."""
        return tuple(dict.fromkeys(beam.machine for beam in self.beams if beam.machine and not beam.is_setup))

    def beam(self, number: int) -> PlanBeamFacts | None:
        """The beam with this BeamNumber; None if there is none, or more than one."""
        found = [beam for beam in self.beams if beam.number == number]
        return found[0] if len(found) == 1 else None


def read_plan_facts(path: Path) -> PlanFacts:
    """The plan's facts; can be called in threads.

    Raises InputError for a file as a whole: missing, too large, cut short, no DICOM, or no RT Ion Plan.
    """

    def read(dataset: Dataset) -> PlanFacts:
        check_kind(dataset)
        return _Facts().plan(path, dataset)

    return with_plan(path, read)


class _Facts:
    """Reads one fact after the other and notes what is odd."""

    def __init__(self) -> None:
        self._oddities: list[str] = []

    def plan(self, path: Path, dataset: Dataset) -> PlanFacts:
        groups = self._items("the plan", dataset, "FractionGroupSequence")
        beams = self._items("the plan", dataset, "IonBeamSequence")
        return PlanFacts(
            path=path,
            uid=self._text("the plan", dataset, "SOPInstanceUID"),
            patient_id=self._text("the plan", dataset, "PatientID"),
            label=self._text("the plan", dataset, "RTPlanLabel"),
            fractions_planned=tuple(
                self._whole(f"fraction group {place}", group, "NumberOfFractionsPlanned")
                for place, group in enumerate(groups, start=1)
            ),
            beams=tuple(self._beam(place, beam, groups) for place, beam in enumerate(beams, start=1)),
            oddities=tuple(self._oddities[:_MOST_NOTES]),
        )

    def _beam(self, place: int, beam: Dataset, groups: list[Dataset]) -> PlanBeamFacts:
        number = self._whole(f"the plan's beam at place {place}", beam, "BeamNumber")
        where = f"the plan's beam at place {place}" if number is None else f"beam {number}"
        is_setup = (self._text(where, beam, "TreatmentDeliveryType") or "").upper() == SETUP
        points = self._items(where, beam, "IonControlPointSequence")
        energies: tuple[float, ...] = ()
        if not is_setup:
            energies = self._try(where, energies, lambda: _energies(where, beam, points))
        return PlanBeamFacts(
            number=number,
            name=self._text(where, beam, "BeamName"),
            machine=self._text(where, beam, "TreatmentMachineName"),
            is_setup=is_setup,
            gantry_angles_deg=self._try(where, (), lambda: _angles(points)),
            layers=len(energies) or None,
            lowest_energy_mev=min(energies, default=None),
            highest_energy_mev=max(energies, default=None),
            meterset=None if number is None else self._try(where, None, lambda: _meterset(number, groups)),
            meterset_unit=self._text(where, beam, "PrimaryDosimeterUnit"),
        )

    def _items(self, where: str, dataset: Dataset, keyword: str) -> list[Dataset]:
        return self._try(where, [], lambda: items_in(dataset, keyword))

    def _whole(self, where: str, dataset: Dataset, keyword: str) -> int | None:
        return self._try(where, None, lambda: whole_in(dataset, keyword))

    def _text(self, where: str, dataset: Dataset, keyword: str) -> str | None:
        return self._try(where, None, lambda: _one_text(dataset, keyword))

    def _try(self, where: str, otherwise: T, read: Callable[[], T]) -> T:
        try:
            return read()
        except PlanError as error:
            self._oddities.append(printable(f"{where}: {error}"))
        except Exception as error:  # noqa: BLE001 - pydicom converts values late and raises whatever odd ones lead to
            self._oddities.append(f"{where}: {quoted(str(error))} ({type(error).__name__})")
        return otherwise


def _one_text(dataset: Dataset, keyword: str) -> str | None:
    text = text_in(dataset, keyword)
    if len(text) > _LONGEST_TEXT or not isinstance(dataset.get(keyword, ""), str | None):
        raise PlanError(f"{keyword} is {quoted(text)}, expected one text of usual length")
    return printable(text) or None


def _energies(where: str, beam: Dataset, points: list[Dataset]) -> tuple[float, ...]:
    expected = whole_in(beam, "NumberOfControlPoints")
    if expected is not None and expected != len(points):
        raise PlanError(f"{len(points)} control points are there, but NumberOfControlPoints is {expected}")
    return layer_energies(where, points)


def _angles(points: list[Dataset]) -> tuple[float, ...]:
    angles = (number_in(point, "GantryAngle") for point in points)
    return tuple(dict.fromkeys(angle for angle in angles if angle is not None))


def _meterset(number: int, groups: list[Dataset]) -> float | None:
    """Of the beam in ReferencedBeamSequence (300C,0004), if all fraction groups that have it agree."""
    metersets = {
        number_in(item, "BeamMeterset")
        for group in groups
        for item in items_in(group, "ReferencedBeamSequence")
        if whole_in(item, "ReferencedBeamNumber") == number
    } - {None}
    if len(metersets) > 1:
        raise PlanError(f"its BeamMeterset differs between the fraction groups ({len(metersets)} values)")
    return next(iter(metersets), None)

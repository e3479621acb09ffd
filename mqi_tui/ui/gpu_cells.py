"""The cells of the GPU grid: a slot with its beam, and its device with what was read of it; made of a snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.readings import GpuHistory, GpuReading, OfflineGpu
from mqi_tui.domain.records import BeamRecord, GpuRecord
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.ui.language import _
from mqi_tui.ui.marks import FOREIGN_USE, FREE_SLOT, OFFLINE_GPU, UNKNOWN_BEAM, Mark, mark_of
from mqi_tui.ui.measured import NO_READING, curves_line, place_text, placed_reading_text, reading_text
from mqi_tui.ui.text import cut, fit, fit_middle, fit_right, percent
from mqi_tui.ui.tones import Line, Part, Tone

_NUMBER_WIDTH = 3
_PERCENT_WIDTH = 5
_LONGEST_PLACE = 30


@dataclass(frozen=True, slots=True)
class Device:
    """What is known of one device."""

    reading: GpuReading | None = None
    """The present one."""
    history: GpuHistory = ()
    offline: OfflineGpu | None = None
    is_foreign: bool = False
    """It is used, and no beam of ours is on it."""

    @property
    def trouble(self) -> tuple[Mark, str] | None:
        """The sign and the word for a device that cannot be counted on."""
        if self.offline is not None:
            return OFFLINE_GPU, _("offline")
        return (FOREIGN_USE, _("foreign use")) if self.is_foreign else None

    @property
    def since(self) -> str:
        """Since when it is offline, as ` since 10:41`; empty for one that is not."""
        return _(" since {time}").format(time=f"{self.offline.since:%H:%M}") if self.offline is not None else ""

    @property
    def explanation(self) -> list[str]:
        """Sentences on what was read, and how that is known."""
        if self.offline is not None:
            text = _("Offline since {time} UTC: {reason}.")
            return [text.format(time=f"{self.offline.since:%H:%M:%S}", reason=self.offline.reason)]
        if self.reading is None:
            return [_("No reading: nothing is known of its device.")]
        lines = [_("Latest reading: {reading}.").format(reading=reading_text(self.reading, 100))]
        if self.is_foreign:
            lines.append(_("Foreign use: two readings in a row found it used, and no beam of this program is on it."))
        return lines


@dataclass(frozen=True, slots=True)
class SlotCell:
    """A slot: free, or with its beam; and below it the device, if it has one."""

    gpu: GpuRecord
    beam: BeamRecord | None
    """None also for a beam that the snapshot does not know."""
    device: Device
    place: JobPlace | None
    has_device: bool
    """Whether it is a device at all: where a scheduler chooses the device, a free slot has none."""

    def slot_line(self, width: int, *, alone: bool) -> Line:
        """`alone`: no line on the device follows, so this one tells of its trouble too."""
        number: Part = (fit_right(str(self.gpu.gpu_id), _NUMBER_WIDTH - 1) + " ", Tone.STRONG)
        trouble, room = self.device.trouble, width - _NUMBER_WIDTH
        if self.gpu.beam_id is None:
            mark, word = trouble or (FREE_SLOT, _("free"))
            return [number, (fit(f"{mark.glyph} {word}{self.device.since}", room), mark.tone)]
        parts: list[Part] = [number]
        if trouble is not None and alone:
            mark, word = trouble
            text = f"{mark.glyph} {word} "
            parts.append((text, mark.tone))
            room -= cell_len(text)
        if self.beam is None:
            return [*parts, (fit(f"{UNKNOWN_BEAM.glyph} {self.gpu.beam_id}", room), UNKNOWN_BEAM.tone)]
        mark = mark_of(self.beam)
        parts.append((f"{mark.glyph} ", mark.tone))
        if trouble is not None and alone:
            # No room for all three: the name of the beam, not how far it is.
            return [*parts, (fit_middle(self.beam.beam_id, room - 4) + "  ", Tone.NORMAL)]
        return [
            *parts,
            (fit_middle(self.beam.beam_id, room - _PERCENT_WIDTH - 4), Tone.NORMAL),
            (fit_right(percent(self.beam.progress), _PERCENT_WIDTH) + "  ", mark.tone),
        ]

    def device_line(self, width: int) -> Line:
        room = width - _NUMBER_WIDTH - 1
        indent: Part = (" " * _NUMBER_WIDTH, Tone.NORMAL)
        if not self.has_device:
            return [(" " * width, Tone.NORMAL)]
        if self.device.offline is not None:
            text = self.device.offline.reason
            if self.gpu.beam_id is not None:
                text = f"{OFFLINE_GPU.glyph} {_('offline')}{self.device.since}: {text}"
            return [indent, (fit(text, room + 1), OFFLINE_GPU.tone)]
        if (reading := self.device.reading) is not None:
            place = f"{cut(place_text(self.place), _LONGEST_PLACE)}  " if self.place is not None else ""
            for head in (place, ""):
                if (line := curves_line(head, reading, self.device.history, room)) is not None:
                    return _padded([indent, *line], width)
        return [indent, (fit(placed_reading_text(self.place, reading, room), room + 1), Tone.MUTED)]

    @property
    def tip(self) -> str:
        if self.gpu.beam_id is None:
            first = _("GPU slot {slot}: no beam holds it.").format(slot=self.gpu.gpu_id)
        else:
            state = f", {_(self.beam.word)}, {percent(self.beam.progress)}" if self.beam else ""
            text = _("GPU slot {slot}: {beam}. A click goes there.")
            first = text.format(slot=self.gpu.gpu_id, beam=f"{self.gpu.beam_id}{state}")
        where = (
            [_("Its job computes here: {place}.").format(place=place_text(self.place))]
            if self.place is not None
            else []
        )
        return "\n".join([first, *where, *(self.device.explanation if self.has_device else [])])


@dataclass(frozen=True, slots=True)
class DeviceCell:
    """A device of which it is not known which slot's job is on it, if any."""

    last: GpuReading
    device: Device

    def line(self, width: int) -> Line:
        name = cut(self._name, width - 1) + " "
        rest = width - cell_len(name)
        parts: list[Part] = [(name, Tone.STRONG)]
        if (trouble := self.device.trouble) is not None:
            mark, word = trouble
            texts = (f"{mark.glyph} {word}{self.device.since} ", f"{mark.glyph} {word} ")
            text = next((text for text in texts if cell_len(text) <= rest), cut(texts[-1], rest))
            parts.append((text, mark.tone))
            rest -= cell_len(text)
        if self.device.offline is not None:
            return [*parts, (fit(self.device.offline.reason, rest), Tone.MUTED)]
        line = curves_line("", self.last, self.device.history, rest - 1)
        if line is not None:
            return _padded([*parts, *line], width)
        return [*parts, (fit(reading_text(self.last, rest - 1), rest), Tone.MUTED)]

    @property
    def tip(self) -> str:
        text = _("{device}: a device of which it is not known which slot's job is on it, if any.")
        first = text.format(device=self._name)
        return "\n".join([first, *self.device.explanation])

    @property
    def _name(self) -> str:
        return f"{self.last.host} GPU {self.last.index}".strip()


@dataclass(frozen=True, slots=True)
class GpuCells:
    slots: Sequence[SlotCell] = ()
    others: Sequence[DeviceCell] = ()
    has_places: bool = False
    """The places of the jobs say more than the slots do."""

    @property
    def devices(self) -> Sequence[Device]:
        return [*(cell.device for cell in self.slots), *(cell.device for cell in self.others)]

    @property
    def title(self) -> str:
        devices = self.devices
        offline = sum(device.offline is not None for device in devices)
        foreign = sum(device.is_foreign for device in devices)
        busy = sum(cell.gpu.beam_id is not None for cell in self.slots)
        parts = [_("GPU slots · {busy} of {count} busy").format(busy=busy, count=len(self.slots))]
        parts += [f"{OFFLINE_GPU.glyph} {_('{count} offline').format(count=offline)}"] if offline else []
        parts += [f"{FOREIGN_USE.glyph} {_('{count} in foreign use').format(count=foreign)}"] if foreign else []
        has_readings = any(device.reading is not None for device in devices)
        return " · ".join(parts if has_readings or offline else [*parts, _(NO_READING)])

    @classmethod
    def of(cls, snapshot: EngineSnapshot) -> GpuCells:
        watch, readings = snapshot.gpu_watch, snapshot.readings
        places = _telling_places(snapshot)
        numbers = {gpu.gpu_id for gpu in snapshot.gpus}
        offline = {one.reading.slot: one for one in watch.offline if one.reading.slot in numbers}
        by_slot = {one.slot: one for one in readings if one.slot in numbers}

        def device_of(reading: GpuReading | None, lost: OfflineGpu | None) -> Device:
            last = reading or (lost.reading if lost is not None else None)
            if last is None:
                return Device()
            is_foreign = reading is not None and last.device in watch.foreign
            # A device that is there again in the place of one that is gone.
            return Device(reading, watch.histories.get(last.device, ()), None if reading else lost, is_foreign)

        slots = []
        for gpu in snapshot.gpus:
            device = device_of(by_slot.get(gpu.gpu_id), offline.get(gpu.gpu_id))
            is_known = bool(by_slot or offline or places)
            # Where a scheduler chooses the device, a free slot has none.
            is_there = not places or gpu.beam_id is not None or device != Device()
            beam = None if gpu.beam_id is None else snapshot.beam(gpu.beam_id)
            if gpu.beam_id is not None and device.is_foreign:
                device = Device(device.reading, device.history)  # the slot was given away since
            slots.append(SlotCell(gpu, beam, device, places.get(gpu.gpu_id), is_known and is_there))
        others = [DeviceCell(one, device_of(one, None)) for one in readings if one.slot not in numbers]
        others += [
            DeviceCell(one.reading, device_of(None, one)) for one in watch.offline if one.reading.slot not in numbers
        ]
        return cls(slots, others, bool(places))


def _telling_places(snapshot: EngineSnapshot) -> Mapping[int, JobPlace]:
    """By slot, the places that say more than the slot does; where we choose the device, that is the slot's own."""
    places = {
        gpu.gpu_id: place
        for gpu in snapshot.gpus
        if gpu.beam_id is not None and (place := snapshot.places.get(gpu.beam_id)) is not None
    }
    return {slot: place for slot, place in places.items() if place.job_id or place.gpu_index not in {slot, None}}


def _padded(line: Line, width: int) -> Line:
    used = sum(cell_len(text) for text, _ in line)
    return [*line, (" " * max(width - used, 0), Tone.NORMAL)]

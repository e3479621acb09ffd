"""The engine without a screen: a line per event on stdout, and an end when nothing is left to do."""

from __future__ import annotations

from collections.abc import Callable

from mqi_tui.domain.records import EventRecord
from mqi_tui.domain.snapshot import EngineSnapshot
from mqi_tui.domain.status import BeamStatus
from mqi_tui.domain.text import printable
from mqi_tui.workflow.engine import Engine


class Headless:
    def __init__(self, engine: Engine, *, dispatch_all: bool) -> None:
        self._engine = engine
        self._dispatch_all = dispatch_all
        self._last_event = max((event.event_id for event in engine.snapshot.events), default=0)
        self._reasons: dict[str, str] = {}
        self._notice = ""

    async def run(self, *, until_idle: bool) -> int:
        """0 when all beams are completed, 1 when some are not, a folder needs a person or none can be looked at."""
        await self._engine.first_scan()
        return self._summarise(await self.until(lambda snapshot: until_idle and self._is_idle(snapshot)))

    async def until(self, done: Callable[[EngineSnapshot], bool]) -> EngineSnapshot:
        """Print what happens until `done`; the snapshot that made it so."""
        async for snapshot in self._engine.changes():
            await self._print_news(snapshot)
            if done(snapshot):
                return snapshot
        raise AssertionError("the engine's changes have no end")

    def _is_idle(self, snapshot: EngineSnapshot) -> bool:
        if not snapshot.is_idle:
            return False
        beams = (beam for case in snapshot.cases for beam in case.beams)
        return not (self._dispatch_all and any(beam.status is BeamStatus.NEW for beam in beams))

    async def _print_news(self, snapshot: EngineSnapshot) -> None:
        for event in await self._engine.cases.list_events_after(self._last_event):
            self._last_event = event.event_id
            print(_line(event), flush=True)
        if snapshot.notice != self._notice:
            self._notice = snapshot.notice
            print(f"{snapshot.at:%H:%M:%S} ! engine: {printable(snapshot.notice or 'goes on')}", flush=True)
        for folder in snapshot.folders:
            path = str(folder.path)
            if self._reasons.get(path) != folder.reason:
                self._reasons[path] = folder.reason
                print(
                    f"{snapshot.at:%H:%M:%S} {folder.state.value}: {printable(f'{path}: {folder.reason}')}", flush=True
                )

    def _summarise(self, snapshot: EngineSnapshot) -> int:
        beams = [beam for case in snapshot.cases for beam in case.beams]
        words = {beam.word for beam in beams}
        counts = ", ".join(f"{sum(beam.word == word for beam in beams)} {word}" for word in sorted(words))
        print(f"{len(beams)} beams: {counts or 'none found'}", flush=True)
        for folder in snapshot.folders:
            if folder.state.needs_person:
                print(f"needs a person: {printable(f'{folder.path}: {folder.reason}')}", flush=True)
        return 0 if snapshot.all_completed else 1


def _line(event: EventRecord) -> str:
    mark = {"info": " ", "warning": "!", "error": "✗"}.get(event.level, " ")
    what = event.beam_id or event.case_id or "engine"
    return f"{event.at:%H:%M:%S} {mark} {printable(what)}: {printable(event.message)}"

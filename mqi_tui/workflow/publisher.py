"""Turns what is in the database into immutable snapshots, at most two a second, for whoever looks on."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from mqi_tui.domain.hold_up import HoldUp
from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.questions import Question
from mqi_tui.domain.readings import Measurements
from mqi_tui.domain.records import BeamRecord
from mqi_tui.domain.snapshot import CaseView, EngineSnapshot
from mqi_tui.domain.time_left import TimeLeft
from mqi_tui.repositories.cases import CaseRepository
from mqi_tui.repositories.gpus import GpuRepository

MINIMUM_INTERVAL_SECONDS = 0.5

_Aside = tuple[
    datetime | None,
    Measurements,
    Mapping[str, JobPlace],
    Mapping[str, TimeLeft],
    TimeLeft | None,
    tuple[Question, ...],
    Mapping[str, HoldUp],
]


class SnapshotPublisher:
    """Reads a new snapshot when the database's revision has moved; unchanged cases stay the same objects.

    `revision` is the database's count of commits, `scan_trouble` why the scan directory cannot be read (empty while it
    can), `unreachable_since` when the HPC stopped answering, `measurements` what is measured beside the work, `places`
    where the beams' jobs compute and `times_left` for how long (none is published while the HPC does not answer),
    `usual_time` how long a beam computes here, `questions` what waits for a person's answer, `hold_ups` what is in the
    beams' way.
    """

    def __init__(
        self,
        cases: CaseRepository,
        gpus: GpuRepository,
        *,
        revision: Callable[[], int],
        is_paused: Callable[[], bool],
        scan_trouble: Callable[[], str],
        unreachable_since: Callable[[], datetime | None] = lambda: None,
        measurements: Callable[[], Measurements] = Measurements,
        places: Callable[[], Mapping[str, JobPlace]] = dict,
        times_left: Callable[[], Mapping[str, TimeLeft]] = dict,
        usual_time: Callable[[], TimeLeft | None] = lambda: None,
        questions: Callable[[], tuple[Question, ...]] = tuple,
        hold_ups: Callable[[], Mapping[str, HoldUp]] = dict,
    ) -> None:
        self._cases = cases
        self._gpus = gpus
        self._revision = revision
        self._is_paused = is_paused
        self._scan_trouble = scan_trouble
        self._unreachable_since = unreachable_since
        self._measurements = measurements
        self._places = places
        self._times_left = times_left
        self._usual_time = usual_time
        self._questions = questions
        self._hold_ups = hold_ups
        self._publishing = asyncio.Lock()
        self._published = asyncio.Condition()
        self._published_state: tuple[int, bool, str] | None = None
        self._published_aside: _Aside | None = None
        self._confirmed_at = datetime.now(UTC)
        self._latest = EngineSnapshot(0, datetime.now(UTC), False, (), (), (), (), (), "")

    @property
    def latest(self) -> EngineSnapshot:
        return self._latest

    @property
    def confirmed_at(self) -> datetime:
        """When the latest picture was last found to be the present one (UTC)."""
        return self._confirmed_at

    async def publish_if_changed(self) -> None:
        """Publish a new snapshot if anything that it shows has changed since the last one."""
        # One at a time: two that are loaded together would have one revision, and the second would be seen by nobody.
        async with self._publishing:
            state = (self._revision(), self._is_paused(), self._scan_trouble())
            unreachable_since = self._unreachable_since()
            aside = (
                unreachable_since,
                self._measurements(),
                self._places(),
                # How far a job comes meanwhile, nobody can know.
                self._times_left() if unreachable_since is None else {},
                self._usual_time(),
                self._questions(),
                self._hold_ups(),
            )
            if state != self._published_state:
                snapshot = await self._load()
            elif aside != self._published_aside:
                # Nothing of it is in the database: no reason to read all beams again.
                snapshot = replace(self._latest, revision=self._latest.revision + 1, at=datetime.now(UTC))
            else:
                self._confirmed_at = datetime.now(UTC)
                return
            _, measured, places, times_left, usual_time, questions, hold_ups = aside
            snapshot = replace(
                snapshot,
                readings=measured.gpus,
                gpu_watch=measured.watch,
                storage=measured.storage,
                places=MappingProxyType(places),
                times_left=MappingProxyType(times_left),
                usual_time=usual_time,
                questions=questions,
                hold_ups=MappingProxyType(hold_ups),
                unreachable_since=unreachable_since,
            )
            self._confirmed_at = snapshot.at
            async with self._published:
                self._latest, self._published_state, self._published_aside = snapshot, state, aside
                self._published.notify_all()

    async def changes(self) -> AsyncIterator[EngineSnapshot]:
        """The latest snapshot at once, then each newer one."""
        seen = -1
        while True:
            async with self._published:
                await self._published.wait_for(lambda: self._latest.revision > seen)  # noqa: B023
                snapshot = self._latest
            seen = snapshot.revision
            yield snapshot

    async def _load(self) -> EngineSnapshot:
        # Folders first: a folder that turns into a case between two reads must be seen at least once.
        folders = await self._cases.list_folders()
        cases = await self._cases.list_cases()
        beams: defaultdict[str, list[BeamRecord]] = defaultdict(list)
        for beam in await self._cases.list_beams():
            beams[beam.parent_case_id].append(beam)
        before = {view.case_id: view for view in self._latest.cases}
        views = []
        for case in cases:
            view = before.get(case.case_id)
            own = tuple(beams[case.case_id])
            if view is None or view.record != case or view.beams != own:
                view = CaseView.of(case, own)
            views.append(view)
        return EngineSnapshot(
            revision=self._latest.revision + 1,
            at=datetime.now(UTC),
            paused=self._is_paused(),
            cases=tuple(views),
            gpus=tuple(await self._gpus.list_gpus()),
            folders=tuple(folders),
            events=tuple(await self._cases.list_events()),
            queue=tuple(await self._gpus.queue()),
            scan_trouble=self._scan_trouble(),
        )

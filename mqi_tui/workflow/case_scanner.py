"""Reconciles the folders under the scan directory with the cases that are known; every other folder gets a reason."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mqi_tui.config import ScanSettings, Settings
from mqi_tui.domain.errors import InputError, MqiError
from mqi_tui.domain.names import beam_id_of, check_name
from mqi_tui.domain.records import FolderRecord
from mqi_tui.domain.status import FolderState
from mqi_tui.moqui.beam_folder import is_beam_folder, missing_files
from mqi_tui.moqui.plan_range import read_plan_range

NOT_A_BEAM = "not a beam folder: it holds no PlanInfo.txt, PlanRange.txt or .ptn file"


@dataclass(frozen=True, slots=True)
class KnownCase:
    """What the database knows of a case."""

    path: Path
    beam_names: Collection[str]


@dataclass(frozen=True, slots=True)
class FoundCase:
    """A complete case folder with beams that are not known yet."""

    case_id: str
    path: Path
    beams: tuple[tuple[str, Path], ...]
    """(beam name, folder), by name."""
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScanResult:
    cases: tuple[FoundCase, ...]
    """Cases to register: new ones, and known ones with further beams."""
    folders: tuple[FolderRecord, ...]


@dataclass(frozen=True, slots=True)
class _Quiet:
    signature: str
    since: float


class CaseScanner:
    """Remembers between scans how long each folder has been quiet. `scan` blocks: call it in a thread."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._quiet: dict[Path, _Quiet] = {}

    def scan(self, known: Mapping[str, KnownCase]) -> ScanResult:
        """One pass over the scan directory; raises OSError if the directory itself cannot be read."""
        return _Pass(self._settings, known, self._quiet, self._clock()).run()


def find_beams(case_path: Path, ignore: Collection[str] = ()) -> list[tuple[str, Path]]:
    """(beam name, folder) of the sub-folders that are recognised as beams by what they hold, by name."""
    return [
        (path.name, path) for path in _sub_folders(case_path) if not _ignored(path, ignore) and is_beam_folder(path)
    ]


def limit_warnings(settings: Settings, beams: Collection[tuple[str, Path]]) -> tuple[str, ...]:
    """A sentence for each limit that the case exceeds; a PlanRange.txt that cannot be read is not judged here."""
    warnings = []
    if len(beams) > settings.max_beams_per_case:
        warnings.append(
            f"{len(beams)} beams are more than max_beams_per_case ({settings.max_beams_per_case}); "
            "all of them are processed."
        )
    for name, path in beams:
        try:
            layers = len(read_plan_range(path / "PlanRange.txt"))
        except InputError:
            continue
        if layers > settings.max_csv_per_beam:
            warnings.append(
                f"beam {name}: {layers} layers are more than max_csv_per_beam ({settings.max_csv_per_beam}); "
                "all of them are processed."
            )
    return tuple(warnings)


class _Pass:
    """One scan."""

    def __init__(
        self, settings: Settings, known: Mapping[str, KnownCase], quiet: dict[Path, _Quiet], now: float
    ) -> None:
        self.settings = settings
        self.scan: ScanSettings = settings.scan
        self.known = known
        self.quiet = quiet
        self.now = now
        self.at = datetime.now(UTC)
        self.cases: dict[str, FoundCase] = {}
        self.beam_owners = {f"{case_id}_{name}": case_id for case_id, case in known.items() for name in case.beam_names}
        self.folders: list[FolderRecord] = []
        self.seen: set[Path] = set()

    def run(self) -> ScanResult:
        root = self.settings.scan_directory
        self._look_into(root, 1, (root.resolve(),))
        for path in set(self.quiet) - self.seen:
            del self.quiet[path]
        return ScanResult(tuple(self.cases.values()), tuple(sorted(self.folders, key=lambda folder: str(folder.path))))

    def _note(self, path: Path, state: FolderState, reason: str) -> None:
        self.folders.append(FolderRecord(path, state, reason, self.at))

    def _look_into(self, folder: Path, depth: int, above: tuple[Path, ...]) -> None:
        for path in _sub_folders(folder):
            if _ignored(path, self.scan.ignore):
                continue
            try:
                self._consider(path, depth, above)
            except MqiError as error:
                self._note(path, FolderState.REFUSED, str(error))
            except OSError as error:
                self._note(
                    path, FolderState.REFUSED, f"cannot be read ({error.strerror}); check its rights and its share."
                )

    def _consider(self, path: Path, depth: int, above: tuple[Path, ...]) -> None:
        target = path.resolve()
        if target in above or any(target in parent.parents for parent in above):
            self._note(path, FolderState.PASSED_OVER, f"a symbolic link back to {target}, a folder that holds it")
            return
        sub_folders = [sub for sub in _sub_folders(path) if not _ignored(sub, self.scan.ignore)]
        beams = [sub for sub in sub_folders if is_beam_folder(sub)]
        has_plan = any(path.glob(self.scan.plan_pattern))
        if beams or has_plan:
            for sub in sub_folders:
                if sub not in beams:
                    self._note(sub, FolderState.PASSED_OVER, NOT_A_BEAM)
            self._consider_case(path, beams)
        elif is_beam_folder(path):
            self._note(
                path, FolderState.PASSED_OVER, "a beam folder outside a case folder; put it into its case's folder"
            )
        elif sub_folders and depth < self.scan.max_depth:
            self._look_into(path, depth + 1, (*above, target))
        elif not sub_folders and next(path.iterdir(), None) is None:
            self._note(path, FolderState.PASSED_OVER, "empty")
        else:
            self._note(
                path,
                FolderState.PASSED_OVER,
                "no case folder: it holds neither a plan nor a sub-folder with PlanInfo.txt, PlanRange.txt or "
                ".ptn files" + (f" (scan.max_depth is {self.scan.max_depth})" if sub_folders else ""),
            )

    def _consider_case(self, path: Path, beams: list[Path]) -> None:
        case_id = check_name(path.name, "case name")
        known = self.known.get(case_id)
        first = known.path if known else self.cases[case_id].path if case_id in self.cases else None
        if first is not None and first != path:
            self._note(
                path,
                FolderState.REFUSED,
                f"duplicate case id: {case_id} is already the case at {first}; rename one of the two folders.",
            )
            return
        named = tuple((beam.name, beam) for beam in beams)
        if known and {name for name, _ in named} <= set(known.beam_names):
            return
        for name, _ in named:
            beam_id = beam_id_of(case_id, name)
            owner = self.beam_owners.setdefault(beam_id, case_id)
            if owner != case_id:
                raise InputError(f"beam id {beam_id} already belongs to case {owner}; rename this case's folder.")
        waiting = self._why_not_ready(path, beams, is_known=known is not None)
        if waiting:
            self._note(path, *waiting)
        else:
            self.cases[case_id] = FoundCase(case_id, path, named, limit_warnings(self.settings, named))

    def _why_not_ready(self, path: Path, beams: list[Path], *, is_known: bool) -> tuple[FolderState, str] | None:
        if not beams:
            nothing = "no beam folder (a sub-folder with PlanInfo.txt, PlanRange.txt or .ptn files)"
            return self._settling(path) or (FolderState.INCOMPLETE, f"{nothing} beside the plan; copy the beams' logs.")
        if self._has_marker(path):
            # Who put it there may have spoken of an earlier delivery, while further logs are only being copied.
            is_of_this_delivery = not is_known and self._is_marked(path)
            return None if is_of_this_delivery else self._changing(path)
        settling = self._settling(path)
        if settling:
            return settling
        missing = self._first_missing(path, beams)
        if missing is None:
            return None
        return FolderState.INCOMPLETE, (
            f"{missing}; copy what is missing, or put an empty file {self.scan.ready_marker} into the folder "
            "to process the case as it is."
        )

    def _has_marker(self, path: Path) -> bool:
        # A marker in the scan directory itself would declare every case complete that will ever arrive there.
        return self._is_marked(path) or (path.parent != self.settings.scan_directory and self._is_marked(path.parent))

    def _is_marked(self, folder: Path) -> bool:
        return (folder / self.scan.ready_marker).exists()

    def _settling(self, path: Path) -> tuple[FolderState, str] | None:
        if self._quiet_seconds(path) >= self.scan.quiet_period_seconds:
            return None
        return FolderState.SETTLING, (
            f"waits until nothing has changed in it for {self.scan.quiet_period_seconds:g} s "
            f"(or for a file {self.scan.ready_marker})"
        )

    def _changing(self, path: Path) -> tuple[FolderState, str] | None:
        """As `_settling`, where a marker may shorten the wait to one look."""
        quiet = self._quiet_seconds(path)
        if quiet > 0 or quiet >= self.scan.quiet_period_seconds:
            return None
        return FolderState.SETTLING, (
            f"waits until nothing has changed in it from one look to the next: {self.scan.ready_marker} may speak of "
            "an earlier delivery"
        )

    def _quiet_seconds(self, path: Path) -> float:
        """How long the folder is known to be as it is; 0 at the first look at it."""
        self.seen.add(path)
        signature = _signature(path)
        quiet = self.quiet.get(path)
        if quiet is None or quiet.signature != signature:
            quiet = self.quiet[path] = _Quiet(signature, self.now)
        return self.now - quiet.since

    def _first_missing(self, path: Path, beams: list[Path]) -> str | None:
        for beam in beams:
            try:
                missing = missing_files(beam)
            except InputError:
                continue  # a damaged file is there; its own beam will say what is wrong with it
            if missing:
                shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
                return f"beam folder {beam.name} lacks {shown}"
        if not any(path.glob(self.scan.plan_pattern)):
            return f"no plan ({self.scan.plan_pattern}) in the case folder"
        return None


def _sub_folders(folder: Path) -> list[Path]:
    """The sub-folders by name; links that lead nowhere or in a circle are none."""
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if _is_folder(entry))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _ignored(path: Path, patterns: Collection[str]) -> bool:
    return any(fnmatch.fnmatchcase(path.name, pattern) for pattern in patterns)


def _signature(folder: Path) -> str:
    """Changes whenever a file in the folder or its sub-folders appears, goes, grows or is touched."""
    digest = hashlib.sha256()
    for path, size, modified in sorted(_files(folder)):
        digest.update(f"{path}\0{size}\0{modified}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[tuple[str, int, int]]:
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)  # noqa: PTH118 - thousands of files a scan
            try:
                found = os.lstat(path)
            except FileNotFoundError:
                continue
            yield path, found.st_size, found.st_mtime_ns

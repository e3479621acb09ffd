"""The folders that the config names: made absolute, and checked for what could harm one another."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mqi_tui.config.hpc_settings import HpcSettings
from mqi_tui.config.settings import Settings
from mqi_tui.config.source import KeyPath, dotted
from mqi_tui.config.templates import literal, split_root


@dataclass(frozen=True, slots=True)
class BadPlace:
    """A folder that cannot be used; `found` and `expected` complete "found ..., expected ..."."""

    key: KeyPath
    found: object
    expected: str


def with_absolute_paths(settings: Settings, folder: Path) -> Settings:
    """The settings with every path and folder template absolute: relative ones are relative to `folder`.

    Links in the user's own paths stay as they are written.
    """
    return settings.model_copy(
        update={
            "scan_directory": _absolute(folder, settings.scan_directory),
            "result_path": _absolute(folder, settings.result_path),
            "state_directory": _absolute(folder, settings.state_directory),
            "work_folder": _absolute_template(folder, settings.work_folder, "work_directory", "beam_path"),
            "result_folder": _absolute_template(folder, settings.result_folder, "result_path"),
            "hpc": _with_absolute_paths(settings.hpc, folder),
        }
    )


def _with_absolute_paths(hpc: HpcSettings, folder: Path) -> HpcSettings:
    def here(name: str) -> str:
        return str(_absolute(folder, Path(name)))

    ssh = hpc.ssh.model_copy(
        update={
            "config_files": tuple(map(here, hpc.ssh.config_files)),
            "identity_files": tuple(map(here, hpc.ssh.identity_files)),
            "known_hosts": here(hpc.ssh.known_hosts),
        }
    )
    # Over SSH it is a path of the other machine, of which nothing is known here.
    remote_root = hpc.remote_root if hpc.transport == "ssh" else here(hpc.remote_root)
    return hpc.model_copy(update={"remote_root": remote_root, "ssh": ssh})


def bad_places(settings: Settings) -> Iterator[BadPlace]:
    """What is wrong with the folders of settings whose paths are absolute; the folders need not be there yet."""
    roots: dict[KeyPath, Path] = {
        ("scan_directory",): settings.scan_directory,
        ("result_path",): settings.result_path,
        ("state_directory",): settings.state_directory,
    }
    if settings.hpc.transport == "local":
        roots["hpc", "remote_root"] = Path(settings.hpc.remote_root)
    elif not settings.hpc.remote_root.startswith("/") or ".." in PurePosixPath(settings.hpc.remote_root).parts:
        yield BadPlace(
            ("hpc", "remote_root"),
            settings.hpc.remote_root,
            "an absolute path on the HPC, such as /scratch/NAME/mqi-tui, since hpc.transport is ssh",
        )
    usable = True
    for key, path in roots.items():
        obstacle = _obstacle(path)
        if obstacle:
            usable = False
            yield BadPlace(key, path, f"a folder, or a path where one can be made; {obstacle} is no folder")
    if usable:
        yield from _where_cases_are_scanned(settings, roots)
        yield from _shared_folders(settings)


def _where_cases_are_scanned(settings: Settings, roots: dict[KeyPath, Path]) -> Iterator[BadPlace]:
    """Folders below scan_directory: what the program writes there would be taken for cases."""
    scanned = settings.scan_directory
    written = {key: path for key, path in roots.items() if key != ("scan_directory",)}
    inside = {key for key, path in written.items() if _is_inside(path, scanned)}
    # A template that begins with a root that is refused already would only say the same again.
    if ("result_path",) not in inside:
        written["result_folder",] = settings.result_folder_of("CASE", "CASE_BEAM")
    if ("state_directory",) not in inside:
        # Asked for a beam elsewhere: a working folder in the beam's own folder is a choice that is open.
        written["work_folder",] = settings.work_folder_of("CASE", "CASE_BEAM", settings.state_directory / "BEAM")
    for key, path in written.items():
        if _is_inside(path, scanned):
            yield BadPlace(key, path, f"a folder outside scan_directory ({scanned}), whose folders are read as cases")


def _shared_folders(settings: Settings) -> Iterator[BadPlace]:
    """Two kinds of files of a beam in one folder would overwrite each other."""
    folders: dict[KeyPath, Path] = {
        ("result_folder",): settings.result_folder_of("CASE", "CASE_BEAM"),
        ("work_folder",): settings.work_folder_of("CASE", "CASE_BEAM", settings.scan_directory / "CASE" / "BEAM"),
    }
    if settings.hpc.transport == "local":
        folders["hpc", "beam_folder"] = Path(settings.remote_folder_of("CASE", "CASE_BEAM"))
    for (first, first_path), (second, second_path) in itertools.combinations(folders.items(), 2):
        if os.path.realpath(first_path) == os.path.realpath(second_path):
            yield BadPlace(second, second_path, f"another folder than that of {dotted(first)}")


def _absolute(folder: Path, path: Path) -> Path:
    return Path(os.path.abspath(folder / os.path.expanduser(path)))  # noqa: PTH100, PTH111 - they keep links and raise nothing


def _absolute_template(folder: Path, template: str, *roots: str) -> str:
    root, _ = split_root(template, *roots)
    if root:
        return template
    return str(Path(literal(str(folder))) / os.path.expanduser(template))  # noqa: PTH111 - raises nothing


def _obstacle(path: Path) -> Path | None:
    """The file or dead link that stands in the way of a folder at `path`."""
    nearest = next((place for place in (path, *path.parents) if os.path.lexists(place)), None)
    return None if nearest is None or os.path.isdir(nearest) else nearest  # noqa: PTH112 - Path.is_dir may raise


def _is_inside(path: Path, folder: Path) -> bool:
    real_path, real_folder = Path(os.path.realpath(path)), Path(os.path.realpath(folder))
    return path.is_relative_to(folder) or real_path.is_relative_to(real_folder)

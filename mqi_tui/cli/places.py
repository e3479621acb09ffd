"""`init`, `sample` and `config`: making a place to work in, and looking at its configuration."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from mqi_tui.cli.arguments import Commands, count
from mqi_tui.config import DEFAULT_CONFIG, load_config
from mqi_tui.domain.errors import RequestRefusedError
from mqi_tui.domain.text import printable
from mqi_tui.workflow.config_check import check_engine_parameters


def add_parsers(commands: Commands, config: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "init",
        help="make a folder with a commented config and its sub-folders",
        description="Writes DIR/config.yaml (commented, complete) for the embedded default, with DIR/cases, "
        "DIR/results and DIR/hpc. Nothing that is there is overwritten.",
    )
    parser.add_argument("dir", type=Path, metavar="DIR")
    parser.set_defaults(command=init)
    parser = commands.add_parser(
        "sample",
        help="make synthetic cases (no patient data)",
        description="Writes complete synthetic case folders into DIR: plan, logs and layer tables, no patient data.",
    )
    parser.add_argument(
        "dir", type=Path, metavar="DIR", help="the folder for the cases, e.g. the config's scan_directory"
    )
    parser.add_argument("--cases", type=count, metavar="N", default=3, help="how many cases (default: 3)")
    parser.add_argument("--beams", type=count, metavar="N", help="beams a case (default: 2 to 5)")
    parser.add_argument("--layers", type=count, metavar="N", help="energy layers a beam (default: 3 to 30)")
    parser.add_argument("--faulty", action="store_true", help="make one beam faulty: one of its logs is cut short")
    parser.add_argument(
        "--seed", type=int, metavar="N", default=1, help="the same seed makes the same cases (default: 1)"
    )
    parser.set_defaults(command=sample)
    parser = commands.add_parser(
        "config",
        parents=[config],
        help="print the configuration in force",
        description="Prints every setting, its value, and where it came from (default, or file and line).",
    )
    parser.set_defaults(command=show_config)


def write_config(folder: Path) -> Path:
    """The path of a new commented config in `folder`; raises RequestRefusedError if one is there."""
    path = folder / "config.yaml"
    folders = [folder, *(folder / name for name in ("cases", "results", "hpc"))]
    in_the_way = [place for place in (path, *folders) if os.path.lexists(place) and not place.is_dir()]
    if in_the_way or path.exists():
        there = (in_the_way or [path])[0]
        raise RequestRefusedError(f"{there} is there already; nothing was written. Choose another folder.")
    try:
        for place in folders:
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("x", encoding="utf-8") as file:
            file.write(DEFAULT_CONFIG)
    except OSError as error:
        raise RequestRefusedError(f"{error.filename or folder} cannot be written: {error.strerror}.") from None
    return path


def init(options: argparse.Namespace) -> int:
    path = write_config(options.dir)
    print(f"wrote {path}; put case folders into {options.dir / 'cases'}, then: mqi-tui --config {path}")
    return 0


def sample(options: argparse.Namespace) -> int:
    # Imported late: pydicom and the sample maker are of no use to the other commands.
    from mqi_tui.builtin.sample import make_cases  # noqa: PLC0415

    made = make_cases(
        options.dir,
        cases=options.cases,
        beams=options.beams,
        layers=options.layers,
        faulty=options.faulty,
        seed=options.seed,
    )
    for path in made:
        print(path)
    return 0


def show_config(options: argparse.Namespace) -> int:
    config = load_config(options.config)
    check_engine_parameters(config)
    if config.settings.keys:
        # Imported late: only the screen knows what keys can do, and it takes a while.
        from mqi_tui.ui.keymap import actions_of  # noqa: PLC0415

        actions_of(config)
    for setting in config.effective():
        print(printable(f"{setting.name} = {setting.value}  # {setting.source}"))
    return 0

"""`kill -9` of the program at random moments: nothing is lost, nothing is computed twice, no slot stays taken."""

from __future__ import annotations

import contextlib
import random
import signal
import sqlite3
import subprocess

from tests.support.site import Site

KILLS = 10
ENGINE = """
import runpy, sys, time
from pathlib import Path

tps_file, released = Path(sys.argv[1]), Path(sys.argv.pop())
with open(tps_file.parent / "computed", "a") as count:
    count.write("once\\n")
time.sleep(1.5)
while "SAMPLE-0003" in str(tps_file) and not released.exists():
    time.sleep(0.05)
runpy.run_module("mqi_tui.builtin.simulation", run_name="__main__", alter_sys=True)
"""
"""The built-in engine, after a line in a file of its own that counts how often it was started in this run folder.
Beams of the third case wait for a file, so that on no machine everything is done before the last kill."""


def test_after_ten_kills_every_beam_is_completed_and_was_computed_once(site: Site) -> None:
    engine, released = site.folder / "engine.py", site.folder / "released"
    engine.write_text(ENGINE, encoding="utf-8")
    site.configure(
        hpc={"gpu_count": 3},
        engine={"command": ["{python}", str(engine), "{tps_file}", str(released)]},
    )
    site.add_cases(3, beams=5, layers=3)
    moments = random.Random(4711)
    kills = 0
    while kills < KILLS:
        with subprocess.Popen(
            site.command("run", "--headless", "--dispatch-all", "--until-idle"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as program:
            try:
                # Not before anything has begun.
                program.wait(timeout=moments.uniform(0.7, 2.2))
            except subprocess.TimeoutExpired:
                program.send_signal(signal.SIGKILL)
                kills += 1
            else:
                break
    released.touch()
    answer = site.run("run", "--headless", "--dispatch-all", "--until-idle", timeout=240)

    assert kills == KILLS
    assert answer.returncode == 0, answer.stdout + answer.stderr
    beams = site.beams()
    assert len(beams) == 15
    assert {beam["status"] for beam in beams.values()} == {"completed"}
    assert {gpu["beam_id"] for gpu in site.status()["gpus"]} == {None}
    starts = {path.parent.parent.name: path.read_text() for path in site.remote.rglob("run-*/computed")}
    assert starts == dict.fromkeys(beams, "once\n")
    with contextlib.closing(sqlite3.connect(site.folder / "state" / "mqi-tui.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert database.execute("SELECT COUNT(*) FROM beams WHERE gpu_id IS NOT NULL").fetchone() == (0,)
        assert database.execute("SELECT COUNT(*) FROM attempts WHERE outcome IS NULL").fetchone() == (0,)


def test_a_beam_whose_own_job_was_killed_is_computed_once_more(site: Site) -> None:
    marker = site.folder / "killed"
    kill_once = (
        f"import os, sys, runpy; from pathlib import Path; marker = Path({str(marker)!r}); "
        "first = not marker.exists(); "
        "marker.touch(); first and os.killpg(os.getpgid(0), 9); "
        "runpy.run_module('mqi_tui.builtin.simulation', run_name='__main__', alter_sys=True)"
    )
    site.configure(engine={"command": ["{python}", "-c", kill_once, "{tps_file}"]})
    site.add_cases(1, beams=1, layers=3)
    answer = site.run("run", "--headless", "--dispatch-all", "--until-idle")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    (beam,) = site.beams().values()
    assert (beam["status"], beam["attempt"]) == ("completed", 2)
    assert "another attempt follows (1 of 3 lost)" in answer.stdout

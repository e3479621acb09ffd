"""One faulty beam among five: the others complete, the failure names the file, a retry touches nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

from mqi_tui.builtin.sample import make_sample_set
from tests.support.site import Site


def result_times(site: Site) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for place in (site.results, site.remote) for path in place.rglob("*")}


def test_four_complete_one_fails_with_the_file_and_its_retry_leaves_the_four_alone(site: Site, tmp_path: Path) -> None:
    made = make_sample_set(site.cases, cases=1, beams=5, layers=3, faulty=True, seed=11)
    assert made.faulty_log is not None
    whole = make_sample_set(tmp_path / "whole", cases=1, beams=5, layers=3, faulty=False, seed=11)

    answer = site.run("run", "--headless", "--dispatch-all", "--until-idle")
    assert answer.returncode == 1, answer.stdout + answer.stderr
    beams = site.beams()
    failed = [beam for beam in beams.values() if beam["status"] == "failed"]
    assert sorted(beam["status"] for beam in beams.values()) == ["completed"] * 4 + ["failed"]
    assert str(made.faulty_log) in failed[0]["error"]
    assert "16" in failed[0]["error"]  # the bytes of a row: why the file is no whole log
    assert site.status()["cases"][0]["status"] == "partly failed"

    before = result_times(site)
    relative = made.faulty_log.relative_to(made.cases[0])
    shutil.copyfile(whole.cases[0] / relative, made.faulty_log)
    answer = site.run("retry", failed[0]["beam_id"])
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert {beam["status"] for beam in site.beams().values()} == {"completed"}

    own = site.remote.rglob(f"{failed[0]['beam_id']}*")
    changed = {path for path, time in before.items() if path.stat().st_mtime_ns != time}
    case = made.cases[0].name
    # Only the folders that now hold a further beam's folder.
    assert changed <= {site.results / case, site.remote / case, *own}

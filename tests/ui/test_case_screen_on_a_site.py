"""The case screen over the embedded engine and real sample cases: interpreter, dose engine, files and all."""

from __future__ import annotations

import shutil
from pathlib import Path

from mqi_tui.domain.status import BeamStatus
from mqi_tui.ui.app import MqiApp
from mqi_tui.ui.keymap import actions_of
from mqi_tui.ui.screens.case import CaseScreen
from mqi_tui.ui.widgets.case_beam_list import CaseBeamList
from tests.support.screens import MIDDLE, View, lines_of
from tests.support.site import Site, all_beams, wait_for


async def test_a_case_with_a_faulty_beam_is_looked_at_while_it_runs_reported_and_its_folder_deleted(
    tmp_path: Path,
) -> None:
    site = Site.make(tmp_path / "site")
    (folder,) = site.add_cases(beams=3, layers=3, faulty=True)
    async with site.engine() as engine:
        await wait_for(engine, lambda snapshot: bool(all_beams(snapshot)))
        app = MqiApp(engine, site.config, actions_of(site.config))
        async with app.run_test(size=MIDDLE, notifications=True, tooltips=True) as pilot:
            view = View(app, pilot)
            await view.until(lambda: folder.name in view.text)
            await view.press("enter")
            await view.until(lambda: isinstance(app.screen, CaseScreen) and "patient id" in view.text)
            rows = app.screen.query_one(CaseBeamList)
            assert ["○ new" in line for line in lines_of(rows)[1:4]] == [True] * 3
            await view.press("d")
            snapshot = await wait_for(
                engine,
                lambda snapshot: (
                    snapshot.is_idle and all(beam.status is not BeamStatus.NEW for beam in all_beams(snapshot))
                ),
            )
            done = [beam for beam in all_beams(snapshot) if beam.status is BeamStatus.COMPLETED]
            assert len(done) == 2
            await view.until(lambda: sum("verified" in line for line in lines_of(rows)) == 2)
            await view.until(lambda: "⠤" in view.text or "⠒" in view.text)
            assert sum("✗ failed" in line for line in lines_of(rows)) == 1
            assert not any(word in "".join(lines_of(rows)) for word in ("unknown", "…")), (
                "all is known, no number is cut"
            )
            await view.press("s")
            report = site.results / folder.name / "report.html"
            await view.until(lambda: any(f"wrote {report}" == toast.replace("\n", "") for toast in view.toasts))
            assert report.stat().st_mode & 0o777 == 0o600
            shutil.rmtree(folder)
            await view.press("escape", "enter")
            await view.until(lambda: "The plan cannot be read: the case folder" in view.text)
            await view.until(
                lambda: sum("verified" in line for line in lines_of(app.screen.query_one(CaseBeamList))) == 2
            )

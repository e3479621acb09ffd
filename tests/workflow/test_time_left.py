"""How long a beam still computes reaches the snapshot from its job's log, and leaves it with the job."""

from __future__ import annotations

from mqi_tui.domain.compute_times import BEAMS_NEEDED, ComputeTime
from mqi_tui.domain.status import BeamStatus
from tests.support.site import all_beams, wait_for
from tests.workflow.support import COMPUTING, DOSE, QuickSite

# The wording of the engine's log: facts of the log-file forks, see mqi_tui.moqui.run_log.
_SLOW = (
    'for n in 1 2 3 4 5 6 7 8; do echo "Generating particles for ($n of 8 batches) in CPU .."; sleep 0.3; '
    f'echo "Particle transportation complete!"; done; {DOSE} >dose.raw'
)


async def test_a_computing_beam_says_how_long_it_still_takes(quick: QuickSite) -> None:
    quick.configure(engine=_SLOW, hpc={"poll_interval_seconds": 0.05})
    quick.site.add_cases(1, beams=1)
    async with quick.site.engine(auto_dispatch=True) as engine:
        seen = await wait_for(engine, lambda snapshot: bool(snapshot.times_left))
        [(beam_id, left)] = seen.times_left.items()
        [beam] = all_beams(seen)
        assert beam_id == beam.beam_id
        assert beam.status is BeamStatus.HPC_RUNNING
        assert 0.0 <= left.shortest_s < left.longest_s
        done = await wait_for(engine, lambda snapshot: all_beams(snapshot)[0].status is BeamStatus.COMPLETED)
        assert not done.times_left


async def test_what_was_computed_here_says_how_long_a_beam_takes_also_after_a_restart(quick: QuickSite) -> None:
    quick.configure(hpc={"poll_interval_seconds": 0.05, "gpu_count": 1})
    quick.site.add_cases(1, beams=BEAMS_NEEDED)
    async with quick.site.engine(auto_dispatch=True) as engine:
        done = await wait_for(engine, lambda snapshot: snapshot.all_completed and snapshot.usual_time is not None)
        usual = done.usual_time
        assert usual is not None
        assert usual.of_beams == BEAMS_NEEDED
        assert 0.0 <= usual.shortest_s <= usual.longest_s < 60.0
    async with quick.site.engine() as engine:
        assert (await wait_for(engine, lambda snapshot: snapshot.usual_time is not None)).usual_time == usual
    # What another engine needed says nothing of this one.
    quick.configure(engine=_SLOW, hpc={"poll_interval_seconds": 0.05})
    async with quick.site.engine() as engine:
        await engine.refresh()
        assert engine.snapshot.usual_time is None


async def test_a_beam_without_a_pace_takes_as_long_as_the_others(quick: QuickSite) -> None:
    quick.configure(hpc={"poll_interval_seconds": 0.05, "gpu_count": 1})
    quick.hold(COMPUTING)
    quick.add_case(beams=1)
    async with quick.site.engine(auto_dispatch=True) as engine:
        for number in range(BEAMS_NEEDED):
            engine._context.compute_times.note(ComputeTime(f"earlier {number}", "node", 600.0))
        seen = await wait_for(engine, lambda snapshot: any(one.longest_s < 600 for one in snapshot.times_left.values()))
        [left] = seen.times_left.values()
        assert left.of_beams == BEAMS_NEEDED
        assert left.longest_s > 500.0
        quick.let_go(COMPUTING)
        await wait_for(engine, lambda snapshot: snapshot.all_completed and not snapshot.times_left)

"""How long a beam still computes reaches the snapshot from its job's log, and leaves it with the job."""

from __future__ import annotations

from mqi_tui.domain.status import BeamStatus
from tests.support.site import all_beams, wait_for
from tests.workflow.support import DOSE, QuickSite

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
        assert 0.0 <= left.shortest_s < left.longest_s < 8.0
        done = await wait_for(engine, lambda snapshot: all_beams(snapshot)[0].status is BeamStatus.COMPLETED)
        assert not done.times_left

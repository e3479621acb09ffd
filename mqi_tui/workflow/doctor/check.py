"""One thing that was looked at, and the way to look at several that need each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mqi_tui.domain.errors import MqiError


class Outcome(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """The program works, but not as well as it could, or not for long."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not looked at, because something that it needs was not found."""

    @property
    def mark(self) -> str:
        """One character that says it beside the word."""
        return _MARKS[self]


_MARKS = {Outcome.OK: "✓", Outcome.WARNING: "!", Outcome.FAILED: "✗", Outcome.SKIPPED: "-"}


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    outcome: Outcome
    sentence: str
    """What was found."""
    remedy: str = ""
    """What to do about it; empty where nothing needs to be done."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a step found; with the step's name it is a Check."""

    outcome: Outcome
    sentence: str
    remedy: str = ""
    blocks: bool = False
    """No failure, but what needs this step cannot be looked at either."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something to look at. What `run` raises as an MqiError or OSError is a failure with the step's own remedy."""

    name: str
    run: Callable[[], Awaitable[Finding]]
    remedy: str
    needs: tuple[str, ...] = ()
    """Names of the earlier steps without which this one says nothing."""
    seconds: float = 30.0
    """After this time the step has failed."""


def ok(sentence: str) -> Finding:
    return Finding(Outcome.OK, sentence)


def warning(sentence: str, remedy: str, *, blocks: bool = False) -> Finding:
    return Finding(Outcome.WARNING, sentence, remedy, blocks)


def failed(sentence: str, remedy: str) -> Finding:
    return Finding(Outcome.FAILED, sentence, remedy)


async def take_steps(steps: Sequence[Step]) -> AsyncIterator[Check]:
    """Each step's check as soon as it is known, in their order; never raises for what a step meets outside."""
    # By step, the first one that stands in its way.
    obstacles: dict[str, str] = {}
    for step in steps:
        obstacle = next((obstacles[name] for name in step.needs if name in obstacles), None)
        if obstacle is None:
            finding = await _find(step)
            if finding.blocks or finding.outcome is Outcome.FAILED:
                obstacles[step.name] = step.name
        else:
            finding = Finding(Outcome.SKIPPED, f"not looked at: it needs {obstacle}")
            obstacles[step.name] = obstacle
        yield Check(step.name, finding.outcome, finding.sentence, finding.remedy)


async def _find(step: Step) -> Finding:
    try:
        async with asyncio.timeout(step.seconds):
            return await step.run()
    except TimeoutError:
        return failed(f"no answer within {step.seconds:g} s", step.remedy)
    except MqiError as error:
        return failed(str(error).rstrip("."), step.remedy)
    except OSError as error:
        return failed(f"{error.filename or 'the system'}: {error.strerror or error}", step.remedy)

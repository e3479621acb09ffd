"""Keeps in the history when the HPC stopped answering and when it answered again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from mqi_tui.repositories.cases import CaseRepository


class OutageHistory:
    """Writes an event at each change of `unreachable_since` between None and a time (UTC)."""

    def __init__(self, cases: CaseRepository, unreachable_since: Callable[[], datetime | None]) -> None:
        self._cases = cases
        self._unreachable_since = unreachable_since
        self._noted: datetime | None = None

    async def note(self) -> None:
        """Look once; to be called again and again."""
        since = self._unreachable_since()
        if since is not None and self._noted is None:
            await self._cases.add_event(f"HPC unreachable since {since:%H:%M:%S} UTC", level="warning")
        elif since is None and self._noted is not None:
            seconds = (datetime.now(UTC) - self._noted).total_seconds()
            await self._cases.add_event(f"HPC reachable again after {max(seconds, 0):.0f} s")
        self._noted = since

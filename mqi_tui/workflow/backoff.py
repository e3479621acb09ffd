"""How long to wait before the next try."""

from __future__ import annotations

from mqi_tui.config import RetrySettings


class Backoff:
    """Pauses that double from `first_pause_seconds` up to `longest_pause_seconds`."""

    def __init__(self, settings: RetrySettings) -> None:
        self._settings = settings
        self._tries = 0

    def next_pause(self) -> float:
        """Seconds to wait now."""
        pause = min(self._settings.first_pause_seconds * 2.0**self._tries, self._settings.longest_pause_seconds)
        # Beyond this the pause no longer grows, and 2 ** tries would overflow on a long night.
        self._tries = min(self._tries + 1, 30)
        return pause

    def reset(self) -> None:
        """It worked: the next trouble starts with the first pause."""
        self._tries = 0

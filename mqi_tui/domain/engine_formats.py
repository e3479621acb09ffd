"""Which of the engine's formats a site uses."""

from __future__ import annotations

from enum import StrEnum


class CsvLayout(StrEnum):
    """How the rows of a layer's CSV end; `trailing-comma` is read right by every engine build tried so far."""

    ROWS = "rows"
    TRAILING_COMMA = "trailing-comma"
    SINGLE_LINE = "single-line"


class EngineProfile(StrEnum):
    """Which MOQUI build runs on the HPC: decides the known `moqui_tps.in` keys and the log's wording."""

    LOGFORK = "logfork"
    MGH = "mgh"
    CUSTOM = "custom"

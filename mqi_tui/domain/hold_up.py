"""What is in the way of a beam that fails for nothing and goes on by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class HoldUp:
    since: datetime
    """UTC."""
    reason: str
    """What is in the way, and what to do."""

"""Fixtures that several wings of the tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A place of its own with a config for the embedded default, quick enough for tests, and no cases yet."""
    return Site.make(tmp_path / "site")

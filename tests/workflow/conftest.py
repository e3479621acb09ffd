"""Fixtures of the workflow's tests."""

from __future__ import annotations

import pytest

from tests.support.site import Site
from tests.workflow.support import QuickSite


@pytest.fixture
def quick(site: Site, monkeypatch: pytest.MonkeyPatch) -> QuickSite:
    """A site with programs of a few milliseconds, whose engine publishes as quickly."""
    monkeypatch.setattr("mqi_tui.workflow.engine.MINIMUM_INTERVAL_SECONDS", 0.03)
    monkeypatch.setattr("mqi_tui.workflow.engine._REQUEST_INTERVAL_SECONDS", 0.05)
    quick_site = QuickSite(site)
    quick_site.configure()
    return quick_site

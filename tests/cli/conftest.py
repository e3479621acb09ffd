"""Fixtures of the command line's tests."""

from __future__ import annotations

import pytest

from tests.support.site import Site
from tests.workflow.support import QuickSite


@pytest.fixture
def quick(site: Site) -> QuickSite:
    """A site with programs of a few milliseconds."""
    quick_site = QuickSite(site)
    quick_site.configure()
    return quick_site

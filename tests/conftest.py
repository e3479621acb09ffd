"""Fixtures that several wings of the tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from mqi_tui.ui import language, settling
from tests.cluster.cluster import Cluster, temporary_cluster
from tests.cluster.requirements import why_no_cluster
from tests.support.site import Site

# How long an example takes says what else the machine does.
settings.register_profile("patient", settings(deadline=None, suppress_health_check=[HealthCheck.too_slow]))
settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where no cluster can be brought up, the tests that need one are skipped, with the reason."""
    if reason := why_no_cluster():
        for item in items:
            if item.get_closest_marker("cluster"):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test begins in English, whatever the locale is and whatever the test before has chosen."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    language.choose("en")
    yield
    language.choose("en")


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions of a connection take keys as soon as they are there: no test types into something else by mistake."""
    monkeypatch.setattr(settling, "SEEN_SECONDS", 0.0)
    monkeypatch.setattr(settling, "QUIET_SECONDS", 0.0)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A place of its own with a config for the embedded default, quick enough for tests, and no cases yet."""
    return Site.make(tmp_path / "site")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A Slurm cluster with sshd, for tests with the marker `cluster`; it is up from the first of them to the last."""
    with temporary_cluster() as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def whole_cluster(request: pytest.FixtureRequest) -> Iterator[None]:
    """No test finds the faults or the jobs that another has left in the cluster of the session."""
    if "cluster" not in request.fixturenames:
        yield
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    yield
    cluster.heal()
    cluster.cancel_jobs()

"""`mqi-tui doctor`: looks at everything that a new site gets wrong, one thing after the other, each with a remedy."""

from mqi_tui.workflow.doctor.check import Check, Outcome
from mqi_tui.workflow.doctor.checkup import check_connection, check_up, check_up_running

__all__ = ["Check", "Outcome", "check_connection", "check_up", "check_up_running"]

"""The report of a case: what its plan, its beams' attempts and their verified doses say, as HTML or JSON."""

from mqi_tui.workflow.report.gather import gather_report
from mqi_tui.workflow.report.model import BeamReport, CaseReport, DoseReport
from mqi_tui.workflow.report.write import report_bytes, report_path, write_report

__all__ = ["BeamReport", "CaseReport", "DoseReport", "gather_report", "report_bytes", "report_path", "write_report"]

"""The report of a run: one HTML file that works offline. Reads stored results only."""

from li2.report.run_page import write_report
from li2.report.words import verdict

__all__ = ["verdict", "write_report"]

"""Pages of one HTML file that work offline: of a run, a group, a landscape, a sweep, figures. Nothing is trained."""

from li2.report.gallery import write_gallery
from li2.report.landscape_page import LandscapeDirectory
from li2.report.run_page import write_report
from li2.report.sweep_page import write_sweep_report
from li2.report.words import verdict

__all__ = ["LandscapeDirectory", "verdict", "write_gallery", "write_report", "write_sweep_report"]

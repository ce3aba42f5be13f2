"""The page that shows a run: scores, loss curves, maps and series in one self-contained HTML file."""

from hydromae.report.page import write_report

__all__ = ["write_report"]

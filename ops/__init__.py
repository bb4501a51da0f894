"""What an operator sees and runs: results on the terminal, logs, summaries."""

from streamadapt.ops.console import law_table, progress_bar, show, summary_view
from streamadapt.ops.logs import LogReporter, configure_logs
from streamadapt.ops.results import write_series
from streamadapt.ops.summary import SUMMARY_FILE, write_summary
from streamadapt.ops.tune_view import tune_view

__all__ = [
    "SUMMARY_FILE",
    "LogReporter",
    "configure_logs",
    "law_table",
    "progress_bar",
    "show",
    "summary_view",
    "tune_view",
    "write_series",
    "write_summary",
]

"""What an operator sees and runs: results on the terminal, logs, summaries."""

from streamadapt.ops.console import law_table, progress_bar, show, summary_view, why_ungraded
from streamadapt.ops.logs import LogReporter, configure_logs
from streamadapt.ops.results import write_series
from streamadapt.ops.summary import SUMMARY_FILE, write_summary
from streamadapt.ops.tail_view import TailView, absent_columns, json_line, plain_line, totals_line
from streamadapt.ops.tune_view import tune_view

__all__ = [
    "SUMMARY_FILE",
    "LogReporter",
    "TailView",
    "absent_columns",
    "configure_logs",
    "json_line",
    "law_table",
    "plain_line",
    "progress_bar",
    "show",
    "summary_view",
    "totals_line",
    "tune_view",
    "why_ungraded",
    "write_series",
    "write_summary",
]

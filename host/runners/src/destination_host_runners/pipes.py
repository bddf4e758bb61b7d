"""The process that Dagster Pipes starts: one sync, and what it reported.

    python -m destination_host_runners.pipes [--host FILE] [--reports FOLDER] [--verify] SYNC [ARGUMENT…]

It needs no Dagster beside it, only `dagster-pipes`: it can run in another image, by any client of Pipes. Rejected rows and withheld
removals are asset checks and leave the exit code 0; a sync that failed ends it with 1, and nothing is materialized.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dagster_pipes import PipesContext, open_dagster_pipes

from destination_host_runners.command import Exit, Host, HostError, Process, Result, Sync
from destination_host_runners.report import COUNTS, Report

REJECTED_ROWS, REMOVALS, DRIFT = "rejected_rows", "removals", "drift"
"""The names of the checks."""

SHOWN = 10
"""Reasons of rejection that stand in a check."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="destination_host_runners.pipes", description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="destination-host", help="the binary: its path, or its name on the PATH")
    parser.add_argument("--reports", help="a folder for the report and its page; without it they are not kept")
    parser.add_argument("--verify", action="store_true", help="compare the audience with what was delivered, as one more check")
    parser.add_argument("sync", help="the sync file")
    given, others = parser.parse_known_args(arguments)
    with open_dagster_pipes() as pipes:
        try:
            run(pipes, Host(given.host), given.sync, others, given.reports, given.verify)
        except HostError as error:
            pipes.log.error(str(error))
            return 1
    return 0


def run(pipes: PipesContext, host: Host, sync: str, arguments: Sequence[str], reports: str | None, verify: bool) -> None:
    """Runs the sync and reports it to Dagster. Raises HostError where it failed."""
    process = Sync(host, [sync], arguments, reports)
    _stop_with(process)
    result = process.wait(_show)
    [report] = result.reports
    pipes.report_asset_materialization(metadata=_metadata(report, result))
    pipes.report_asset_check(REJECTED_ROWS, report.rejected == 0, "WARN", _rejections(report))
    withheld = report.counts["withheld_removals"]
    pipes.report_asset_check(REMOVALS, withheld == 0, "ERROR", {"withheld": withheld, "reason": report.withheld or "none are withheld"})
    if verify:
        checker = Process(host, ["verify", sync])
        _stop_with(checker)
        code = checker.wait(_show)
        if code not in (Exit.SUCCESS, Exit.DRIFT):
            raise HostError(f"destination-host verify ended with {code}: {checker.last_lines()}")
        pipes.report_asset_check(DRIFT, code == Exit.SUCCESS, "ERROR", {"verify": checker.last_lines()})


def _metadata(report: Report, result: Result) -> dict[str, Any]:
    shown: dict[str, Any] = {name: report.counts[name] for name in COUNTS}
    shown |= {"run_id": report.run_id, "sync_mode": report.sync_mode, "seconds": report.seconds}
    for name, count in (("rows_per_second", "rows_read"), ("requests_per_second", "requests")):
        shown[name] = report.rate(count)
    if result.report_file is not None:
        shown |= {"report": _path(result.report_file), "report_html": _path(result.report_file.with_suffix(".html"))}
    return {name: value for name, value in shown.items() if value is not None}


def _path(path: Path) -> dict[str, str]:
    return {"type": "path", "raw_value": str(path)}


def _rejections(report: Report) -> dict[str, Any]:
    messages = [str(it) for it in report.rejections[:SHOWN]]
    return {"rejected": report.rejected, "first_messages": {"type": "json", "raw_value": messages}}


def _stop_with(process: Sync | Process) -> None:
    """Dagster ends a run that was cancelled by SIGINT, a container by SIGTERM."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: process.stop())


def _show(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())

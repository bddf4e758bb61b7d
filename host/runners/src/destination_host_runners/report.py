"""What a run of the host reports, as types: the JSON of `--report`, read once.

Keys that are not read here are left alone, so that a newer host's report can be read too.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

COUNTS = (
    "rows_read",
    "unchanged",
    "delivered",
    "rejected",
    "undelivered",
    "added",
    "changed",
    "removed",
    "withheld_removals",
    "failed_removals",
    "planned",
    "requests",
    "retries",
    "bytes_sent",
)
"""The numbers of a report, by the names that it gives them."""


class ReportError(ValueError):
    """A file that is not a report."""


@dataclass(frozen=True)
class Rejection:
    """Rows, or removals, that were rejected for one reason."""

    code: str
    count: int
    message: str
    """Of the first of them."""
    row: int | None
    """The first such row in the source, from 1; None for a removal."""

    def __str__(self) -> str:
        first = f"row {self.row}: " if self.row is not None else ""
        return f"{self.count} {self.code}: {first}{self.message}"


@dataclass(frozen=True)
class Report:
    """The result of one sync."""

    sync: str
    run_id: str
    sync_mode: str | None
    dry_run: bool
    seconds: float
    counts: Mapping[str, int]
    """By the names in COUNTS."""
    rejections: tuple[Rejection, ...]
    """Rows first, the most frequent reason first; then removals that the destination refused."""
    withheld: str | None
    """Why removals wait for a person, and what to do about it; None where none do."""
    failure: str | None
    """What stopped the run, and what to do about it; None where it came to its end."""

    @property
    def rejected(self) -> int:
        """Rows and removals that were rejected."""
        return self.counts["rejected"] + self.counts["failed_removals"]

    def rate(self, count: str) -> float | None:
        """One of the counts a second; None where the run took no time."""
        return self.counts[count] / self.seconds if self.seconds > 0 else None

    @staticmethod
    def of(values: Mapping[str, Any]) -> "Report":
        """From the object that the host wrote."""
        rows = [Rejection(it["code"], it["rows"], it["message"], it["first_row"]) for it in values["rejections"]]
        removals = [Rejection(it["code"], it["removals"], it["message"], None) for it in values["refused_removals"]]
        return Report(
            sync=values["sync"],
            run_id=values["run_id"],
            sync_mode=values["sync_mode"],
            dry_run=values["dry_run"],
            seconds=values["seconds"],
            counts={name: int(values[name]) for name in COUNTS},
            rejections=(*rows, *removals),
            withheld=_with_hint(values["withheld"], "reason"),
            failure=_with_hint(values["failure"], "message"),
        )


def read(text: str) -> tuple[Report, ...]:
    """The reports in a file: one, or one for each sync of a run of several."""
    try:
        values = json.loads(text)
        return tuple(Report.of(it) for it in values.get("syncs", [values]))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ReportError(f"not a report of destination-host: {type(error).__name__}: {error}") from error


def _with_hint(of: Mapping[str, Any] | None, name: str) -> str | None:
    if of is None:
        return None
    return f"{of[name]}; {of['hint']}" if of["hint"] else str(of[name])

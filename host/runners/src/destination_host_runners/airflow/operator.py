"""A task that runs a sync. Rows that were rejected and removals that were withheld are the task's to judge."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from destination_host_runners.airflow.hook import TalonOneHook
from destination_host_runners.command import Host, HostError, Result, Sync


class Policy(StrEnum):
    """How the task ends."""

    FAIL = "fail"
    """It fails, and is not retried: the same rows would give the same answer."""
    SKIP = "skip"
    """It is skipped, and what depends on it too. What could be delivered is delivered."""
    SUCCEED = "succeed"
    """It succeeds; the log has a warning."""


class SyncOperator(BaseOperator):
    """Runs `destination-host sync` and returns its counts, by the names of syncs.

    `sync` is a sync file, several, or a folder; what it names by `${TALON_ONE_URL}` and `${TALON_ONE_API_KEY}` comes from the connection,
    other variables from `environment`. `host` is the binary, `arguments` are more options of `sync`, `folder` is where it runs. In the
    folder `reports` the report is kept as `report.json`, and its page as `report.html`, or `SYNC.html` for each of several.

    A sync that failed fails the task, to be retried as the task says; wrong usage and a wrong sync file are not retried.
    """

    template_fields = ("sync", "arguments", "environment", "folder", "reports", "talon_one_conn_id", "on_rejected", "on_withheld")

    def __init__(
        self,
        *,
        sync: str | Sequence[str],
        host: str = "destination-host",
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        folder: str | None = None,
        reports: str | None = None,
        talon_one_conn_id: str | None = TalonOneHook.default_conn_name,
        on_rejected: str = Policy.FAIL,
        on_withheld: str = Policy.FAIL,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.sync, self.host, self.arguments, self.environment, self.folder = sync, host, arguments, environment, folder
        self.reports, self.talon_one_conn_id = reports, talon_one_conn_id
        self.on_rejected, self.on_withheld = on_rejected, on_withheld
        self._running: Sync | None = None

    def execute(self, context: Context) -> dict[str, dict[str, int]]:
        """The run."""
        on_rejected, on_withheld = Policy(self.on_rejected), Policy(self.on_withheld)
        syncs = [self.sync] if isinstance(self.sync, str) else self.sync
        secrets = TalonOneHook(self.talon_one_conn_id).get_conn() if self.talon_one_conn_id else {}
        host = Host(self.host, {**secrets, **(self.environment or {})}, self.folder)
        reports = Path(self.folder or "", self.reports) if self.reports else None
        try:
            self._running = Sync(host, syncs, self.arguments, reports)
            result = self._running.wait(self.log.info)
        except HostError as error:
            # `from None`: the report's words are the reason, and no traceback says more.
            raise (AirflowFailException if error.permanent else AirflowException)(str(error)) from None
        self._judge(result, on_rejected, on_withheld)
        return {report.sync: dict(report.counts) for report in result.reports}

    def on_kill(self) -> None:
        """Airflow's stop. The host finishes what is in flight, and ends within 15 seconds."""
        if self._running is not None:
            self._running.stop()

    def _judge(self, result: Result, on_rejected: Policy, on_withheld: Policy) -> None:
        """Rejected rows and withheld removals by the task's policies. The strictest one counts."""
        found: list[tuple[Policy, str]] = []
        for report in result.reports:
            if report.rejected:
                found.append((on_rejected, f"{report.sync}: {report.rejected} rejected: {'; '.join(map(str, report.rejections[:10]))}"))
            if report.withheld:
                found.append((on_withheld, f"{report.sync}: removals withheld ({report.counts['withheld_removals']}): {report.withheld}"))
        for _, message in found:
            self.log.warning(message)
        for policy, raised in ((Policy.FAIL, AirflowFailException), (Policy.SKIP, AirflowSkipException)):
            if messages := [message for it, message in found if it is policy]:
                raise raised("\n".join(messages))

"""The command `destination-host` as a process: its lines as they come, its stop, and its report.

What its exit codes mean to a runner is not decided here.
"""

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from destination_host_runners.report import Report, ReportError, read

GRACE = 20.0
"""Seconds that a stopped run gets before it is killed. The host promises to end within 15."""

LINES_KEPT = 20
"""Last lines of the output that stand in an error."""


class Exit(IntEnum):
    """The host's exit codes."""

    SUCCESS = 0
    FAILED = 1
    USAGE = 2
    """The command line or a sync file has faults; nothing was sent. The same command gives the same answer."""
    REJECTED = 3
    WITHHELD = 4
    DRIFT = 5
    """`verify` found members that are not what was delivered."""


class HostError(Exception):
    """A run that failed. The message says why, in the host's words."""

    permanent: bool
    """Whether the same command would fail again, unless something is fixed first."""

    def __init__(self, message: str, *, permanent: bool = False):
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True)
class Host:
    """The binary, and where and with what environment it runs."""

    binary: str = "destination-host"
    """Its path, or its name on the PATH."""
    environment: Mapping[str, str] | None = None
    """Variables beside this process's own. They may hold secrets: they are in no message."""
    folder: str | None = None
    """Where it runs; paths in arguments begin there. This process's own folder if None."""

    def __repr__(self) -> str:
        return f"Host({self.binary!r})"


class Process:
    """The host, running.

    It has its own session, so that a signal to the runner's process group does not reach it beside the one that `stop` sends: a
    second signal ends the host at once.
    """

    def __init__(self, host: Host, arguments: Sequence[str]):
        command = [host.binary, *arguments]
        try:
            self._process = subprocess.Popen(
                command,
                cwd=host.folder,
                env={**os.environ, **(host.environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            # A folder that is not there raises the same error as a binary that is not.
            missing = f"the folder {host.folder}" if error.filename == host.folder else f"{host.binary}"
            hint = "install destination-host where the task runs, or give its path"
            raise HostError(f"can't run {missing}: {error.strerror}; {hint}", permanent=True) from error
        self._stopping = threading.Event()
        self._last: deque[str] = deque(maxlen=LINES_KEPT)

    def wait(self, log: Callable[[str], None]) -> int:
        """Hands each line to `log` as it comes, standard error among them. Returns the exit code; below 0 it is the signal's."""
        with self._process as process:
            assert process.stdout is not None  # it is a pipe
            try:
                for line in process.stdout:
                    self._last.append(line.rstrip("\n"))
                    log(self._last[-1])
            except BaseException:
                # A runner's timeout, say. The host must not run on, beside the run that a retry begins.
                self.stop()
                process.communicate()
                raise
        return process.returncode

    def stop(self) -> None:
        """Asks it to end: requests in flight are finished and recorded. Returns at once, and may be called from a signal handler."""
        if self._stopping.is_set() or self._process.poll() is not None:
            return
        self._stopping.set()
        self._process.terminate()
        killer = threading.Timer(GRACE, self._process.kill)
        killer.daemon = True
        killer.start()

    def last_lines(self) -> str:
        """The end of what it wrote."""
        return "\n".join(self._last)


@dataclass(frozen=True)
class Result:
    """A run of one sync or several that came to its end."""

    reports: tuple[Report, ...]
    report_file: Path | None
    """Where the report was kept, as JSON, with its page beside it: `report.html`, or `SYNC.html` for each of several. None where not."""

    @property
    def rejected(self) -> int:
        """Rows and removals that were rejected."""
        return sum(report.rejected for report in self.reports)

    @property
    def withheld(self) -> int:
        """Removals that wait for a person."""
        return sum(report.counts["withheld_removals"] for report in self.reports)


class Sync:
    """A run of `destination-host sync`.

    `reports` is a folder for the report and its pages; it is made where it is not there. Without one they are not kept.
    """

    def __init__(self, host: Host, syncs: Sequence[str], arguments: Sequence[str] = (), reports: str | os.PathLike[str] | None = None):
        with ExitStack() as opened:
            self._kept = reports is not None
            folder = Path(opened.enter_context(TemporaryDirectory()) if reports is None else reports).absolute()
            folder.mkdir(parents=True, exist_ok=True)
            self._report = folder / "report.json"
            # What an earlier run left there is not taken for this one's.
            self._report.unlink(missing_ok=True)
            options = ["--report", str(self._report)]
            if self._kept:
                several = len(syncs) > 1 or any(Path(host.folder or "", sync).is_dir() for sync in syncs)
                options += ["--report-html", str(folder / ("{sync}.html" if several else "report.html"))]
            self._process = Process(host, ["sync", *syncs, *options, *arguments])
            self._closing = opened.pop_all()

    def stop(self) -> None:
        """Asks it to end; see `Process.stop`. Then `wait` raises HostError."""
        self._process.stop()

    def wait(self, log: Callable[[str], None]) -> Result:
        """The result, once it has ended. Raises HostError where it failed; rejected rows and withheld removals are no failure."""
        with self._closing:
            code = self._process.wait(log)
            reports = self._read(code)
        if code in (Exit.SUCCESS, Exit.REJECTED, Exit.WITHHELD):
            return Result(reports, self._report if self._kept else None)
        failures = [f"{report.sync}: {report.failure}" for report in reports if report.failure]
        said = "\n".join(failures) or self._process.last_lines()
        raise HostError(f"destination-host {_ended(code)}: {said}", permanent=code == Exit.USAGE)

    def _read(self, code: int) -> tuple[Report, ...]:
        """What it reported. A run that failed early, or was killed, has no report."""
        try:
            return read(self._report.read_text(encoding="utf-8"))
        except FileNotFoundError:
            if code not in (Exit.SUCCESS, Exit.REJECTED, Exit.WITHHELD):
                return ()
            raise HostError(f"destination-host {_ended(code)}, but wrote no report to {self._report}") from None
        except (OSError, ReportError) as error:
            raise HostError(f"destination-host {_ended(code)}, but {self._report} can't be read: {error}") from error


def _ended(code: int) -> str:
    return f"exited with {code}" if code >= 0 else f"was ended by signal {-code} ({signal.strsignal(-code)})"

"""The host as a process of a runner, with a host of the test's own: its report, its exit codes, its stop."""

import json
import os
import signal
import sys

import pytest

from destination_host_runners import command
from destination_host_runners.command import Host, HostError, Process, Sync
from destination_host_runners.report import COUNTS, ReportError, read

REPORT = {
    **dict.fromkeys(COUNTS, 0),
    "run_id": "r1", "sync": "crm", "sync_mode": "upsert", "dry_run": False, "seconds": 0.5, "rows_read": 3, "delivered": 2, "rejected": 1,
    "rejections": [{"code": "invalid-number", "rows": 1, "first_row": 2, "message": '"many" is not a number'}],
    "refused_removals": [], "withheld": None, "failure": None, "of_a_newer_host": {},
}  # fmt: skip
FAILED = REPORT | {"failure": {"kind": "authentication", "message": "the key was refused", "cause": None, "hint": "take another"}}


@pytest.fixture
def host(tmp_path):
    """Makes a host: a script that writes a report to where it is told, then does as the test says."""

    def make(then="exit 0", report=REPORT):
        write = f"cat >\"$report\" <<'END'\n{report if isinstance(report, str) else json.dumps(report)}\nEND" if report else ":"
        find = 'while [ "$1" != --report ]; do shift; done; report=$2'
        path = tmp_path / "host"
        path.write_text(f"#!/bin/sh\n{find}\n{write}\n{then}\n", encoding="utf-8")
        path.chmod(0o700)
        return Host(str(path))

    return make


def run(host, lines=None, **options):
    return Sync(host, ["sync.toml"], **options).wait((lines if lines is not None else []).append)


@pytest.mark.parametrize("code", [0, 3, 4])
def test_rejected_rows_and_withheld_removals_are_results(host, code):
    lines = []
    result = run(host(f"echo one; echo two >&2; exit {code}"), lines)
    assert lines == ["one", "two"]
    [report] = result.reports
    assert (report.sync, report.counts["delivered"], report.rejected, report.rate("rows_read")) == ("crm", 2, 1, 6.0)
    assert [str(it) for it in report.rejections] == ['1 invalid-number: row 2: "many" is not a number']
    assert result.report_file is None


def test_a_failure_is_told_in_the_words_of_the_report(host):
    with pytest.raises(HostError, match=r"exited with 1: crm: the key was refused; take another") as raised:
        run(host("exit 1", FAILED))
    assert not raised.value.permanent


def test_wrong_usage_is_permanent_and_told_in_the_words_of_the_output(host):
    with pytest.raises(HostError, match="exited with 2: error: no such file") as raised:
        run(host("echo 'error: no such file' >&2; exit 2", None))
    assert raised.value.permanent


def test_a_run_without_its_report_is_a_failure(host):
    for report, said in ((None, "wrote no report"), ("{", "can't be read: not a report"), ("{}", "not a report"), ("[]", "not a report")):
        with pytest.raises(HostError, match=said):
            run(host("exit 0", report))


def test_a_report_of_an_earlier_run_is_not_taken(host, tmp_path):
    kept = run(host(), reports=tmp_path / "reports").report_file
    assert kept == tmp_path / "reports" / "report.json"
    with pytest.raises(HostError, match="wrote no report"):
        run(host("exit 0", None), reports=tmp_path / "reports")


def test_a_kill_is_named(host):
    with pytest.raises(HostError, match=r"ended by signal 9 \(Killed\)"):
        run(host("kill -9 $$", None))


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(HostError, match="can't run destination-host-of-nobody: No such file") as raised:
        run(Host("destination-host-of-nobody"))
    assert raised.value.permanent
    with pytest.raises(HostError, match=f"can't run the folder {tmp_path}/nowhere: No such file"):
        run(Host("sh", folder=f"{tmp_path}/nowhere"))


COUNTING = """#!{python}
import signal, sys
signals = []
signal.signal(signal.SIGTERM, lambda *_: signals.append(1))
print("up", flush=True)
open("{gate}").read()
print(len(signals), "signals")
sys.exit(1)
"""


@pytest.fixture
def counting(tmp_path):
    """A host that only counts signals, until something opens its gate."""
    gate, path = tmp_path / "gate", tmp_path / "counting"
    os.mkfifo(gate)
    path.write_text(COUNTING.format(python=sys.executable, gate=gate), encoding="utf-8")
    path.chmod(0o700)
    return Process(Host(str(path)), []), gate


def stopped_when_up(process, times=1, then=lambda: None):
    """Runs it, and asks for its stop as soon as it is up."""
    lines = []

    def log(line):
        lines.append(line)
        if line == "up":
            for _ in range(times):
                process.stop()
            then()

    return process.wait(log), lines


def test_a_stop_is_one_signal_however_often_it_is_asked_for(counting):
    # A second one would end the real host at once.
    process, gate = counting
    assert stopped_when_up(process, 3, lambda: gate.write_text("", encoding="utf-8")) == (1, ["up", "1 signals"])
    process.stop()


def test_a_host_that_does_not_end_is_killed(counting, monkeypatch):
    monkeypatch.setattr(command, "GRACE", 0.05)
    assert stopped_when_up(counting[0])[0] == -signal.SIGKILL


def test_nothing_runs_on_when_the_runner_gives_up(counting, monkeypatch):
    monkeypatch.setattr(command, "GRACE", 0.05)
    process, _ = counting
    with pytest.raises(TimeoutError):
        process.wait(lambda line: (_ for _ in ()).throw(TimeoutError))
    assert process._process.poll() == -signal.SIGKILL


def test_no_secret_of_the_environment_is_shown(host):
    made = host("exit 1", FAILED)
    secret = Host(made.binary, {"TALON_ONE_API_KEY": "s3cret"})
    with pytest.raises(HostError) as raised:
        run(secret)
    assert "s3cret" not in repr(secret) + repr(raised.value)


def test_reports_of_several_syncs():
    both = read(json.dumps({"syncs": [REPORT, REPORT | {"sync": "vip"}], "exit_code": 0}))
    assert [it.sync for it in both] == ["crm", "vip"]
    with pytest.raises(ReportError, match="not a report of destination-host"):
        read(json.dumps({"syncs": [{"sync": "crm"}]}))

"""The operator's policies and errors, without a scheduler: a task's end by what the host reported. Run by run.sh."""

import json
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from destination_host_runners.airflow import provider_info
from destination_host_runners.airflow.operator import SyncOperator
from destination_host_runners.report import COUNTS
from fake import Fake

REJECTION = {"code": "invalid-number", "rows": 2, "first_row": 7, "message": '"many" is not a number'}
REPORT = {
    **dict.fromkeys(COUNTS, 0), "run_id": "r1", "sync": "crm", "sync_mode": "mirror", "dry_run": False, "seconds": 0.5,
    "rejections": [], "refused_removals": [], "withheld": None, "failure": None,
}  # fmt: skip
REJECTED = {"rejected": 2, "rejections": [REJECTION]}
WITHHELD = {"withheld_removals": 9, "withheld": {"reason": "the source is empty", "hint": "check the source", "first_keys": ["a"]}}


class Operator(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        # A task runner is what may call `execute`, and this is none.
        patched = mock.patch.object(ExecutorSafeguard, "test_mode", True)
        patched.start()
        self.addCleanup(patched.stop)

    def run_with(self, code, report, **options):
        """A task whose host ends so and reports that."""
        host = self.folder / "host"
        write = f"cat >\"$2\" <<'END'\n{json.dumps(REPORT | report)}\nEND\n" if report is not None else ""
        host.write_text(f'#!/bin/sh\nwhile [ "$1" != --report ]; do shift; done\n{write}echo said; exit {code}\n', encoding="utf-8")
        host.chmod(0o700)
        return SyncOperator(task_id="sync", sync="s.toml", host=str(host), **({"talon_one_conn_id": None} | options)).execute({})

    def test_rejected_rows_and_withheld_removals_are_the_tasks_to_judge(self):
        for code, report, policy in ((3, REJECTED, "on_rejected"), (4, WITHHELD, "on_withheld")):
            with self.subTest(code):
                with self.assertRaises(AirflowFailException):
                    self.run_with(code, report)
                with self.assertRaises(AirflowSkipException):
                    self.run_with(code, report, **{policy: "skip"})
                counts = self.run_with(code, report, **{policy: "succeed"})
                self.assertEqual(counts["crm"]["rejected"] + counts["crm"]["withheld_removals"], 2 if code == 3 else 9)

    def test_the_strictest_policy_counts(self):
        both = REJECTED | WITHHELD
        with self.assertRaisesRegex(AirflowFailException, "the source is empty; check the source"):
            self.run_with(4, both, on_rejected="skip")
        with self.assertRaisesRegex(AirflowSkipException, "2 rejected: 2 invalid-number: row 7"):
            self.run_with(4, both, on_rejected="skip", on_withheld="succeed")
        with self.assertRaises(ValueError):
            self.run_with(0, {}, on_rejected="ignore")

    def test_a_failure_is_retried_and_what_would_fail_again_is_not(self):
        failure = {"failure": {"message": "the server is down", "hint": None}}
        with self.assertRaisesRegex(AirflowException, "exited with 1: crm: the server is down") as raised:
            self.run_with(1, failure)
        self.assertNotIsInstance(raised.exception, AirflowFailException)
        for code, report in ((2, None), (1, None)):
            with self.assertRaisesRegex(AirflowException, f"exited with {code}: said") as raised:
                self.run_with(code, report)
            self.assertEqual(isinstance(raised.exception, AirflowFailException), code == 2)
        with self.assertRaisesRegex(AirflowException, "wrote no report"):
            self.run_with(0, None)
        with self.assertRaisesRegex(AirflowFailException, "can't run nowhere/host"):
            SyncOperator(task_id="sync", sync="s.toml", host="nowhere/host", talon_one_conn_id=None).execute({})

    def test_a_connection_gives_the_deployment_and_its_key(self):
        fake = Fake()
        self.addCleanup(fake.stop)
        (self.folder / "rows.csv").write_text("integration_id\na\n", encoding="utf-8")
        (self.folder / "sync.toml").write_text(
            'name = "crm"\n[destination]\ndeployment_url = "${TALON_ONE_URL}"\napi_key = "${TALON_ONE_API_KEY}"\n'
            'object_type = "customer_profiles"\n[source]\ntype = "csv"\npath = "rows.csv"\n', encoding="utf-8",
        )  # fmt: skip

        def run(**connection):
            value = json.dumps({"conn_type": "talon_one", "host": fake.url} | connection)
            with mock.patch.dict(os.environ, {"AIRFLOW_CONN_MINE": value}):
                operator = SyncOperator(task_id="sync", sync="sync.toml", folder=str(self.folder), host=os.environ["HOST"], reports="kept",
                                        talon_one_conn_id="mine")  # fmt: skip
                return operator.execute({})

        self.assertEqual(run(password="demo-key")["crm"]["delivered"], 1)
        self.assertTrue((self.folder / "kept" / "report.html").is_file())
        with self.assertRaisesRegex(AirflowException, "401") as raised:
            run(password="wrong-key-of-somebody")
        self.assertNotIn("wrong-key-of-somebody", str(raised.exception))
        with self.assertRaisesRegex(ValueError, '"mine" needs a host'):
            run()

    def test_the_form_of_the_connection_asks_for_what_the_hook_reads(self):
        [kind] = provider_info()["connection-types"]
        self.assertEqual(kind["connection-type"], "talon_one")
        self.assertEqual(set(kind["ui-field-behaviour"]["relabeling"]), {"host", "password"})


if __name__ == "__main__":
    unittest.main()

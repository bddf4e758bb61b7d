"""The example of Dagster, materialized as it is, and what its checks say. Run by run.sh.

Environment: HOST (the host's binary); `dagster` is on the PATH.
"""

import csv
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from dagster import AssetKey, DagsterEventType, DagsterInstance

from fake import Fake

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
KEY = "demo-key"
MEMBERS = 3_000
# Long, because only a broken test waits.
PATIENCE = 240


class Dagster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fake = Fake()
        cls.addClassCleanup(cls.fake.stop)

    def setUp(self):
        self.fake.post("reset")
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ("dagster", "profiles", "audience"):
            shutil.copytree(EXAMPLES / name, self.folder / name)
        self.home = self.folder / "home"
        self.home.mkdir()
        self.env = os.environ | {
            "DAGSTER_HOME": str(self.home),
            "DESTINATION_HOST": os.environ["HOST"],
            "REPORTS": str(self.folder / "reports"),
            "TALON_ONE_URL": self.fake.url,
            "TALON_ONE_API_KEY": KEY,
        }
        self.members(MEMBERS)

    def members(self, count):
        self.write("audience/members.csv", [["customer_id"], *([f"c{n:06}"] for n in range(count))])

    def write(self, name, rows):
        with (self.folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)

    def start(self, select):
        command = ["dagster", "asset", "materialize", "-f", "dagster/definitions.py", "--select", select]
        return subprocess.Popen(command, cwd=self.folder, env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def materialize(self, select, code=0):
        run = self.start(select)
        said, _ = run.communicate()
        self.assertEqual(run.returncode, code, said[-6000:])
        self.assertNotIn(KEY, said)
        return said

    def last(self, kind):
        """The last run's events of a kind, as Dagster keeps them."""
        with DagsterInstance.from_config(str(self.home)) as instance:
            [run] = instance.get_runs(limit=1)
            records = instance.get_records_for_run(run.run_id, of_type=kind).records
        return [record.event_log_entry.dagster_event.event_specific_data for record in records]

    def metadata(self, asset):
        [found] = [it.materialization for it in self.last(DagsterEventType.ASSET_MATERIALIZATION) if it.materialization.asset_key == AssetKey(asset)]
        return {name: value.value for name, value in found.metadata.items()}

    def checks(self, asset):
        """The asset's checks: by name, whether it passed, how bad it is, and what it says."""
        found = [it for it in self.last(DagsterEventType.ASSET_CHECK_EVALUATION) if it.asset_key == AssetKey(asset)]
        said = lambda check: {name: value.value for name, value in check.metadata.items()}
        return {it.check_name: (it.passed, it.severity.value, said(it)) for it in found}

    def test_a_mirror_is_materialized_and_withheld_removals_fail_a_check(self):
        self.materialize("*")
        state = self.fake.get("state")
        self.assertEqual(set(state["audiences"]["42"]["members"]), {f"c{n:06}" for n in range(MEMBERS)})
        # Members are created as profiles without attributes.
        self.assertEqual(len([it for it in state["profiles"].values() if it]), 300)
        shown = self.metadata("summer_sale")
        self.assertEqual((shown["rows_read"], shown["added"], shown["removed"], shown["requests"]), (MEMBERS, MEMBERS, 0, 3))
        self.assertGreater(shown["rows_per_second"], 0)
        self.assertIn("summer-sale", Path(shown["report_html"]).read_text(encoding="utf-8"))
        self.assertEqual(json.loads(Path(shown["report"]).read_text(encoding="utf-8"))["run_id"], shown["run_id"])
        self.assertEqual({name: passed for name, (passed, *_) in self.checks("summer_sale").items()}, {"removals": True, "rejected_rows": True})

        # A mistake upstream: half of the members are gone. The asset is materialized, the check says who waits and why.
        self.members(MEMBERS // 2)
        self.materialize("summer_sale")
        passed, severity, said = self.checks("summer_sale")["removals"]
        self.assertEqual((passed, severity, said["withheld"]), (False, "ERROR", MEMBERS // 2))
        self.assertIn("1500 of 3000 known members would be removed", said["reason"])
        self.assertEqual(len(self.fake.get("state")["audiences"]["42"]["members"]), MEMBERS)

    def test_rejected_rows_are_a_warning_with_the_first_messages(self):
        rows = list(csv.reader((self.folder / "profiles/customers.csv").read_text(encoding="utf-8").splitlines()))
        rows[2][rows[0].index("lifetime_value")] = "many"
        self.write("profiles/customers.csv", rows)
        self.materialize("crm_profiles")
        passed, severity, said = self.checks("crm_profiles")["rejected_rows"]
        self.assertEqual((passed, severity, said["rejected"]), (False, "WARN", 1))
        self.assertIn('row 2: column "lifetime_value": "many" is not a number', said["first_messages"][0])
        self.assertEqual(self.metadata("crm_profiles")["delivered"], 299)

    def test_a_failed_sync_materializes_nothing_and_says_why(self):
        for change, reason in (
            ({"TALON_ONE_API_KEY": "wrong-key-of-somebody"}, "401"),
            ({"DESTINATION_HOST": "nowhere/destination-host"}, "can't run nowhere/destination-host: No such file or directory"),
        ):
            with self.subTest(reason):
                self.env |= change
                said = self.materialize("crm_profiles", code=1)
                self.assertIn(reason, said)
                self.assertNotIn("wrong-key-of-somebody", said)
        with DagsterInstance.from_config(str(self.home)) as instance:
            self.assertIsNone(instance.get_latest_materialization_event(AssetKey("crm_profiles")))
        self.assertEqual(self.fake.get("state")["profiles"], {})

    def test_a_cancelled_run_lets_requests_end_and_the_next_one_does_the_rest(self):
        self.fake.post("faults", {"script": [{"fault": "pass", "times": 2}, {"fault": "hold", "times": None}]})
        run = self.start("summer_sale")
        began = time.monotonic()
        while len(self.fake.get("requests")) < 3:
            self.assertLess(time.monotonic() - began, PATIENCE)
            time.sleep(0.1)
        run.send_signal(signal.SIGINT)
        self.fake.post("faults", {"script": []})
        time.sleep(1)
        self.fake.post("release")
        said, _ = run.communicate()
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("finishing what is in flight", said)
        self.assertIn("stopped by SIG", said)
        self.materialize("summer_sale")
        self.assertEqual(len(self.fake.get("state")["audiences"]["42"]["members"]), MEMBERS)

    def test_drift_is_a_check_of_its_own(self):
        # A host whose `verify` answers as the test says; all else is the real one's.
        host = self.folder / "host"
        for code, passed in ((5, False), (0, True)):
            host.write_text(f'#!/bin/sh\n[ "$1" = verify ] || exec "$HOST" "$@"\necho "3 members differ"; exit {code}\n', encoding="utf-8")
            host.chmod(0o700)
            (self.folder / "dagster" / "definitions.py").write_text(
                "from dagster import Definitions, PipesSubprocessClient\n"
                "from destination_host_runners.dagster import sync_asset\n"
                f"audience = sync_asset({str(self.folder / 'audience/sync.toml')!r}, host={str(host)!r}, verify=True)\n"
                "definitions = Definitions(assets=[audience], resources={'pipes_subprocess_client': PipesSubprocessClient()})\n",
                encoding="utf-8",
            )
            self.materialize("summer_sale")
            self.assertEqual(self.checks("summer_sale")["drift"], (passed, "ERROR", {"verify": "3 members differ"}))


if __name__ == "__main__":
    unittest.main()

"""The example of Airflow, run as it is by a real scheduler: two syncs, one of them killed in the middle and retried. Run by run.sh.

Environment: HOST (the host's binary); `airflow` is on the PATH.
"""

import csv
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest
import urllib.request
from contextlib import closing
from pathlib import Path

import psutil

from fake import Fake

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
DAG = "talon_one"
KEY = "demo-key"
CUSTOMERS, MEMBERS = 20_000, 3_000
# Long, because only a broken test waits.
PATIENCE = 240


def hosts():
    """The processes of the host that run a sync, with their parents."""
    for process in psutil.process_iter():
        try:
            if os.path.samefile(process.exe(), os.environ["HOST"]) and "sync" in process.cmdline():
                yield process.pid, process.ppid()
        except (OSError, psutil.Error):
            continue


class Airflow(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fake = Fake()
        cls.addClassCleanup(cls.fake.stop)
        cls.home = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.home, ignore_errors=True)
        for name in ("airflow", "profiles", "audience"):
            shutil.copytree(EXAMPLES / name, cls.home / "examples" / name)
        # The tests begin each run themselves.
        dag = cls.home / "examples" / "airflow" / "dags" / "talon_one.py"
        dag.write_text(dag.read_text(encoding="utf-8").replace('schedule="@daily"', "schedule=None"), encoding="utf-8")
        cls.env = os.environ | {
            "AIRFLOW_HOME": str(cls.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(cls.home / "examples" / "airflow" / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": "8080",
            # A task that Airflow itself gives up on a busy machine would cost one of its tries.
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
            # A changed DAG is seen at once.
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            "AIRFLOW_CONN_TALON_ONE_DEFAULT": json.dumps({"conn_type": "talon_one", "host": cls.fake.url, "password": KEY}),
            "DESTINATION_HOST": os.environ["HOST"],
            "REPORTS": str(cls.home / "reports"),
        }
        cls.airflow("db", "migrate")
        log = (cls.home / "standalone.log").open("w", encoding="utf-8")
        cls.addClassCleanup(log.close)
        cls.standalone = subprocess.Popen(["airflow", "standalone"], env=cls.env, stdout=log, stderr=log, start_new_session=True)
        cls.addClassCleanup(cls.end)
        began = time.monotonic()
        while not cls.healthy():
            assert time.monotonic() - began < PATIENCE, (cls.home / "standalone.log").read_text(encoding="utf-8")[-6000:]
            time.sleep(0.5)

    @classmethod
    def healthy(cls):
        """Whether the API that tasks call answers."""
        try:
            with urllib.request.urlopen("http://127.0.0.1:8080/execution/health", timeout=10) as answer:
                return answer.status == 200
        except OSError:
            return False

    @classmethod
    def end(cls):
        # What it leaves behind ends with the process namespace.
        os.killpg(cls.standalone.pid, signal.SIGKILL)
        cls.standalone.wait()

    @classmethod
    def airflow(cls, *arguments):
        done = subprocess.run(["airflow", *arguments], env=cls.env, text=True, capture_output=True, check=False)
        if done.returncode:
            raise AssertionError(f"airflow {arguments}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout

    def setUp(self):
        self.fake.post("reset")
        self.write("profiles/customers.csv", self.customers())
        self.write("audience/members.csv", self.members(MEMBERS))
        (self.home / "examples" / "audience" / "summer-sale.state.sqlite").unlink(missing_ok=True)

    def write(self, name, rows):
        with (self.home / "examples" / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)

    def customers(self):
        names = ["customer_id", "full_name", "email", "phone", "signed_up", "tier", "lifetime_value", "opted_in", "last_order", "favourite_stores"]
        rows = [[f"c{n:06}", f"Customer {n}", "", "", "", "", f"{n}.25", "", "", ""] for n in range(CUSTOMERS)]
        return [names, *rows]

    def members(self, count):
        return [["customer_id"], *([f"c{n:06}"] for n in range(count))]

    def query(self, sql, *values):
        with closing(sqlite3.connect(f"file:{self.home}/airflow.db?mode=ro", uri=True, timeout=30)) as database:
            return database.execute(sql, values).fetchall()

    def until(self, what, holds):
        began = time.monotonic()
        while not (found := holds()):
            self.assertLess(time.monotonic() - began, PATIENCE, f"{what}\n{self.logs()[-6000:]}")
            time.sleep(0.2)
        return found

    def trigger(self, run):
        """Begins a run once the scheduler knows the DAG."""
        self.until("the DAG is known", lambda: self.query("SELECT 1 FROM dag_version WHERE dag_id = ?", DAG))
        self.airflow("dags", "trigger", DAG, "--run-id", run)

    def ended(self, run):
        """How a run and its tasks ended: state and number of tries."""
        sql = "SELECT state FROM dag_run WHERE run_id = ? AND state IN ('success', 'failed')"
        [[state]] = self.until(f"{run} ends", lambda: self.query(sql, run))
        tasks = self.query("SELECT task_id, state, try_number FROM task_instance WHERE run_id = ?", run)
        return state, {task: (ended, tries) for task, ended, tries in tasks}

    def logs(self):
        """All that Airflow logged: standalone's own output, then that of the tasks."""
        tasks = sorted(self.home.glob("logs/dag_id=*/**/*.log"), key=lambda file: file.stat().st_mtime)
        return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in (self.home / "standalone.log", *tasks))

    def held(self, run, passed):
        """A run whose sync has sent so many requests, while others wait for their answers."""
        self.fake.post("faults", {"script": [{"fault": "pass", "times": passed}, {"fault": "hold", "times": None}]})
        self.trigger(run)
        self.until("requests are held", lambda: len(self.fake.get("requests")) > passed)
        [(host, task)] = hosts()
        return host, task

    def release(self):
        self.fake.post("faults", {"script": []})
        self.fake.post("release")

    def all_is_as_the_source_says(self, members=MEMBERS):
        state = self.fake.get("state")
        self.assertEqual({key: it["lifetime_value"] for key, it in state["profiles"].items()}, {f"c{n:06}": n + 0.25 for n in range(CUSTOMERS)})
        self.assertEqual(set(state["audiences"]["42"]["members"]), {f"c{n:06}" for n in range(members)})

    def test_a_killed_sync_is_retried_and_nothing_is_lost(self):
        # In the middle of the profiles, and of the mirrored audience behind them.
        for task, passed in (("crm_profiles", 5), ("summer_sale", CUSTOMERS // 1000 + 1)):
            with self.subTest(task):
                self.setUp()
                host, _ = self.held(task, passed)
                os.kill(host, signal.SIGKILL)
                self.release()
                state, tasks = self.ended(task)
                expected = {name: ("success", 2 if name == task else 1) for name in ("crm_profiles", "summer_sale")}
                self.assertEqual((state, tasks), ("success", expected), self.logs()[-6000:])
                self.all_is_as_the_source_says()
        self.assertIn("was ended by signal 9", self.logs())
        self.assertIn("rows read", self.logs())
        self.assertNotIn(KEY, self.logs())
        # What a task returns is its counts.
        sql = "SELECT value FROM xcom WHERE run_id = 'crm_profiles' AND task_id = 'crm_profiles' AND key = 'return_value'"
        [[value]] = self.query(sql)
        self.assertEqual(json.loads(json.loads(value) if value.startswith('"') else value)["crm-profiles"]["delivered"], CUSTOMERS)
        self.assertNotIn(KEY.encode(), (self.home / "airflow.db").read_bytes())
        self.assertTrue((self.home / "reports" / "crm_profiles" / "summer_sale" / "report.html").is_file())

    def test_a_task_that_is_killed_stops_its_sync(self):
        host, task = self.held("stopped", 5)
        os.kill(task, signal.SIGTERM)
        self.until("the host was asked", lambda: "SIGTERM: finishing what is in flight" in self.logs())
        self.release()
        began = time.monotonic()
        self.until("the host ended", lambda: host not in dict(hosts()))
        self.assertLess(time.monotonic() - began, 15)
        state, tasks = self.ended("stopped")
        self.assertEqual((state, tasks["crm_profiles"]), ("success", ("success", 2)), self.logs()[-6000:])
        self.assertIn("stopped by SIGTERM", self.logs())
        self.all_is_as_the_source_says()

    def test_withheld_removals_fail_the_task_without_a_retry(self):
        self.trigger("monday")
        self.assertEqual(self.ended("monday")[0], "success", self.logs()[-6000:])
        self.write("audience/members.csv", self.members(MEMBERS // 2))
        self.trigger("tuesday")
        state, tasks = self.ended("tuesday")
        self.assertEqual((state, tasks["summer_sale"]), ("failed", ("failed", 1)))
        self.assertIn("removals withheld (1500): 1500 of 3000 known members would be removed", self.logs())
        self.all_is_as_the_source_says()


if __name__ == "__main__":
    unittest.main()

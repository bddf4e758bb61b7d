"""The Spark example on a real cluster of two workers, against the fake Talon.One. Run by run.sh.

Environment: COMPONENT, HOST (the host's binary), ROWS (how many customers; 200,000 if absent).
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as parquet

from fake import Fake, busiest, seconds

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
COMPONENT, HOST = os.environ["COMPONENT"], os.environ["HOST"]
ROWS = int(os.environ.get("ROWS", "200000"))
RATE = 60


class Spark(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fake = Fake()
        cls.addClassCleanup(cls.fake.stop)

    def setUp(self):
        self.fake.post("reset")
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return str(self.folder / name)

    def config(self, **more):
        config = {"deployment_url": self.fake.url, "object_type": "customer_profiles"} | more
        Path(self.path("config.json")).write_text(json.dumps(config), encoding="utf-8")

    def job(self, script, *arguments, tasks=2, key="demo-key", master="local-cluster[2,1,1024]"):
        """The job on two workers of a cluster of their own, under way."""
        command = [
            "spark-submit", "--master", master, "--conf", "spark.ui.enabled=false",
            "--conf", "spark.executor.memory=1g", "--conf", "spark.sql.shuffle.partitions=4", EXAMPLES / "spark" / script,
            "--config", self.path("config.json"), "--tasks", tasks, "--requests-per-second", RATE, *arguments,
        ]
        # The cluster is for this machine alone, and its workers run what runs this.
        environment = os.environ | {
            "TALON_ONE_API_KEY": key, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1",
        }
        return subprocess.Popen(list(map(str, command)), text=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def ended(self, job, code):
        # Spark writes of itself to the one, and what the job writes to either goes to the other.
        stdout, spark = job.communicate()
        noise = [line for line in spark.splitlines() if " INFO " not in line and "\tat " not in line]
        self.assertEqual(job.returncode, code, stdout + "\n".join(noise)[-4000:])
        said = [line for line in stdout.splitlines() if line.startswith("{")]
        return json.loads(said[0]) if said else None, stdout + spark

    def sync(self, *arguments, code=0, **more):
        return self.ended(self.job("sync.py", "--component", COMPONENT, *arguments, **more), code)

    def customers(self, count, name="rows.parquet", **columns):
        ids = [f"cust_{number:07}" for number in range(count)]
        table = pa.table({"integration_id": ids} | columns)
        # Parts, so that both workers read.
        (self.folder / name).mkdir()
        for part in range(4):
            start = count * part // 4
            parquet.write_table(table.slice(start, count * (part + 1) // 4 - start), f"{self.path(name)}/part-{part}.parquet")
        return ids

    def executors(self, job):
        """The cluster's executors that are at work: processes that descend from the job, and have Python workers."""
        found = []
        for process in psutil.Process(job.pid).children(recursive=True):
            with suppress(psutil.Error):
                if any("CoarseGrainedExecutorBackend" in argument for argument in process.cmdline()) and process.children():
                    found.append(process)
        return found

    def test_every_customer_arrives_though_an_executor_is_killed(self):
        ids = self.customers(ROWS, lifetime_value=pa.array(range(ROWS), pa.decimal128(38, 2)))
        self.config()
        job = self.job("sync.py", "--component", COMPONENT, "--rows", self.path("rows.parquet"), "--outcomes", self.path("outcomes"))
        # Struck in the middle of sending.
        while len(self.fake.get("requests")) < ROWS // 4000 and job.poll() is None:
            time.sleep(0.1)
        self.executors(job)[0].kill()
        said, output = self.ended(job, 0)
        self.assertEqual(said, {"delivered": ROWS, "rejected": 0, "undelivered": 0, "withheld": None})
        self.assertRegex(output, "Lost executor|ExecutorLostFailure|Lost task")
        profiles = self.fake.get("state")["profiles"]
        self.assertEqual(set(profiles), set(ids))
        # To the digit, though Python's own floats would do it here: 199999.00.
        self.assertEqual({float(it["lifetime_value"]) for it in profiles.values()}, set(map(float, range(ROWS))))
        requests = self.fake.get("requests")
        sends = [request for request in requests if request["path"] == "/v2/customer_profiles"]
        self.assertGreater(len(sends), ROWS // 1000, "the kill cost no request: it struck nobody")
        self.assertLessEqual(busiest(requests), RATE)
        print(f"spark: {ROWS} customers, one executor killed: {len(sends)} requests ({ROWS // 1000} without the kill), "
              f"{busiest(requests)} in the busiest second ({RATE} allowed), sent in {seconds(sends):.1f} s")

    def test_rejected_rows_are_a_table_with_their_reasons(self):
        many = [str(number) if number % 100 else "many" for number in range(3000)]
        self.customers(3000, lifetime_value=many, shoe_size=[None if number % 1000 != 7 else 38 for number in range(3000)])
        mappings = [{"source": name, "destination": name} for name in ("integration_id", "lifetime_value", "shoe_size")]
        mappings[1]["type"] = "number"
        self.config(mappings=mappings)
        said, output = self.sync("--rows", self.path("rows.parquet"), "--outcomes", self.path("outcomes"), code=3)
        self.assertEqual(said, {"delivered": 2967, "rejected": 33, "undelivered": 0, "withheld": None})
        rows = parquet.read_table(self.path("outcomes")).to_pylist()
        rejected = [row for row in rows if row["_outcome"] == "rejected"]
        self.assertEqual(Counter(row["_code"] for row in rejected), {"invalid-number": 30, "undefined-attribute": 3})
        for row in rejected:
            wrong = '"many" is not a number' if row["lifetime_value"] == "many" else "shoe_size"
            self.assertIn(wrong, row["_message"])
        self.assertEqual({row["integration_id"] for row in rows if row["_outcome"] == "delivered"}, set(self.fake.get("state")["profiles"]))
        self.assertIn("is not a number", output)

    def test_the_rate_is_kept_by_all_tasks_together(self):
        self.customers(4000)
        self.config(batch_size=10)
        self.sync("--rows", self.path("rows.parquet"), "--outcomes", self.path("outcomes"), tasks=2)
        requests = self.fake.get("requests")
        sends = [request for request in requests if request["path"] == "/v2/customer_profiles"]
        self.assertEqual(len(sends), 400)
        self.assertLessEqual(busiest(requests), RATE)
        print(f"spark: 400 requests by two tasks: {busiest(requests)} in the busiest second ({RATE} allowed), "
              f"{399 / seconds(sends):.1f}/s on average")

    def test_a_mirror_follows_the_table(self):
        self.config(object_type="customer_profile_audiences", audience_id=42, sync_mode="mirror")
        members = lambda: self.fake.get("state")["audiences"]["42"]["members"]
        first = self.customers(3000, "monday")
        state = ("--state", self.path("state"))
        said, _ = self.sync("--rows", self.path("monday"), "--outcomes", self.path("monday-outcomes"), *state)
        self.assertEqual((said["delivered"], members()), (3000, first))
        # Twenty leave, ten come.
        ids = first[20:] + [f"new_{number}" for number in range(10)]
        parquet.write_table(pa.table({"integration_id": ids}), self.path("tuesday"))
        self.fake.post("reset")
        said, _ = self.sync("--rows", self.path("tuesday"), "--outcomes", self.path("tuesday-outcomes"), *state)
        self.assertEqual(said, {"delivered": 30, "rejected": 0, "undelivered": 0, "withheld": None})
        self.assertEqual(self.changes(), {"add": 10, "delete": 20})
        # An accident upstream removes nobody.
        parquet.write_table(pa.table({"integration_id": ids[:100]}), self.path("wednesday"))
        self.fake.post("reset")
        said, _ = self.sync("--rows", self.path("wednesday"), "--outcomes", self.path("wednesday-outcomes"), *state, code=4)
        self.assertIn("2890 of 2990 known members would be removed", said["withheld"])
        self.assertEqual(self.changes(), {})
        withheld = parquet.read_table(self.path("wednesday-outcomes/withheld"))["_key"].to_pylist()
        self.assertEqual(set(withheld), set(ids[100:]))

    def changes(self):
        """What was asked of the audience since the last reset: how many of each action."""
        bodies = [json.loads(it["body"])["data"] for it in self.fake.get("requests") if it["path"] == "/v2/customer_audiences"]
        return Counter(item["action"] for body in bodies for item in body)

    def test_a_mirror_withholds_what_the_hosts_rules_withhold(self):
        audience = {"object_type": "customer_profile_audiences", "audience_id": 42, "sync_mode": "mirror"}
        runs = itertools.count()

        def mirror(ids, *arguments, **more):
            """What a run said, and what it asked of the audience. Rules need no cluster: threads do, and start sooner."""
            name = f"run-{next(runs)}"
            parquet.write_table(pa.table({"integration_id": pa.array(ids, pa.string())}), self.path(name))
            self.fake.post("reset")
            rows = ("--rows", self.path(name), "--outcomes", self.path(f"{name}-outcomes"), "--state", self.path("state"))
            said, output = self.sync(*rows, *arguments, master="local[2]", **more)
            return (said["withheld"], self.changes()) if said else output

        ids = [f"cust_{number}" for number in range(20)]
        self.config(**audience)
        self.assertEqual(mirror(ids), (None, {"add": 20}))

        # Two have left, and a row has no ID: it could be one of theirs. No flag lets that through.
        withheld, changes = mirror([*ids[2:], None], "--allow-removals", code=3)
        self.assertIn("no ID is known", withheld)
        self.assertEqual(changes, {})

        # Nobody has left, but all are called something else: so it stays until a person lets them through, and not longer.
        self.config(**audience, integration_id_prefix="app1_")
        for added in ({"add": 20}, {}):
            withheld, changes = mirror(ids, code=4)
            self.assertIn('integration_id_prefix was not set, now it is "app1_"', withheld)
            self.assertEqual(changes, added)
        self.assertEqual(mirror(ids, "--allow-removals"), (None, {"delete": 20}))
        self.assertEqual(mirror(ids[1:]), (None, {"delete": 1}))

        self.assertEqual(mirror([], code=4), ("the source is empty", {}))
        self.config(**audience | {"audience_id": 43}, integration_id_prefix="app1_")
        self.assertIn('for another target: audience_id was "42", now it is "43"', mirror(ids, code=2))

    def test_what_stops_the_delivery_is_told_and_nothing_is_lost(self):
        ids = self.customers(4000)
        self.config(retry={"max_attempts": 1})
        self.fake.post("faults", {"script": [{"fault": "pass", "times": 2}, {"fault": {"answer": {"status": 503}}, "times": None}]})
        said, output = self.sync("--rows", self.path("rows.parquet"), "--outcomes", self.path("outcomes"), code=1)
        # The check is the first request that passes.
        self.assertEqual(said, {"delivered": 1000, "rejected": 0, "undelivered": 3000, "withheld": None})
        self.assertIn("503", output)
        left = [row["integration_id"] for row in parquet.read_table(self.path("outcomes")).to_pylist() if row["_outcome"] == "undelivered"]
        self.assertEqual(set(left) | set(self.fake.get("state")["profiles"]), set(ids))
        # Each task ended with its first failure.
        self.assertEqual(len([request for request in self.fake.get("requests") if request["status"] == 503]), 2)

    def test_a_wrong_key_or_config_is_told_before_a_cluster_starts(self):
        self.config()
        rows = ("--rows", self.path("rows.parquet"), "--outcomes", self.path("outcomes"))
        _, output = self.sync(*rows, code=1, key="wrong-key")
        self.assertIn("Integration API key", output)
        self.assertNotIn("wrong-key", output)
        self.config(batch_size=0)
        _, output = self.sync(*rows, code=2)
        self.assertIn("batch_size", output)

    def test_rows_are_piped_to_the_host(self):
        ids = self.customers(ROWS, lifetime_value=[str(number) if number % 10_000 else "many" for number in range(ROWS)])
        mappings = [{"source": "integration_id", "destination": "integration_id"}]
        mappings += [{"source": "lifetime_value", "destination": "lifetime_value", "type": "number"}]
        self.config(mappings=mappings)
        job = self.job("pipe.py", "--host", HOST, "--rows", self.path("rows.parquet"), "--rejected", self.path("rejected"))
        said, _ = self.ended(job, 3)
        bad = ROWS // 10_000
        self.assertEqual(said, {"rejected": bad})
        rejected = parquet.read_table(self.path("rejected")).to_pylist()
        self.assertEqual({(row["column"], row["code"]) for row in rejected}, {("lifetime_value", "invalid-number")})
        self.assertEqual(set(self.fake.get("state")["profiles"]), set(ids) - {row["key"] for row in rejected})
        requests = self.fake.get("requests")
        self.assertLessEqual(busiest(requests), RATE)
        print(f"spark: {ROWS} customers piped to the host: {len(requests)} requests, {busiest(requests)} in the busiest second, "
              f"sent in {seconds(requests):.1f} s")


if __name__ == "__main__":
    unittest.main(verbosity=2)

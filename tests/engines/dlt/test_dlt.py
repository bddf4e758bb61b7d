"""The example of dlt, run as it is, and loads that can't be delivered at once. What the fake holds is compared with the source.

Environment: COMPONENT, HOST (the host's binary, for the fake and for dead letters).
"""

import csv
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from decimal import Decimal
from pathlib import Path

import dlt
import pyarrow as pa
from dlt.pipeline.exceptions import PipelineStepFailed

from destination_host.dlt import talon_one
from fake import Fake

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "dlt"
COMPONENT = os.environ["COMPONENT"]
KEY = "demo-key"
CUSTOMERS = 10_000
PROFILES = {"object_type": "customer_profiles"}
AUDIENCE = {"object_type": "customer_profile_audiences", "audience_id": 42, "sync_mode": "add"}
# Long, because only a broken test waits.
PATIENCE = 240


class Dlt(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fake = Fake()
        cls.addClassCleanup(cls.fake.stop)

    def setUp(self):
        self.fake.post("reset")
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def pipeline(self, config=None, key=KEY, **options):
        """A pipeline of this test's folder; one made again takes up what is pending."""
        settings = {"retry": {"max_attempts": 1}} | (config or PROFILES)
        destination = talon_one(COMPONENT, deployment_url=self.fake.url, api_key=key, config=settings, **options)
        return dlt.pipeline("test", destination=destination, pipelines_dir=str(self.folder / "pipelines"))

    def load(self, rows, pipeline=None, **hints):
        return (pipeline or self.pipeline()).run(dlt.resource(rows, name="customers", **hints))

    def fails(self, *said, load):
        """A load that fails, with these words. The key is in none."""
        with self.assertRaises(PipelineStepFailed) as raised:
            load()
        for words in said:
            self.assertIn(words, str(raised.exception))
        self.assertNotIn(KEY, str(raised.exception))

    def profiles(self):
        return self.fake.get("state")["profiles"]

    def sends(self):
        return len([it for it in self.fake.get("requests") if it["path"] == "/v2/customer_profiles"])

    # The example

    def example(self):
        shutil.copytree(EXAMPLE, self.folder / "example")
        names = ["customer_id", "full_name", "email", "lifetime_value", "opted_in", "favourite_stores"]
        rows = [[f"{n:06}", f"Zoë {n}", f"c{n}@example.com", f"{n}.10", "yes", '["Zürich", "Wien"]' if n % 2 else ""] for n in range(CUSTOMERS)]
        with (self.folder / "customers.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([names, *rows])
        return {
            key: {"name": name, "email": email, "lifetime_value": float(spent), "marketing_opt_in": True}
            | ({"favourite_stores": json.loads(stores)} if stores else {})
            for key, name, email, spent, _, stores in rows
        }

    def start_example(self):
        environment = os.environ | {
            "DESTINATION__TALON_ONE__DEPLOYMENT_URL": self.fake.url,
            "DESTINATION__TALON_ONE__API_KEY": KEY,
            "DLT_DATA_DIR": str(self.folder / "data"),
        }
        command = [sys.executable, "customers.py", COMPONENT, self.folder / "customers.csv"]
        return subprocess.Popen(
            command, cwd=self.folder / "example", env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def run_example(self):
        run = self.start_example()
        said, _ = run.communicate()
        self.assertEqual(run.returncode, 0, said)
        self.assertNotIn(KEY, said)
        return said

    def test_ten_thousand_customers_arrive(self):
        customers = self.example()
        self.assertIn("LOADED and contains no failed jobs", self.run_example())
        self.assertEqual(self.profiles(), customers)
        self.assertEqual(self.sends(), CUSTOMERS // 1000)

    def test_a_run_that_is_killed_in_the_middle_loses_nothing(self):
        customers = self.example()
        self.fake.post("faults", {"script": [{"fault": "pass", "times": 4}, {"fault": "hold", "times": None}]})
        run = self.start_example()
        began = time.monotonic()
        while self.sends() < 5:
            self.assertLess(time.monotonic() - began, PATIENCE)
            self.assertIsNone(run.poll(), run.communicate if run.poll() is None else run.stdout.read())
            time.sleep(0.1)
        run.send_signal(signal.SIGKILL)
        run.communicate()
        self.fake.post("faults", {"script": []})
        self.fake.post("release")
        self.assertLess(len(self.profiles()), CUSTOMERS)
        self.run_example()
        self.assertEqual(self.profiles(), customers)

    # Loads that fail

    def test_an_outage_leaves_the_load_pending_and_the_next_run_delivers_it(self):
        self.fake.post("faults", {"script": [{"fault": "pass", "times": 1}, {"fault": {"answer": {"status": 503}}, "times": None}]})
        rows = [{"integration_id": f"c{n}"} for n in range(3000)]
        self.fails('table "customers"', "503", "stays in the load package", load=lambda: self.load(rows))
        self.assertEqual(len(self.profiles()), 1000)
        self.fake.post("faults", {"script": []})
        # dlt loads what is pending first, and takes new data with the run after that.
        for expected in (3000, 3001):
            self.load([{"integration_id": "new"}])
            self.assertEqual(len(self.profiles()), expected)
        self.assertEqual(set(self.profiles()), {f"c{n}" for n in range(3000)} | {"new"})

    def test_a_wrong_key_costs_one_request_and_the_next_run_delivers(self):
        wrong = self.pipeline(key="wrong-key-of-somebody")
        self.fails("401", "Integration API key", load=lambda: self.load([{"integration_id": "a"}], wrong))
        self.assertEqual(self.sends(), 1)
        self.pipeline().run()
        self.assertEqual(set(self.profiles()), {"a"})

    def test_rejected_rows_fail_the_load_until_they_are_kept_or_fixed(self):
        rows = [{"integration_id": f"c{n}", "shoe_size": 38 if n in (7, 1500) else None} for n in range(2000)]
        self.fails("2 rows rejected: undefined-attribute: row 8: ", "shoe_size", "dead_letters", load=lambda: self.load(rows))
        # All others are there.
        self.assertEqual(len(self.profiles()), 1998)

        pipeline = self.pipeline(dead_letters=self.folder / "rejected")
        with self.assertLogs("destination_host.dlt", "WARNING") as logs:
            pipeline.run()
        self.assertIn("2 rows rejected", logs.output[0])
        [file] = (self.folder / "rejected").iterdir()
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        letters = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        self.assertEqual([(it["row_number"], it["key"]) for it in letters], [(8, "c7"), (1501, "c1500")])
        self.assertEqual({it["code"] for it in letters}, {"undefined-attribute"})
        self.assertEqual(letters[0]["row"], {"integration_id": "c7", "shoe_size": 38})

        # The host takes them, once they are fixed.
        file.write_text(file.read_text(encoding="utf-8").replace(',"shoe_size":38', ""), encoding="utf-8")
        (self.folder / "sync.toml").write_text(
            f'name = "replay"\n[destination]\ndeployment_url = "{self.fake.url}"\napi_key = "${{KEY}}"\nobject_type = "customer_profiles"\n'
            '[source]\ntype = "ndjson"\npath = "-"\n', encoding="utf-8",
        )  # fmt: skip
        command = [os.environ["HOST"], "sync", "sync.toml", "--replay", file]
        done = subprocess.run(command, cwd=self.folder, env=os.environ | {"KEY": KEY}, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.profiles()), 2000)

    def test_what_would_have_to_remove_is_refused_by_its_name(self):
        row = [{"integration_id": "a", "gone": True}]
        refused = (
            ('write_disposition "replace"', PROFILES, {"write_disposition": "replace"}),
            ('sync_mode "mirror"', AUDIENCE | {"sync_mode": "mirror"}, {}),
            ("the hint hard_delete of column gone", AUDIENCE,
             {"write_disposition": "merge", "primary_key": "integration_id", "columns": {"gone": {"hard_delete": True}}}),
        )  # fmt: skip
        for number, (name, config, hints) in enumerate(refused):
            with self.subTest(name):
                pipeline = dlt.pipeline(
                    f"refused_{number}", destination=self.pipeline(config).destination, pipelines_dir=str(self.folder / "pipelines")
                )
                self.fails(name, "a load removes nobody", load=lambda p=pipeline, h=hints: self.load(row, p, **h))
        self.assertEqual(self.fake.get("requests"), [])

    def test_a_config_with_faults_sends_nothing(self):
        self.fails("config: object_type", load=lambda: self.load([{"integration_id": "a"}], self.pipeline({"object_type": "customers"})))
        self.assertEqual(self.fake.get("requests"), [])

    # Tables and types

    def test_each_table_has_its_own_settings(self):
        config = {"tables": {"customers": PROFILES, "vip": AUDIENCE}}

        @dlt.source
        def both():
            return [dlt.resource([{"integration_id": "a"}], name="customers"), dlt.resource([{"integration_id": "b"}], name="vip")]

        self.pipeline(config).run(both())
        self.assertIn("a", self.profiles())
        self.assertEqual(self.fake.get("state")["audiences"]["42"]["members"], ["b"])
        self.fails('no settings for table "others": config.tables has customers, vip',
                   load=lambda: self.pipeline(config).run(dlt.resource([{"integration_id": "a"}], name="others")))  # fmt: skip

    def test_values_keep_their_digits(self):
        mapping = [{"source": name, "destination": name} for name in ("integration_id", "lifetime_value", "last_order_at", "favourite_stores")]
        mapping[1]["type"], mapping[2]["type"], mapping[3]["type"] = "number", "time", "list(string)"
        instant = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.UTC)
        spent = Decimal("123456789.123456789012")
        rows = [{"integration_id": 9007199254740993, "lifetime_value": spent, "last_order_at": instant, "favourite_stores": ["a"]}]
        table = pa.table({
            "integration_id": pa.array(["arrow"]),
            "lifetime_value": pa.array([Decimal("1.10")], pa.decimal128(38, 2)),
            "last_order_at": pa.array([instant.replace(microsecond=0)], pa.timestamp("ns", "Europe/Berlin")),
            "favourite_stores": pa.array([["a", "b"]]),
        })  # fmt: skip
        for data in (rows, table):
            self.load(data, self.pipeline(PROFILES | {"mappings": mapping}))
        bodies = [it["body"] for it in self.fake.get("requests")]
        for words in ('"9007199254740993"', "123456789.123456789012", '"2026-01-02T03:04:05.678901Z"', "1.10", '"2026-01-02T03:04:05Z"'):
            self.assertIn(words, "".join(bodies))
        self.assertEqual(self.profiles()["arrow"]["favourite_stores"], ["a", "b"])
        self.assertEqual(self.profiles()["9007199254740993"]["favourite_stores"], ["a"])

    def test_a_mapped_column_without_any_value_needs_a_type(self):
        mappings = [{"source": name, "destination": name} for name in ("integration_id", "email")]
        rows, pipeline = [{"integration_id": "a", "email": None}], self.pipeline(PROFILES | {"mappings": mappings})
        self.fails('the rows have no column "email"', load=lambda: self.load(rows, pipeline))
        typed = dlt.pipeline("typed", destination=pipeline.destination, pipelines_dir=str(self.folder / "pipelines"))
        self.load(rows, typed, columns={"email": {"data_type": "text"}})
        self.assertEqual(self.profiles(), {"a": {}})

    def test_what_can_not_be_sent_as_it_is_stops_the_load(self):
        # dlt keeps microseconds, and says so where a value has more.
        table = pa.table({"integration_id": ["a"], "last_order_at": pa.array([1], pa.timestamp("ns"))})
        self.fails("would lose data", load=lambda: self.load(table))
        table = pa.table({"integration_id": ["a"], "opens": pa.array([1], pa.time64("us"))})
        self.fails('table "customers": column "opens": the plugin takes no time64[us]; cast or drop it', load=lambda: self.load(table))
        self.assertEqual(self.fake.get("requests"), [])


if __name__ == "__main__":
    unittest.main()

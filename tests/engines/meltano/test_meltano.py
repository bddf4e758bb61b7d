"""The example of Meltano, run as it is: 50,000 customers from a real PostgreSQL, then what changed, killed in the middle; and an
audience that follows its table. What the fake holds is compared with what PostgreSQL says."""

import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import psutil

from fake import Fake

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "meltano"
CUSTOMERS = 50_000
# Long, because only a broken test waits.
PATIENCE = 300

TABLES = f"""
DROP TABLE IF EXISTS customers, vip;
CREATE TABLE customers (id bigint PRIMARY KEY, email text, name text, spent numeric(12, 2), last_order_at timestamptz,
    updated_at timestamptz NOT NULL);
INSERT INTO customers SELECT 9007199254740992 + n, 'c' || n || '@example.com', 'Customer ' || n, n / 100.0,
    timestamptz '2026-01-01' + n * interval '1 second', timestamptz '2026-02-01' + n * interval '1 millisecond'
    FROM generate_series(1, {CUSTOMERS}) n;
CREATE TABLE vip (id bigint PRIMARY KEY);
INSERT INTO vip SELECT 9007199254740992 + n FROM generate_series(1, 1000) n;
"""


def sql(statement):
    """What PostgreSQL answers, without a library."""
    done = subprocess.run(
        [os.environ["TEST_PSQL"], os.environ["TEST_POSTGRESQL"], "-XqtA", "-v", "ON_ERROR_STOP=1", "-c", statement],
        text=True, capture_output=True, check=True,
    )
    return done.stdout.strip()


def change(first, last, month):
    """Customers of these numbers order again; each has another time of its change."""
    sql(
        f"UPDATE customers SET spent = spent + 0.01, name = name || '+', updated_at = timestamptz '2026-{month:02}-01' "
        f"+ (id - 9007199254740992) * interval '1 millisecond' WHERE id - 9007199254740992 BETWEEN {first} AND {last}"
    )


def table():
    """The customers as PostgreSQL says them, in the words of the destination."""
    rows = sql(
        "SELECT json_object_agg(id::text, json_build_object('email', email, 'name', name, 'lifetime_value', spent, "
        "'last_order_at', to_char(last_order_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))) FROM customers"
    )
    return json.loads(rows)


def is_host(process):
    try:
        return os.path.samefile(process.exe(), os.environ["HOST"])
    except (OSError, psutil.Error):
        return False


class Meltano(unittest.TestCase):
    def setUp(self):
        sql(TABLES)
        self.fake = Fake()
        self.addCleanup(self.fake.stop)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.project = Path(folder.name) / "project"
        shutil.copytree(EXAMPLE, self.project)
        self.env = os.environ | {
            "DESTINATION_HOST": os.environ["HOST"],
            "POSTGRES_URL": os.environ["TEST_POSTGRESQL"].replace("postgresql://", "postgresql+psycopg2://"),
            "TALON_ONE_URL": self.fake.url,
            "TALON_ONE_API_KEY": "demo-key",
            "PATH": f"{Path(os.environ['TAP_POSTGRES']).parent}{os.pathsep}{os.environ['PATH']}",
            "MELTANO_CLI_LOG_FORMAT": "plain",
        }

    def start(self, *blocks):
        log = (self.project / "log").open("w", encoding="utf-8")
        self.addCleanup(log.close)
        return subprocess.Popen(
            ["meltano", "run", *blocks], cwd=self.project, env=self.env, stdout=log, stderr=log, start_new_session=True
        )

    def log(self):
        return (self.project / "log").read_text(encoding="utf-8")

    def run_to_the_end(self, *blocks):
        code = self.start(*blocks).wait(PATIENCE)
        self.assertEqual(code, 0, self.log()[-6000:])

    def items(self):
        """How many customers were sent since the last look."""
        return sum(
            len(json.loads(request["body"])["customerProfiles"])
            for request in self.fake.get("requests")
            if request["path"] == "/v2/customer_profiles"
        )

    def profiles_are_the_table(self):
        profiles, customers = self.fake.get("state")["profiles"], table()
        self.assertEqual(len(profiles), len(customers))
        differing = [key for key, customer in customers.items() if profiles.get(key) != customer]
        self.assertEqual(differing, [], [(profiles.get(key), customers[key]) for key in differing[:3]])

    def kill_in_the_middle(self, whole_group):
        """Begins a run, lets some requests through, and kills it while others wait for their answer."""
        before = len(self.fake.get("requests"))
        self.fake.post("faults", {"script": [{"fault": "pass", "times": 5}, {"fault": "hold", "times": None}]})
        run = self.start("tap-postgres", "target-talon-one")
        began = time.monotonic()
        while len(self.fake.get("requests")) < before + 7:
            self.assertLess(time.monotonic() - began, PATIENCE, self.log()[-6000:])
            self.assertIsNone(run.poll(), self.log()[-6000:])
            time.sleep(0.1)
        runner = psutil.Process(run.pid)
        below = runner.children(recursive=True)
        victims = [runner, *below] if whole_group else [process for process in below if is_host(process)]
        self.assertTrue(victims)
        for process in victims:
            process.kill()
        self.assertNotEqual(run.wait(PATIENCE), 0)
        self.fake.post("faults", {"script": []})
        self.fake.post("release")

    def test_customers_follow_their_table_through_kills(self):
        self.run_to_the_end("tap-postgres", "target-talon-one")
        self.profiles_are_the_table()
        first = self.items()
        self.assertEqual(first, CUSTOMERS)

        # Only what changed is sent: the bookmark was taken up. The tap brings the last row again, by design.
        change(1, 5_000, 3)
        self.run_to_the_end("tap-postgres", "target-talon-one")
        self.profiles_are_the_table()
        self.assertIn(self.items() - first, (5_000, 5_001))

        for month, whole_group in ((4, False), (5, True)):
            with self.subTest(whole_group=whole_group):
                change(10_001, 30_000, month)
                self.kill_in_the_middle(whole_group)
                self.assertNotEqual(self.fake.get("state")["profiles"], table())
                # A Meltano that was killed itself keeps its own lock for five minutes, unless it is told otherwise.
                self.run_to_the_end(*(["--force"] if whole_group else []), "tap-postgres", "target-talon-one")
                self.profiles_are_the_table()

    def test_an_audience_follows_its_table(self):
        def members():
            [audience] = self.fake.get("state")["audiences"].values()
            return set(audience["members"])

        def vips():
            return set(sql("SELECT id FROM vip").split())

        self.run_to_the_end("tap-postgres-vip", "target-talon-one-vip")
        self.assertEqual(members(), vips())
        sql("DELETE FROM vip WHERE id % 20 = 0; INSERT INTO vip SELECT 9007199254740992 + n FROM generate_series(1001, 1100) n")
        self.run_to_the_end("tap-postgres-vip", "target-talon-one-vip")
        self.assertEqual(members(), vips())

        # Too many at once: withheld, and the run fails until a person has looked.
        sql("DELETE FROM vip WHERE id % 2 = 0")
        self.assertNotEqual(self.start("tap-postgres-vip", "target-talon-one-vip").wait(PATIENCE), 0)
        self.assertIn("removals withheld", self.log())
        self.assertTrue(members() > vips())
        self.env["TARGET_TALON_ONE_VIP_STATE_ALLOW_REMOVALS"] = "true"
        self.run_to_the_end("tap-postgres-vip", "target-talon-one-vip")
        self.assertEqual(members(), vips())

    def test_the_target_describes_itself_as_meltano_reads_it(self):
        definition = subprocess.run(
            [os.environ["HOST"], "singer", "--about", "--format", "meltano"], text=True, capture_output=True, check=True
        ).stdout
        # JSON is YAML, so the definition alone makes a project.
        project = json.loads(definition) | {"version": 1, "default_environment": "dev", "environments": [{"name": "dev"}]}
        (self.project / "meltano.yml").write_text(json.dumps(project), encoding="utf-8")
        listed = subprocess.run(
            ["meltano", "config", "list", "--all", "target-talon-one"], cwd=self.project, env=self.env, text=True, capture_output=True,
            check=False,
        )
        self.assertEqual(listed.returncode, 0, listed.stdout + listed.stderr)
        for setting in ("deployment_url", "api_key", "state.max_removals.ratio", "limits.concurrency", "complete_after"):
            self.assertIn(setting, listed.stdout)


if __name__ == "__main__":
    unittest.main()

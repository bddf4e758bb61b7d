"""The destination behind PyAirbyte: a source that Airbyte ships for trials, one of the test's with a table that changes, a sync that
is killed. Every message that the destination writes is read by Airbyte's own models, which must know each key of it."""

import json
import os
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import psutil
from airbyte_protocol.models import AirbyteMessage, AirbyteStateBlob
from pydantic import BaseModel

from fake import Fake

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parents[2] / "examples" / "airbyte"
USERS = 2_000
PEOPLE = 20_000
# Long, because only a broken test waits.
PATIENCE = 300

# What Airbyte starts, with a copy of all that it writes.
RECORDING = """#!/bin/bash
set -o pipefail
"{executable}" "$@" | tee -a "{log}"
"""


def unknown_keys(model, path=""):
    """What a message has that Airbyte's model of it has not. What is in a state is the source's own."""
    if isinstance(model, BaseModel) and not isinstance(model, AirbyteStateBlob):
        for key, value in (model.model_extra or {}).items():
            # PyAirbyte hands STATEs over with a key `global_` that is null; they come back as they came.
            if value is not None:
                yield f"{path}.{key}"
        for key in type(model).model_fields:
            yield from unknown_keys(getattr(model, key), f"{path}.{key}")
    elif isinstance(model, list):
        for place, item in enumerate(model):
            yield from unknown_keys(item, f"{path}[{place}]")


class Airbyte(unittest.TestCase):
    def setUp(self):
        self.fake = Fake()
        self.addCleanup(self.fake.stop)
        for name, kind in (("row", "number"), ("points", "number"), ("age", "number"), ("academic_degree", "string")):
            self.fake.post("attributes", {"name": name, "type": kind})
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.env = os.environ | {
            "AIRBYTE_OFFLINE_MODE": "1",
            "AIRBYTE_LOGGING_ROOT": str(self.folder / "logs"),
            "DO_NOT_TRACK": "1",
            "DESTINATION_HOST": os.environ["HOST"],
        }
        self.executable = EXAMPLE / "destination-talon-one"
        self.recording = self.folder / "recording"
        self.recording.write_text(RECORDING.format(executable=self.executable, log=self.folder / "messages"), encoding="utf-8")
        self.recording.chmod(0o755)

    def config(self, **keys):
        config = {
            "deployment_url": self.fake.url, "api_key": "demo-key", "object_type": "customer_profiles",
            "state": {"path": str(self.folder / "{stream}.state.sqlite")},
        } | keys
        (self.folder / "config.json").write_text(json.dumps(config), encoding="utf-8")

    def table(self, rows):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (self.folder / "people.ndjson").write_text(lines, encoding="utf-8")

    def start(self, source, source_config, stream, strategy="auto", state="none", executable=None):
        log = (self.folder / "log").open("w", encoding="utf-8")
        self.addCleanup(log.close)
        arguments = [
            source, json.dumps(source_config), executable or self.recording, self.folder / "config.json", stream, strategy, state,
        ]
        return subprocess.Popen(
            [os.environ["AIRBYTE_PYTHON"], HERE / "sync.py", *map(str, arguments)],
            cwd=self.folder, env=self.env, stdout=log, stderr=log, start_new_session=True,
        )

    def people(self, **how):
        return self.start(HERE / "source_people.py", {"path": str(self.folder / "people.ndjson")}, "people", **how)

    def log(self):
        return (self.folder / "log").read_text(encoding="utf-8")[-6000:]

    def run_to_the_end(self, run):
        self.assertEqual(run.wait(PATIENCE), 0, self.log())
        return self.messages()

    def messages(self):
        """All that the destination has written since the last look, as Airbyte reads it."""
        log = self.folder / "messages"
        messages = [AirbyteMessage.model_validate_json(line) for line in log.read_text(encoding="utf-8").splitlines()]
        log.write_text("", encoding="utf-8")
        for message in messages:
            self.assertEqual(list(unknown_keys(message)), [], message)
        return messages

    def command(self, *arguments, code=0, stdin=""):
        """What a command of the destination answers, without its log."""
        done = subprocess.run(
            [self.recording, *arguments], cwd=self.folder, env=self.env, input=stdin, text=True, capture_output=True, check=False
        )
        self.assertEqual((done.returncode, done.stderr), (code, ""), done.stdout)
        return [message for message in self.messages() if message.log is None]

    def test_it_answers_in_the_words_of_the_protocol(self):
        self.config()
        [spec] = self.command("spec")
        self.assertTrue(spec.spec.connectionSpecification["properties"]["api_key"]["airbyte_secret"])
        self.assertEqual([mode.value for mode in spec.spec.supported_destination_sync_modes], ["append", "overwrite", "append_dedup"])
        [check] = self.command("check", "--config", "config.json")
        self.assertEqual(check.connectionStatus.status.value, "SUCCEEDED", check)
        [catalog] = self.command("discover", "--config", "config.json")
        operations = catalog.destination_catalog.operations
        self.assertEqual([it.sync_mode.value for it in operations], ["append", "append_dedup"])
        self.config(api_key="another-key")
        [check] = self.command("check", "--config", "config.json")
        self.assertEqual(check.connectionStatus.status.value, "FAILED", check)
        (self.folder / "catalog.json").write_text('{"streams": [{}]}', encoding="utf-8")
        [error] = self.command("write", "--config", "config.json", "--catalog", "catalog.json", code=2)
        self.assertEqual(error.trace.error.failure_type.value, "config_error")

    def test_users_of_a_source_that_airbyte_ships(self):
        fields = ("email", "name", "age", "academic_degree")
        self.config(mappings=[{"source": field, "destination": field} for field in fields])
        faker = {"count": USERS, "seed": 7, "parallelism": 1, "records_per_slice": 500}
        messages = self.run_to_the_end(self.start(os.environ["SOURCE_FAKER"], faker, "users"))

        states = [message.state for message in messages if message.state]
        self.assertEqual(sum(state.destinationStats.recordCount for state in states), USERS)
        for state in states:
            self.assertEqual(state.destinationStats.recordCount, state.sourceStats.recordCount)
            self.assertIsNone(state.destinationStats.rejectedRecordCount)
        # The source says the same each time.
        (self.folder / "faker.json").write_text(json.dumps(faker), encoding="utf-8")
        catalog = subprocess.run(
            [os.environ["SOURCE_FAKER"], "discover", "--config", "faker.json"], cwd=self.folder, text=True, capture_output=True, check=True
        ).stdout
        [streams] = [json.loads(line)["catalog"]["streams"] for line in catalog.splitlines() if '"CATALOG"' in line]
        [users] = [stream for stream in streams if stream["name"] == "users"]
        chosen = {"streams": [{"stream": users, "sync_mode": "incremental", "destination_sync_mode": "append_dedup"}]}
        (self.folder / "faker-catalog.json").write_text(json.dumps(chosen), encoding="utf-8")
        read = subprocess.run(
            [os.environ["SOURCE_FAKER"], "read", "--config", "faker.json", "--catalog", "faker-catalog.json"],
            cwd=self.folder, text=True, capture_output=True, check=True,
        ).stdout
        records = [json.loads(line)["record"]["data"] for line in read.splitlines() if line.startswith('{"type":"RECORD"')]
        self.assertEqual(len(records), USERS)
        expected = {str(row["id"]): {field: row[field] for field in fields if row[field] is not None} for row in records}
        self.assertEqual(self.fake.get("state")["profiles"], expected)

    def test_an_audience_is_overwritten_by_its_table(self):
        def members():
            [audience] = self.fake.get("state")["audiences"].values()
            return set(audience["members"])

        self.config(object_type="customer_profile_audiences", audience_id=42)
        for ids in (range(1_000), range(50, 1_020)):
            self.table({"id": 9007199254740992 + number, "row": number} for number in ids)
            self.run_to_the_end(self.people(strategy="replace"))
            self.assertEqual(members(), {str(9007199254740992 + number) for number in ids})

        # Too many at once: withheld, and the sync fails until a person has looked.
        self.table({"id": 9007199254740992 + number, "row": number} for number in range(50, 500))
        self.assertNotEqual(self.people(strategy="replace").wait(PATIENCE), 0)
        errors = [message.trace.error for message in self.messages() if message.trace]
        self.assertEqual([error.failure_type.value for error in errors], ["config_error"])
        self.assertIn("removals withheld", errors[0].message)
        self.assertEqual(len(members()), 970)

    def test_people_follow_their_table_through_kills(self):
        def rows(change):
            return [{"id": 9007199254740992 + n, "row": n + change * PEOPLE, "points": n + change / 4} for n in range(PEOPLE)]

        def profiles_are(rows):
            profiles = self.fake.get("state")["profiles"]
            self.assertEqual(profiles, {str(row["id"]): {"row": row["row"], "points": row["points"]} for row in rows})

        self.config()
        state = str(self.folder / "states.duckdb")
        self.table(rows(0))
        self.run_to_the_end(self.people(state=state))
        profiles_are(rows(0))

        for change, whole_group in ((1, False), (2, True)):
            with self.subTest(whole_group=whole_group):
                self.table(rows(change))
                before = len(self.fake.get("requests"))
                self.fake.post("faults", {"script": [{"fault": "pass", "times": 5}, {"fault": "hold", "times": None}]})
                run = self.people(state=state, executable=self.executable)
                began = time.monotonic()
                # The check is one of them.
                while len(self.fake.get("requests")) < before + 8:
                    self.assertLess(time.monotonic() - began, PATIENCE, self.log())
                    self.assertIsNone(run.poll(), self.log())
                    time.sleep(0.1)
                runner = psutil.Process(run.pid)
                below = runner.children(recursive=True)
                hosts = [process for process in below if os.path.samefile(process.exe(), os.environ["HOST"])]
                self.assertTrue(hosts)
                for process in [runner, *below] if whole_group else hosts:
                    process.kill()
                self.assertNotEqual(run.wait(PATIENCE), 0)
                self.fake.post("faults", {"script": []})
                self.fake.post("release")
                self.assertNotEqual(len({profile["row"] // PEOPLE for profile in self.fake.get("state")["profiles"].values()}), 1)

                self.run_to_the_end(self.people(state=state))
                profiles_are(rows(change))


if __name__ == "__main__":
    unittest.main()

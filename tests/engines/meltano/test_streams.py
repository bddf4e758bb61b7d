"""The streams that the Singer SDK ships to try targets with: each loads, or ends with an error that says what to do."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from fake import Fake

STREAMS = Path(os.environ["STREAMS"])
ATTRIBUTES = {
    "clientName": "string", "metric": "number", "optional": "string", "info": "string", "fruits": "(list string)",
    "strings": "(list string)", "a1": "number", "a2": "string", "a3": "boolean", "a4": "string", "a5": "(list string)", "a6": "number",
    "user_id": "number", "location_id": "number",
}
NO_KEY = "has no key properties, and no mapping says what becomes the key"
# Talon.One has no attribute that is an object.
NO_OBJECTS = "must be of type string, {"

# What each comes to: the exit code, the profiles, the last STATE, and what is said where it is not all delivered.
EXPECTED = {
    "array_data": (0, 4, {"test_array_data": 4}, None),
    "camelcase": (0, 2, None, None),
    "camelcase_complex_schema": (0, 0, None, None),
    "duplicate_records": (0, 2, {"test_duplicate_records": 2}, None),
    "encoded_string_data": (3, 11, None, NO_OBJECTS),
    "invalid_schema": (2, 0, None, NO_KEY),
    "multiple_state_messages": (0, 6, {"test_multiple_state_messages_a": 5, "test_multiple_state_messages_b": 6}, None),
    "no_primary_keys": (2, 0, None, NO_KEY),
    "no_primary_keys_append": (2, 0, None, NO_KEY),
    "optional_attributes": (0, 4, {"test_optional_attributes": 4}, None),
    "pk_updates": (2, 0, None, NO_KEY),
    "record_before_schema": (1, 0, None, "which had no SCHEMA message yet"),
    "record_missing_fields": (0, 2, {}, None),
    "record_missing_key_property": (3, 0, None, "null is not an integration ID"),
    "record_missing_required_property": (2, 0, None, NO_KEY),
    "schema_no_properties": (2, 0, None, NO_KEY),
    "schema_updates": (3, 2, None, NO_OBJECTS),
    "special_chars_in_attributes": (3, 0, None, 'The attribute "d" is not defined'),
    "user_location_data": (3, 5, None, NO_OBJECTS),
    "user_location_upsert_data": (3, 8, None, NO_OBJECTS),
}


def deliver(name, **keys):
    """Sends a stream to a fake of its own: how it ended, how many profiles there are, and the STATEs."""
    fake = Fake()
    try:
        for attribute, kind in ATTRIBUTES.items():
            fake.post("attributes", {"name": attribute, "type": kind})
        config = {"deployment_url": fake.url, "api_key": "demo-key", "object_type": "customer_profiles"} | keys
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "config.json").write_text(json.dumps(config), encoding="utf-8")
            done = subprocess.run(
                [os.environ["HOST"], "singer", "--config", "config.json"], cwd=folder, text=True, capture_output=True,
                input=(STREAMS / f"{name}.singer").read_text(encoding="utf-8"), check=False,
            )
        return done, len(fake.get("state")["profiles"]), [json.loads(line) for line in done.stdout.splitlines()]
    finally:
        fake.stop()


class Streams(unittest.TestCase):
    def test_each_loads_or_says_what_to_do(self):
        self.assertEqual({file.stem for file in STREAMS.glob("*.singer")}, set(EXPECTED))
        for name, (code, profiles, state, said) in EXPECTED.items():
            with self.subTest(name):
                done, there, states = deliver(name)
                self.assertEqual((done.returncode, there, states[-1] if states else None), (code, profiles, state), done.stderr)
                if said:
                    self.assertIn(said, done.stderr)
                    self.assertIn("hint:", done.stderr)

    def test_what_has_no_key_loads_with_a_mapping(self):
        mappings = [{"source": "id", "destination": "integration_id"}, {"source": "metric", "destination": "metric"}]
        for name, state in (("no_primary_keys", 3), ("no_primary_keys_append", 5)):
            with self.subTest(name):
                done, there, states = deliver(name, mappings=mappings)
                self.assertEqual((done.returncode, states), (0, [{"test_no_pk": state}]), done.stderr)
                self.assertGreater(there, 0)

    def test_rejected_rows_that_are_kept_let_the_state_go_on(self):
        done, _, states = deliver("user_location_data", dead_letters="rejected")
        self.assertEqual((done.returncode, states), (3, [{"test_users": 5, "test_locations": 3, "test_user_in_location": 3}]))


if __name__ == "__main__":
    unittest.main()

"""The Dask example on two workers, against the fake Talon.One."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet

from fake import Fake, busiest

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "dask" / "sync.py"


class Dask(unittest.TestCase):
    def test_a_table_is_delivered_by_two_workers(self):
        fake = Fake()
        self.addCleanup(fake.stop)
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            config = {"deployment_url": fake.url, "object_type": "customer_profiles"}
            mappings = [{"source": "id", "destination": "integration_id"}, {"source": "spent", "destination": "lifetime_value", "type": "number"}]
            (folder / "config.json").write_text(json.dumps(config | {"mappings": mappings}), encoding="utf-8")
            (folder / "rows").mkdir()
            for part in range(4):
                ids = [f"cust_{part}_{number}" for number in range(5000)]
                table = pa.table({"id": ids, "spent": ["1.10" if number else "many" for number in range(5000)]})
                parquet.write_table(table, folder / "rows" / f"{part}.parquet")
            done = subprocess.run(
                [sys.executable, EXAMPLE, "config.json", os.environ["COMPONENT"], "rows", "outcomes"],
                cwd=folder, env=os.environ | {"TALON_ONE_API_KEY": "demo-key"}, text=True, capture_output=True,
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout), {"delivered": 19996, "rejected": 4, "undelivered": 0})
            rejected = [row for row in parquet.read_table(folder / "outcomes").to_pylist() if row["_outcome"] == "rejected"]
        self.assertEqual({row["id"] for row in rejected}, {f"cust_{part}_0" for part in range(4)})
        self.assertEqual({row["_code"] for row in rejected}, {"invalid-number"})
        profiles = fake.get("state")["profiles"]
        self.assertEqual(len(profiles), 19996)
        self.assertEqual({it["lifetime_value"] for it in profiles.values()}, {1.1})
        self.assertLessEqual(busiest(fake.get("requests")), 60)


if __name__ == "__main__":
    unittest.main()

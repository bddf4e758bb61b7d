"""Values are proven, not assumed: each source is fed by another writer, and what would be sent is compared with what was meant."""

import sys
import tempfile
import time
from pathlib import Path

import csv_readers
import customers
import files
import postgresql
import sqlite
import texts
from score import Score

PARTS = {
    "parquet": files.parquet,
    "arrow": files.arrow,
    "csv": texts.csv_values,
    "ndjson": texts.ndjson_values,
    "readers": csv_readers.run,
    "customers": customers.run,
    "sqlite": sqlite.run,
    "postgresql": postgresql.run,
}

if __name__ == "__main__":
    score = Score()
    for name in sys.argv[1:] or PARTS:
        begin = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            PARTS[name](Path(folder), score)
        print(f"{name}: {time.monotonic() - begin:.1f} s", flush=True)
    sys.exit(score.print())

"""Rows of a Spark table through `destination-host`: each partition is piped to a process of its own, as an Arrow stream. The fastest way
from Spark, and the one with everything that the host has; it needs the host's binary on the workers. See README.md.

    spark-submit pipe.py --config config.json --host destination-host --rows customers.parquet --rejected rejected.parquet
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from itertools import chain
from pathlib import Path

from pyspark import SparkFiles
from pyspark.sql import SparkSession

REJECTED = "row string, key string, column string, code string, message string"


def piped(sync, binary, key):
    """A partition's work: what the host rejected, as rows. A run of the host that failed fails the task, which Spark repeats: what
    arrived before is sent again, and that does no harm."""

    def run(batches):
        import pyarrow as pa

        first = next(batches, None)
        if first is None:
            return
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            (folder / "sync.toml").write_text(sync, encoding="utf-8")
            command = [SparkFiles.get(binary), "sync", "sync.toml", "--dead-letters", "rejected.ndjson"]
            environment = {**os.environ, "TALON_ONE_API_KEY": key}
            with open(folder / "said", "wb") as said:
                host = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=said, stderr=said)
            _feed(host.stdin, first.schema, chain([first], batches))
            code = host.wait()
            if code not in (0, 3):
                raise RuntimeError(f"destination-host ended with {code}:\n{(folder / 'said').read_text(encoding='utf-8')}")
            letters = [json.loads(line) for line in (folder / "rejected.ndjson").read_text(encoding="utf-8").splitlines()]
            for letter in letters:
                letter["row"] = json.dumps(letter["row"], ensure_ascii=False)
            schema = pa.schema([(name, pa.string()) for name in ("row", "key", "column", "code", "message")])
            yield pa.RecordBatch.from_pylist(letters, schema=schema)

    return run


def _feed(stdin, schema, batches):
    """Writes the batches as one Arrow stream, with its end mark. A host that has stopped reading says why itself."""
    import pyarrow as pa

    try:
        with stdin, pa.ipc.new_stream(stdin, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
    except BrokenPipeError:
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, help="the plugin's config, JSON; its api_key is taken from TALON_ONE_API_KEY")
    parser.add_argument("--host", required=True, help="the host's binary")
    parser.add_argument("--rows", required=True, help="the table, Parquet")
    parser.add_argument("--rejected", required=True, help="where to write rejected rows, Parquet; must not be there yet")
    parser.add_argument("--tasks", type=int, default=2, help="partitions sent at the same time (2)")
    parser.add_argument("--requests-per-second", type=int, default=60, help="for all tasks together (60)")
    given = parser.parse_args()

    import tomli_w

    with open(given.config, encoding="utf-8") as file:
        config = json.load(file)
    if config.get("sync_mode") == "mirror":
        sys.exit("pipe: a mirror needs one state for all its rows, and a partition has a part of them: use sync.py")
    sync = tomli_w.dumps({
        "name": "partition",
        "destination": config | {"api_key": "${TALON_ONE_API_KEY}"},
        "source": {"type": "arrow", "path": "-"},
        # A tenth is room for what none of several processes can see of the others.
        "limits": {"requests_per_second": max(1, int(given.requests_per_second * 0.9 / given.tasks))},
    })
    spark = SparkSession.builder.appName("talon-one-pipe").getOrCreate()
    spark.sparkContext.addFile(given.host)
    rows = spark.read.parquet(given.rows).repartition(given.tasks)
    task = piped(sync, Path(given.host).name, os.environ["TALON_ONE_API_KEY"])
    rows.mapInArrow(task, REJECTED).write.parquet(given.rejected)
    rejected = spark.read.parquet(given.rejected).count()
    print(json.dumps({"rejected": rejected}))
    sys.exit(3 if rejected else 0)


if __name__ == "__main__":
    main()

"""Rows of a Spark table through the binary `destination-host`: each partition is piped to a process as an Arrow stream.

The fastest way from Spark, and the one with everything that the host has. A mirror can't go this way: it needs one state for all its
rows, and a partition has a part of them.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import tomli_w
from pyspark import SparkFiles
from pyspark.sql import DataFrame

COLUMNS = ("row", "key", "column", "code", "message")
"""What is known of a rejected row; `row` is JSON."""

ALL_DELIVERED, SOME_REJECTED = 0, 3
"""Exit codes of the host."""


def pipe(rows: DataFrame, host: str, config: Mapping[str, Any], key: str, tasks: int, requests_per_second: float = 60) -> DataFrame:
    """Sends the rows by so many processes, which share the rate; returns those that were rejected, with their reasons.

    It is lazy, and each time Spark computes it the rows are sent: write it to a table once, and read that. `host` is the binary's path,
    `config` the plugin's own without its `api_key`, which is `key`.
    """
    if config.get("sync_mode") == "mirror":
        raise ValueError("a mirror needs one state for all its rows, and a partition has a part of them: use destination_host.spark.mirror")
    sync = tomli_w.dumps({
        "name": "partition",
        "destination": {**config, "api_key": "${TALON_ONE_API_KEY}"},
        "source": {"type": "arrow", "path": "-"},
        # A tenth is room for what none of several processes can see of the others.
        "limits": {"requests_per_second": max(1, int(requests_per_second * 0.9 / tasks))},
    })  # fmt: skip
    rows.sparkSession.sparkContext.addFile(host)
    task = _task(sync, Path(host).name, key)
    return rows.repartition(tasks).mapInArrow(task, ", ".join(f"{name} string" for name in COLUMNS))


def _task(sync: str, binary: str, key: str) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """A partition's work: what the host rejected, as rows.

    A run of the host that failed fails the task, which Spark repeats: what arrived before is sent again, and that does no harm.
    """

    def run(batches: Iterator[Any]) -> Iterator[Any]:
        first = next(batches, None)
        if first is None:
            return
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "sync.toml").write_text(sync, encoding="utf-8")
            command = [SparkFiles.get(binary), "sync", "sync.toml", "--dead-letters", "rejected.ndjson"]
            environment = {**os.environ, "TALON_ONE_API_KEY": key}
            with (folder / "log").open("wb") as log:
                host = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log)
            assert host.stdin is not None  # it is a pipe
            _feed(host.stdin, first.schema, chain([first], batches))
            code = host.wait()
            if code not in (ALL_DELIVERED, SOME_REJECTED):
                raise RuntimeError(f"destination-host ended with {code}:\n{(folder / 'log').read_text(encoding='utf-8')}")
            letters = [json.loads(line) for line in (folder / "rejected.ndjson").read_text(encoding="utf-8").splitlines()]
            for letter in letters:
                letter["row"] = json.dumps(letter["row"], ensure_ascii=False)
            yield pa.RecordBatch.from_pylist(letters, schema=pa.schema([(name, pa.string()) for name in COLUMNS]))

    return run


def _feed(stdin: IO[bytes], schema: Any, batches: Iterator[Any]) -> None:
    """Writes the batches as one Arrow stream, with its end mark. A host that has stopped reading says why itself."""
    try:
        with stdin, pa.ipc.new_stream(stdin, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
    except BrokenPipeError:
        pass

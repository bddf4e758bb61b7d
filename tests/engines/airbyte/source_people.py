#!/usr/bin/env python3
"""A source of Airbyte's protocol, without a library: the rows of a file, one JSON object a line, each with an `id` and a rising `row`."""

import argparse
import json
import sys
import time
from pathlib import Path

# Records between two STATEs.
STEP = 500
STREAM = {
    "name": "people",
    "json_schema": {
        "type": "object",
        "properties": {"id": {"type": "integer"}, "row": {"type": "integer"}, "points": {"type": "number"}},
    },
    "supported_sync_modes": ["full_refresh", "incremental"],
    "source_defined_cursor": True,
    "default_cursor_field": ["row"],
    "source_defined_primary_key": [["id"]],
}


def say(kind, **content):
    print(json.dumps({"type": kind} | content), flush=kind != "RECORD")


def status(name):
    told = {"stream_descriptor": {"name": "people"}, "status": name}
    say("TRACE", trace={"type": "STREAM_STATUS", "emitted_at": time.time() * 1000, "stream_status": told})


def state(row, records):
    stream = {"stream_descriptor": {"name": "people"}, "stream_state": {"row": row}}
    say("STATE", state={"type": "STREAM", "stream": stream, "sourceStats": {"recordCount": float(records)}})


def read(rows, catalog, states):
    [configured] = catalog["streams"]
    incremental = configured["sync_mode"] == "incremental"
    behind = -1
    for known in states if incremental else []:
        behind = known["stream"]["stream_state"]["row"]
    status("STARTED")
    records = 0
    for row in (row for row in rows if row["row"] > behind):
        say("RECORD", record={"stream": "people", "data": row, "emitted_at": int(time.time() * 1000)})
        records += 1
        if incremental and records == STEP:
            state(row["row"], records)
            records = 0
    if incremental and records:
        state(rows[-1]["row"], records)
    status("COMPLETE")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["spec", "check", "discover", "read"])
    for name in ("config", "catalog", "state"):
        parser.add_argument(f"--{name}", type=lambda path: json.loads(Path(path).read_text(encoding="utf-8")))
    args = parser.parse_args()
    schema = {"type": "object", "required": ["path"], "properties": {"path": {"type": "string"}}}
    match args.command:
        case "spec":
            say("SPEC", spec={"connectionSpecification": schema})
        case "check":
            say("CONNECTION_STATUS", connectionStatus={"status": "SUCCEEDED"})
        case "discover":
            say("CATALOG", catalog={"streams": [STREAM]})
        case "read":
            rows = [json.loads(line) for line in Path(args.config["path"]).read_text(encoding="utf-8").splitlines()]
            read(rows, args.catalog, args.state or [])


if __name__ == "__main__":
    sys.exit(main())

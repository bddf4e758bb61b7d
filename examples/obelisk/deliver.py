"""Delivers a CSV file through Obelisk: python deliver.py CONFIG.json ROWS.csv

Each call of the plugin is an execution of Obelisk's: written down before it runs, repeated while it fails for a reason that passes, and
finished even where Obelisk is killed meanwhile. Ends with 0 where all was delivered, 1 where something was not, 3 where rows were
rejected.

The plugin's key is taken from TALON_ONE_API_KEY; OBELISK names the server's address (http://127.0.0.1:5005).
"""

import csv
import json
import os
import subprocess
import sys
import tempfile

API = ["--api-url", os.environ.get("OBELISK", "http://127.0.0.1:5005")]
RECORDS = 1000
"""In one execution, and in one request."""


class Failed(Exception):
    """An execution that Obelisk gave up, with what the plugin said last."""


def columns(header, lines):
    """Text columns in Arrow's layout; an empty field is null. Obelisk takes values of the WIT as JSON, with names in snake case."""
    for place, name in enumerate(header):
        offsets, validity = [0], bytearray((len(lines) + 7) // 8)
        for row, line in enumerate(lines):
            offsets.append(offsets[-1] + len(line[place].encode()))
            validity[row // 8] |= bool(line[place]) << row % 8
        texts = {"offsets": offsets, "data": "".join(line[place] for line in lines)}
        yield {"name": name, "validity": list(validity), "values": {"texts": texts}}


def obelisk(*arguments):
    return subprocess.run(["obelisk", "execution", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def call(function, *parameters):
    """Runs a function of the plugin to its end."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(parameters, file)
        file.flush()
        execution = obelisk("submit", *API, f"etl:destination/destination@0.1.0.{function}", f"@{file.name}").strip()
    print(f"{function} is {execution}", file=sys.stderr)
    # Waits, over a server that is down for a while too.
    answer = json.loads(obelisk("result", *API, "--follow", "--json", execution))
    if "ok" in answer:
        return answer["ok"]
    raise Failed(said(answer.get("error", answer)))


def said(failure):
    """What a failure of the contract says; Obelisk's own, such as a lock that expired, as it is."""
    for problem in failure.values() if isinstance(failure, dict) else ():
        if isinstance(problem, dict) and "message" in problem:
            return problem["message"]
    return json.dumps(failure, ensure_ascii=False)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        config = json.dumps(json.load(file) | {"api_key": os.environ["TALON_ONE_API_KEY"]})
    with open(sys.argv[2], encoding="utf-8-sig", newline="") as file:
        header, *lines = csv.reader(file)
    delivered, rejected = 0, 0
    for start in range(0, len(lines), RECORDS):
        mapping = call("map-batch", config, list(columns(header, lines[start : start + RECORDS])), [])
        batch = mapping["batch"]
        report = call("send-batch", config, batch)
        faults = [(issue["row"], issue["message"]) for issue in mapping["issues"]]
        faults += [(batch["rows"][it["record_index"]], it["message"]) for it in report["rejected"]]
        for row, message in sorted(faults):
            print(f"row {start + row + 1} is rejected: {message}", file=sys.stderr)
        delivered, rejected = delivered + len(report["accepted"]), rejected + len(faults)
        if report["failure"]:
            raise Failed(said(report["failure"]))
    print(json.dumps({"delivered": delivered, "rejected": rejected}))
    return 3 if rejected else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failed:
        sys.exit(f"not delivered: {failed}")

"""The host as these tests see it: rows in, and of each row the value that would be sent, or why there is none."""

import json
import os
import re
import subprocess
from pathlib import Path

SYNC = """
name = "values"
[destination]
deployment_url = "https://values.talon.one"
api_key = "a-key-of-no-deployment"
object_type = "customer_profiles"
"""


class Number(str):
    """A number as JSON spells it."""


class Result:
    """How a preview ended: `sent` has the attributes of each ID, `issues` the message of each rejected row, by its number."""

    def __init__(self, process):
        self.code, self.stderr = process.returncode, process.stderr
        self.sent, self.issues = {}, {}
        for line in process.stdout.split("\n"):
            if line.startswith("{"):
                for profile in loads(line)["customerProfiles"]:
                    self.sent[profile["integrationId"]] = profile["attributes"]
        for line in process.stderr.split("\n"):
            if found := re.match(r"row ([\d,.']+) is rejected: (\S+)  (.*)", line):
                self.issues[int(re.sub(r"\D", "", found[1]))] = f"{found[2]}: {found[3]}"


def loads(text):
    def spelt_once(pairs):
        names = [name for name, _ in pairs]
        assert len(set(names)) == len(names), f"a name twice in one object: {text}"
        return dict(pairs)

    return json.loads(text, parse_int=Number, parse_float=Number, object_pairs_hook=spelt_once)


def preview(folder, source, mappings, rows=1_000_000):
    """Runs a preview of a source (the lines of its section) with mappings (source, destination, type or None)."""
    text = SYNC
    for column, destination, kind in mappings:
        text += f"[[destination.mappings]]\nsource = {json.dumps(column)}\ndestination = {json.dumps(destination)}\n"
        text += f'type = "{kind}"\n' if kind else ""
    path = Path(folder) / "sync.toml"
    path.write_text(f"{text}[source]\n{source}\n")
    command = [os.environ["HOST"], "preview", path.name, "--rows", str(rows)]
    return Result(subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=300))

"""The contract's vectors in Python: python vectors.py COMPONENT. Prints how many agree, and those that do not."""

import json
import sys
from pathlib import Path

from destination import Failed, Plugin

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
plugin = Plugin(sys.argv[1])
agreed, wrong = 0, []


def judge(vector, outcome, expected):
    global agreed
    if outcome == expected:
        agreed += 1
    else:
        wrong.append({"name": vector["name"], "expected": expected, "outcome": outcome})


for vector in json.loads((VECTORS / "configs.json").read_text(encoding="utf-8")):
    issues = plugin.call("validate-config", vector["config"])
    judge(vector, [{"path": i.path, "message": i.message, "hint": i.hint} for i in issues], vector["issues"])

for vector in json.loads((VECTORS / "rows.json").read_text(encoding="utf-8")):
    values = []
    for cell in vector["values"]:
        ((kind, value),) = cell.items()
        values.append(plugin.variant(kind, float(value) if kind == "float" else value))
    row = plugin.record(change=vector["change"], values=values)
    try:
        mapped = plugin.call("map-row", json.dumps(vector["config"], ensure_ascii=False), vector["columns"], row)
        outcome = {"key": mapped.key, "action": mapped.action, "payload": mapped.payload}
    except Failed as failed:
        outcome = {"refused": failed.message} if failed.kind == "row" else {"error": str(failed)}
    judge(vector, outcome, vector["outcome"])

print(json.dumps({"agreed": agreed, "wrong": wrong}, ensure_ascii=False))

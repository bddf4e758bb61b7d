"""The contract's vectors in Python: python vectors.py COMPONENT FAKE, the URL of a fake Talon.One. Prints how many agree, and those
that do not."""

import json
import sys
from pathlib import Path

from destination_host import CallFailed, Plugin
from destination_host.plugin import record, strings, variant
from fake import Control

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
plugin, fake = Plugin(sys.argv[1]), Control(sys.argv[2])
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
        values.append(variant(kind, float(value) if kind == "float" else value))
    row = record(change=vector["change"], values=values)
    try:
        mapped = plugin.call("map-row", json.dumps(vector["config"], ensure_ascii=False), vector["columns"], row)
        outcome = {"key": mapped.key, "action": mapped.action, "payload": mapped.payload}
    except CallFailed as failed:
        outcome = {"refused": failed.message} if failed.kind == "row" else {"error": str(failed)}
    judge(vector, outcome, vector["outcome"])


def failure(transient, problem):
    retry_after = getattr(problem, "retry-after-ms")
    return {"transient": transient, "kind": problem.kind, "message": problem.message, "status": problem.status, "retry_after_ms": retry_after}


for vector in json.loads((VECTORS / "deliveries.json").read_text(encoding="utf-8")):
    fake.post("reset")
    fake.post("faults", {"script": vector["faults"]})
    records = vector["records"]
    batch = record(
        rows=list(range(len(records))),
        keys=strings([it["key"] for it in records]),
        actions=[it["action"] for it in records],
        payloads=strings([it["payload"] for it in records]),
    )
    try:
        report = plugin.call("send-batch", json.dumps(vector["config"] | {"deployment_url": fake.url}, ensure_ascii=False), batch)
        rejected = [{"record": getattr(it, "record-index"), "code": it.code, "message": it.message} for it in report.rejected]
        stopped = report.failure and failure(report.failure.tag == "transient", report.failure.payload)
        counts = {name: getattr(report, name) for name in ("accepted", "undelivered", "superseded", "requests", "retries")}
        outcome = {"report": counts | {"rejected": rejected, "failure": stopped}}
    except CallFailed as failed:
        outcome = {"failure": failure(failed.transient, failed.problem)}
    # The port is another in each run.
    outcome = json.loads(json.dumps(outcome).replace(fake.url, "http://fake"))
    requests = [
        {"method": it["method"], "path": it["path"] + (f"?{it['query']}" if it["query"] else ""), "body": it["body"], "status": it["status"]}
        for it in fake.get("requests")
    ]
    judge(vector, {"outcome": outcome, "requests": requests}, {"outcome": vector["outcome"], "requests": vector["requests"]})

print(json.dumps({"agreed": agreed, "wrong": wrong}, ensure_ascii=False))

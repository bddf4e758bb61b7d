"""The contract's vectors in Python: python vectors.py COMPONENT FAKE, the URL of a fake Talon.One. Prints how many agree, and those
that do not."""

import json
import sys
from pathlib import Path

from destination_host import CallFailed, Plugin
from destination_host.plugin import record, strings, texts, variant
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


def batch(records):
    return record(
        rows=list(range(len(records))),
        keys=strings([it["key"] for it in records]),
        actions=[it["action"] for it in records],
        payloads=strings([it["payload"] for it in records]),
    )


def told(report):
    rejected = [{"record": getattr(it, "record-index"), "code": it.code, "message": it.message} for it in report.rejected]
    stopped = report.failure and failure(report.failure.tag == "transient", report.failure.payload)
    counts = {name: getattr(report, name) for name in ("accepted", "undelivered", "superseded", "requests", "retries")}
    return counts | {"rejected": rejected, "failure": stopped}


def config(vector):
    return json.dumps(vector["config"] | {"deployment_url": fake.url}, ensure_ascii=False)


def judge_with_requests(vector, outcome):
    # The port is another in each run.
    outcome = json.loads(json.dumps(outcome).replace(fake.url, "http://fake"))
    requests = [
        {"method": it["method"], "path": it["path"] + (f"?{it['query']}" if it["query"] else ""), "body": it["body"], "status": it["status"]}
        for it in fake.get("requests")
    ]
    judge(vector, {"outcome": outcome, "requests": requests}, {"outcome": vector["outcome"], "requests": vector["requests"]})


for vector in json.loads((VECTORS / "deliveries.json").read_text(encoding="utf-8")):
    fake.post("reset")
    fake.post("faults", {"script": vector["faults"]})
    try:
        outcome = {"report": told(plugin.call("send-batch", config(vector), batch(vector["records"])))}
    except CallFailed as failed:
        outcome = {"failure": failure(failed.transient, failed.problem)}
    judge_with_requests(vector, outcome)


def plain(it, *names):
    """A record as the vectors write it: `-` in a name is `_`."""
    return {name: getattr(it, name.replace("_", "-")) for name in names}


EMPTY = {
    "nulls": 0,
    "decimals": strings([]),
    "texts": strings([]),
    "json": strings([]),
    "timestamps": record(unit="millisecond", zone=None, counts=[]),
}


def columns(vector):
    """Columns of these types, without rows."""
    named = ((it["name"], it["values"]) for it in vector["columns"])
    return [record(name=name, validity=b"", values=variant(kind, EMPTY.get(kind, []))) for name, kind in named]


def listing(vector, pages):
    """All pages, up to the last or to a failure. With `twice` each page that has a cursor is asked for again."""
    cursor = vector.get("cursor")
    while True:
        for _ in range(2 if cursor is not None and vector.get("twice") else 1):
            page = plugin.call("list-keys", config(vector), cursor, interface="inspection")
            keys = texts(page.keys)
            # What the cursor looks like is the plugin's own.
            pages.append({"keys": len(keys) if len(keys) > 100 else keys, "more": page.next is not None, "total": page.total})
        cursor = page.next
        if cursor is None:
            return pages


def extension(vector, pages):
    interface, name = vector["call"].split(".")

    def call(*arguments):
        return plugin.call(name, *arguments, interface=interface)

    match vector["call"]:
        case "inspection.route-limits":
            return [plain(it, "method", "path", "requests_per_second") for it in call()]
        case "inspection.discover":
            found = call(config(vector))
            fields = [plain(it, "name", "field_type", "description", "closed_list", "custom") for it in found.fields]
            return {"fields": fields, "targets": [plain(it, "id", "name", "description") for it in found.targets]}
        case "inspection.compare-fields":
            comparison = call(config(vector), columns(vector))
            issues = ("faults", "notes")
            return comparison and {kind: [plain(it, "path", "message", "hint") for it in getattr(comparison, kind)] for kind in issues}
        case "inspection.list-keys":
            return listing(vector, pages)
        case "inspection.compare-records":
            found = call(config(vector), batch(vector["records"]))
            return [{"record": getattr(it, "record-index")} | plain(it, "field", "expected", "found") for it in found]
        case "provisioning.plan":
            return [plain(it, "kind", "name", "field_type", "description") for it in call(config(vector), columns(vector))]
        case "provisioning.create":
            return call(config(vector), [record(**it) for it in vector["objects"]])
        case "provisioning.resolve":
            # Which order its members have is nobody's promise.
            return json.loads(call(config(vector)))
        case "effects.send-batch":
            delivery = call(config(vector), batch(vector["records"]))
            return {"report": told(delivery.report), "effects": {it.effect: it.count for it in delivery.effects}}


for vector in json.loads((VECTORS / "extensions.json").read_text(encoding="utf-8")):
    fake.post("reset")
    for step in vector["world"]:
        ((name, body),) = step.items()
        fake.post(name, body)
    fake.post("faults", {"script": vector["faults"]})
    pages = []
    try:
        outcome = {"answer": extension(vector, pages)}
    except CallFailed as failed:
        outcome = {"failure": failure(failed.transient, failed.problem)} | ({"answer": pages} if pages else {})
    judge_with_requests(vector, outcome)

print(json.dumps({"agreed": agreed, "wrong": wrong}, ensure_ascii=False))

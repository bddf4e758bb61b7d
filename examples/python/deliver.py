"""Delivers a CSV file with the plugin: python deliver.py COMPONENT CONFIG.json ROWS.csv

Ends with 0 where every row was delivered, 1 where the delivery failed, 2 where something given is wrong, 3 where rows were rejected.
"""

import csv
import sys
from pathlib import Path

from destination_host import CallFailed, Plugin
from destination_host.plugin import field, text_column

component, config_file, rows = sys.argv[1:]


def end(code, message):
    print(message, file=sys.stderr)
    sys.exit(code)


try:
    # Its imports are looked at first: a plugin that asks for more than it may is refused.
    plugin = Plugin(component)
except ValueError as refused:
    end(2, refused)

config = Path(config_file).read_text(encoding="utf-8")
for issue in plugin.call("validate-config", config):
    end(2, f"{config_file}: {issue.path}: {issue.message}")

with open(rows, encoding="utf-8-sig", newline="") as file:
    header, *lines = csv.reader(file)
# An empty field is null.
columns = [text_column(name, [line[place] or None for line in lines]) for place, name in enumerate(header)]

try:
    mapping = plugin.call("map-batch", config, columns, [])
    report = plugin.call("send-batch", config, mapping.batch)
except CallFailed as failed:
    # Nothing was accepted: after a transient failure the same command may work.
    end(1, f"nothing was delivered{', try again' if failed.transient else ''}: {failed.message}")

for issue in mapping.issues:
    print(f"row {issue.row + 1} is rejected: {issue.message}", file=sys.stderr)
for rejection in report.rejected:
    row = mapping.batch.rows[field(rejection, "record_index")]
    print(f"row {row + 1} is rejected: {rejection.message}", file=sys.stderr)
print(f"{len(report.accepted)} of {len(lines)} rows delivered")
if report.failure is not None:
    end(1, f"{len(report.undelivered)} rows are not: {report.failure.payload.message}")
sys.exit(3 if mapping.issues or report.rejected else 0)

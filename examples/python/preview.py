"""Maps a CSV file with the plugin and prints the requests it would make: python preview.py COMPONENT CONFIG.json ROWS.csv"""

import csv
import sys
from pathlib import Path

from destination import Plugin

component, config, rows = sys.argv[1:]
plugin = Plugin(component)
config = Path(config).read_text(encoding="utf-8")

for issue in plugin.call("validate-config", config):
    sys.exit(f"{issue.path}: {issue.message}")

with open(rows, encoding="utf-8-sig", newline="") as file:
    header, *lines = csv.reader(file)

columns = []
for place, name in enumerate(header):
    texts = [line[place] for line in lines]
    # Arrow's layout: packed texts, and a bitmap of those that are there. An empty field is null.
    validity = bytearray((len(lines) + 7) // 8)
    for row, text in enumerate(texts):
        validity[row // 8] |= bool(text) << row % 8
    values = plugin.variant("texts", plugin.strings(texts))
    columns.append(plugin.record(name=name, validity=bytes(validity), values=values))

mapping = plugin.call("map-batch", config, columns, [])
for issue in mapping.issues:
    print(f"row {issue.row + 1} is rejected: {issue.message}", file=sys.stderr)
for request in plugin.call("render-batch", config, mapping.batch):
    print(request.method, request.path)
    print(request.body)

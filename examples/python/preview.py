"""Maps a CSV file with the plugin and prints the requests it would make: python preview.py COMPONENT CONFIG.json ROWS.csv"""

import csv
import sys
from pathlib import Path

from destination_host import Plugin
from destination_host.plugin import text_column

component, config_file, rows = sys.argv[1:]
plugin = Plugin(component)
config = Path(config_file).read_text(encoding="utf-8")

for issue in plugin.call("validate-config", config):
    sys.exit(f"{issue.path}: {issue.message}")

with open(rows, encoding="utf-8-sig", newline="") as file:
    header, *lines = csv.reader(file)

# An empty field is null.
columns = [text_column(name, [line[place] or None for line in lines]) for place, name in enumerate(header)]
mapping = plugin.call("map-batch", config, columns, [])
for issue in mapping.issues:
    print(f"row {issue.row + 1} is rejected: {issue.message}", file=sys.stderr)
for request in plugin.call("render-batch", config, mapping.batch):
    print(request.method, request.path)
    print(request.body)

// Maps a CSV file with the plugin and prints the requests it would make: node preview.mjs CONFIG.json ROWS.csv
import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { destination } from "./plugin/plugin.js";

const [configFile, rowsFile] = process.argv.slice(2);
const config = readFileSync(configFile, "utf8");

for (const { path, message } of destination.validateConfig(config)) {
  console.error(`${path}: ${message}`);
  process.exit(2);
}

const [header, ...lines] = parse(readFileSync(rowsFile), { bom: true });
const encoder = new TextEncoder();
const columns = header.map((name, place) => {
  // Arrow's layout: texts end to end, where each begins, and a bitmap of those that are there. An empty field is null.
  const offsets = new Uint32Array(lines.length + 1);
  const validity = new Uint8Array(Math.ceil(lines.length / 8));
  lines.forEach((line, row) => {
    offsets[row + 1] = offsets[row] + encoder.encode(line[place]).length;
    if (line[place] !== "") validity[row >> 3] |= 1 << (row & 7);
  });
  return { name, validity, values: { tag: "texts", val: { offsets, data: lines.map((line) => line[place]).join("") } } };
});

const { batch, issues } = destination.mapBatch(config, columns, []);
for (const { row, message } of issues) console.error(`row ${row + 1} is rejected: ${message}`);
for (const { method, path, body } of destination.renderBatch(config, batch)) console.log(`${method} ${path}\n${body.val}`);

// Maps a CSV file with the plugin and prints the requests it would make: node preview.mjs CONFIG.json ROWS.csv
import { readFileSync } from "node:fs";
import { preview, textColumns, validate } from "talon-one-destination";
import { parse } from "csv-parse/sync";

const [configFile, rowsFile] = process.argv.slice(2);
const config = readFileSync(configFile, "utf8");
for (const { path, message } of validate(config)) {
  console.error(`${path}: ${message}`);
  process.exit(2);
}

const [header, ...lines] = parse(readFileSync(rowsFile), { bom: true });
const { requests, rejected } = preview(config, textColumns(header, lines));
for (const { row, message } of rejected) console.error(`row ${row + 1} is rejected: ${message}`);
for (const { method, path, body } of requests) console.log(`${method} ${path}\n${body}`);

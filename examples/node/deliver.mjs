// Delivers a CSV file with the plugin: node deliver.mjs COMPONENT CONFIG.json ROWS.csv
// Ends with 0 where every row was delivered, 1 where the delivery failed, 2 where something given is wrong, 3 where rows were rejected.
import { readFileSync } from "node:fs";
import { componentWit } from "@bytecodealliance/jco";
import { _setArgs, _setEnv } from "@bytecodealliance/preview2-shim/cli";
import { _setPreopens } from "@bytecodealliance/preview2-shim/filesystem";
import { parse } from "csv-parse/sync";

const [component, configFile, rowsFile] = process.argv.slice(2);

function end(code, message) {
  console.error(message);
  process.exit(code);
}

// What the plugin asks for: HTTP, streams and clocks it gets; of the rest of WASI 0.2 it finds nothing, once that is emptied.
const known = /^wasi:(io|clocks|cli|filesystem|random|sockets|http\/(types|outgoing-handler))\b.*@0\.2\./;
const imports = Array.from((await componentWit(readFileSync(component))).matchAll(/^ {2}import ([^;]+);/gm), ([, name]) => name);
const forbidden = imports.filter((name) => !known.test(name));
if (forbidden.length > 0) end(2, `${component} imports what no plugin is granted: ${forbidden.join(", ")}`);
_setPreopens({});
_setEnv({});
_setArgs([]);
const { destination } = await import("./plugin/plugin.js");

const config = readFileSync(configFile, "utf8");
for (const { path, message } of destination.validateConfig(config)) end(2, `${configFile}: ${path}: ${message}`);

const [header, ...lines] = parse(readFileSync(rowsFile), { bom: true });
const columns = header.map((name, place) => {
  // Arrow's layout: texts end to end, where each begins, and a bitmap of those that are there. An empty field is null.
  const offsets = new Uint32Array(lines.length + 1);
  const validity = new Uint8Array(Math.ceil(lines.length / 8));
  lines.forEach((line, row) => {
    offsets[row + 1] = offsets[row] + Buffer.byteLength(line[place]);
    if (line[place] !== "") validity[row >> 3] |= 1 << (row & 7);
  });
  return { name, validity, values: { tag: "texts", val: { offsets, data: lines.map((line) => line[place]).join("") } } };
});

let mapping, report;
try {
  mapping = destination.mapBatch(config, columns, []);
  report = destination.sendBatch(config, mapping.batch);
} catch (error) {
  if (!error.payload) throw error;
  // Nothing was accepted: after a transient failure the same command may work.
  const { tag, val } = error.payload;
  end(1, `nothing was delivered${tag === "transient" ? ", try again" : ""}: ${val?.message}`);
}
const rejected = report.rejected.map(({ recordIndex, message }) => ({ row: mapping.batch.rows[recordIndex], message }));
for (const { row, message } of [...mapping.issues, ...rejected]) console.error(`row ${row + 1} is rejected: ${message}`);
console.log(`${report.accepted.length} of ${lines.length} rows delivered`);
if (report.failure) end(1, `${report.undelivered.length} rows are not: ${report.failure.val?.message}`);
process.exit(mapping.issues.length + rejected.length > 0 ? 3 : 0);

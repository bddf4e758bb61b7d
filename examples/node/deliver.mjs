// Delivers a CSV file with the plugin: node deliver.mjs CONFIG.json ROWS.csv
// Ends with 0 where every row was delivered, 1 where the delivery failed, 2 where something given is wrong, 3 where rows were rejected.
import { readFileSync } from "node:fs";
import { deliver, PluginFailure, textColumns, validate } from "talon-one-destination";
import { parse } from "csv-parse/sync";

const [configFile, rowsFile] = process.argv.slice(2);

function end(code, message) {
  if (message) console.error(message);
  process.exit(code);
}

const config = readFileSync(configFile, "utf8");
for (const { path, message } of validate(config)) end(2, `${configFile}: ${path}: ${message}`);
const [header, ...lines] = parse(readFileSync(rowsFile), { bom: true });

let outcome;
try {
  outcome = deliver(config, textColumns(header, lines));
} catch (error) {
  if (!(error instanceof PluginFailure)) throw error;
  end(1, `nothing was delivered: ${error.message}`);
}
const { accepted, rejected, undelivered, failure } = outcome;
if (failure && accepted.length === 0) end(1, `nothing was delivered${failure.transient ? ", try again" : ""}: ${failure.message}`);
for (const { row, message } of rejected) console.error(`row ${row + 1} is rejected: ${message}`);
console.log(`${accepted.length} of ${lines.length} rows delivered`);
if (failure) end(1, `${undelivered.length} rows are not: ${failure.message}`);
end(rejected.length > 0 ? 3 : 0);

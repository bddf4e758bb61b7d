// The contract's vectors in Node: node vectors.mjs FOLDER, where jco put the transpiled component. Prints how many agree, and those
// that do not.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { destination } = await import(pathToFileURL(process.argv[2] + "/plugin.js"));
const vectors = (name) => JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url)));
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const wrong = [];
let agreed = 0;

function judge(vector, outcome, expected) {
  if (same(outcome, expected)) agreed += 1;
  else wrong.push({ name: vector.name, expected, outcome });
}

for (const vector of vectors("configs")) {
  const issues = destination.validateConfig(vector.config);
  // What is absent is undefined here and null in the vectors.
  judge(vector, issues.map(({ path, message, hint }) => ({ path, message, hint: hint ?? null })), vector.issues.map(({ path, message, hint }) => ({ path, message, hint })));
}

// jco takes a 64-bit integer as a BigInt, which JSON can't hold: the vectors' largest is written in full in the file.
function value(cell, raw) {
  const [[tag, val]] = Object.entries(cell);
  if (tag === "null") return { tag };
  if (tag === "integer") return { tag, val: BigInt(/"integer": (-?\d+)/.exec(raw)[1]) };
  return { tag, val: tag === "float" ? Number(val) : val };
}

const lines = readFileSync(new URL("../vectors/rows.json", import.meta.url), "utf8").split("\n");
for (const line of lines.filter((line) => line.startsWith("{"))) {
  const vector = JSON.parse(line.replace(/,$/, ""));
  const raw = /"values": (\[.*?\]), "change"/.exec(line)[1];
  const cells = raw.match(/\{"(?:null|boolean|integer|float|decimal|text|date|timestamp|json)": (?:null|true|false|-?[\d.]+|"(?:[^"\\]|\\.)*")\}/g);
  const values = vector.values.map((cell, at) => value(cell, cells[at]));
  let outcome;
  try {
    const { key, action, payload } = destination.mapRow(JSON.stringify(vector.config), vector.columns, { change: vector.change, values });
    outcome = { key, action, payload };
  } catch (error) {
    // A failure of the contract is thrown with what it says.
    const failure = error.payload ?? error;
    outcome = failure?.val?.kind === "row" ? { refused: failure.val.message } : { error: String(error) };
  }
  const { expected = vector.outcome } = {};
  const sorted = (object) => Object.fromEntries(Object.entries(object).sort());
  judge(vector, sorted(outcome), sorted(expected));
}

console.log(JSON.stringify({ agreed, wrong }));

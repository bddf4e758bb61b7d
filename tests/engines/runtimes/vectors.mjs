// The contract's vectors in Node: node vectors.mjs FOLDER FAKE, where jco put the transpiled component and the URL of a fake Talon.One.
// Prints how many agree, and those that do not.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { isDeepStrictEqual } from "node:util";

const [folder, fake] = process.argv.slice(2);
const { destination } = await import(pathToFileURL(folder + "/plugin.js"));
const vectors = (name) => JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url)));
const wrong = [];
let agreed = 0;

function judge(vector, outcome, expected) {
  if (isDeepStrictEqual(outcome, expected)) agreed += 1;
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

const lines = readFileSync(new URL("../../vectors/rows.json", import.meta.url), "utf8").split("\n");
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
  judge(vector, outcome, vector.outcome);
}

async function control(name, body) {
  const answer = await fetch(`${fake}/_fake/${name}`, body && { method: "POST", body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text && JSON.parse(text);
}

function packed(texts) {
  const offsets = new Uint32Array(texts.length + 1);
  texts.forEach((text, at) => (offsets[at + 1] = offsets[at] + Buffer.byteLength(text)));
  return { offsets, data: texts.join("") };
}

function failure({ tag, val }) {
  // A 64-bit integer is a BigInt here.
  const retryAfter = val.retryAfterMs === undefined ? null : Number(val.retryAfterMs);
  return { transient: tag === "transient", kind: val.kind, message: val.message, status: val.status ?? null, retry_after_ms: retryAfter };
}

for (const vector of vectors("deliveries")) {
  await control("reset", {});
  await control("faults", { script: vector.faults });
  const { records } = vector;
  const batch = {
    rows: Uint32Array.from(records.keys()),
    keys: packed(records.map(({ key }) => key)),
    actions: records.map(({ action }) => action),
    payloads: packed(records.map(({ payload }) => payload)),
  };
  let outcome;
  try {
    const report = destination.sendBatch(JSON.stringify({ ...vector.config, deployment_url: fake }), batch);
    outcome = {
      report: {
        ...report,
        accepted: Array.from(report.accepted),
        rejected: report.rejected.map(({ recordIndex, code, message }) => ({ record: recordIndex, code, message })),
        undelivered: Array.from(report.undelivered),
        failure: report.failure ? failure(report.failure) : null,
      },
    };
  } catch (error) {
    outcome = error.payload ? { failure: failure(error.payload) } : { error: String(error) };
  }
  // The port is another in each run.
  outcome = JSON.parse(JSON.stringify(outcome).replaceAll(fake, "http://fake"));
  const requests = (await control("requests")).map(({ method, path, query, body, status }) => ({ method, path: path + (query ? `?${query}` : ""), body, status }));
  judge(vector, { outcome, requests }, { outcome: vector.outcome, requests: vector.requests });
}

console.log(JSON.stringify({ agreed, wrong }));

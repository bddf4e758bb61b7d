// The contract's vectors in Node: node vectors.mjs FOLDER FAKE, where jco put the transpiled component and the URL of a fake Talon.One.
// Prints how many agree, and those that do not.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { isDeepStrictEqual } from "node:util";

const [folder, fake] = process.argv.slice(2);
const { destination, inspection, provisioning, effects } = await import(pathToFileURL(folder + "/plugin.js"));
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

function batchOf(records) {
  return {
    rows: Uint32Array.from(records.keys()),
    keys: packed(records.map(({ key }) => key)),
    actions: records.map(({ action }) => action),
    payloads: packed(records.map(({ payload }) => payload)),
  };
}

function told(report) {
  return {
    ...report,
    accepted: Array.from(report.accepted),
    rejected: report.rejected.map(({ recordIndex, code, message }) => ({ record: recordIndex, code, message })),
    undelivered: Array.from(report.undelivered),
    failure: report.failure ? failure(report.failure) : null,
  };
}

const configOf = (vector) => JSON.stringify({ ...vector.config, deployment_url: fake });

async function judgeWithRequests(vector, outcome) {
  // The port is another in each run.
  outcome = JSON.parse(JSON.stringify(outcome).replaceAll(fake, "http://fake"));
  const requests = (await control("requests")).map(({ method, path, query, body, status }) => ({ method, path: path + (query ? `?${query}` : ""), body, status }));
  judge(vector, { outcome, requests }, { outcome: vector.outcome, requests: vector.requests });
}

for (const vector of vectors("deliveries")) {
  await control("reset", {});
  await control("faults", { script: vector.faults });
  let outcome;
  try {
    outcome = { report: told(destination.sendBatch(configOf(vector), batchOf(vector.records))) };
  } catch (error) {
    outcome = error.payload ? { failure: failure(error.payload) } : { error: String(error) };
  }
  await judgeWithRequests(vector, outcome);
}

// A 64-bit integer of a plugin's answer.
const number = (count) => (count === undefined ? null : Number(count));

// Columns of these types, without rows.
function columnsOf(vector) {
  const none = {
    nulls: 0,
    booleans: [],
    integers: new BigInt64Array(),
    floats: new Float64Array(),
    decimals: packed([]),
    texts: packed([]),
    dates: new Int32Array(),
    timestamps: { unit: "millisecond", counts: new BigInt64Array() },
    json: packed([]),
  };
  return vector.columns.map(({ name, values }) => ({ name, validity: new Uint8Array(), values: { tag: values, val: none[values] } }));
}

function unpacked({ offsets, data }) {
  const bytes = Buffer.from(data);
  return Array.from(offsets.slice(1), (end, at) => bytes.toString("utf8", offsets[at], end));
}

// All pages, up to the last or to a failure. With `twice` each page that has a cursor is asked for again.
function listing(vector, pages) {
  let cursor = vector.cursor;
  do {
    let page;
    for (let times = cursor !== undefined && vector.twice ? 2 : 1; times > 0; times -= 1) {
      page = inspection.listKeys(configOf(vector), cursor);
      const keys = unpacked(page.keys);
      // What the cursor looks like is the plugin's own.
      pages.push({ keys: keys.length > 100 ? keys.length : keys, more: page.next !== undefined, total: number(page.total) });
    }
    cursor = page.next;
  } while (cursor !== undefined);
  return pages;
}

const issues = (list) => list.map(({ path, message, hint }) => ({ path, message, hint: hint ?? null }));
const object = ({ kind, name, fieldType, description }) => ({ kind, name, field_type: fieldType ?? null, description });

const calls = {
  "inspection.route-limits": () =>
    inspection.routeLimits().map(({ method, path, requestsPerSecond }) => ({ method, path, requests_per_second: requestsPerSecond })),
  "inspection.discover": (vector) => {
    const { fields, targets } = inspection.discover(configOf(vector));
    const field = ({ name, fieldType, description, closedList, custom }) => ({ name, field_type: fieldType, description, closed_list: closedList, custom });
    return { fields: fields.map(field), targets };
  },
  "inspection.compare-fields": (vector) => {
    const comparison = inspection.compareFields(configOf(vector), columnsOf(vector));
    return comparison ? { faults: issues(comparison.faults), notes: issues(comparison.notes) } : null;
  },
  "inspection.list-keys": listing,
  "inspection.compare-records": (vector) =>
    inspection
      .compareRecords(configOf(vector), batchOf(vector.records))
      .map(({ recordIndex, field, expected, found }) => ({ record: recordIndex, field: field ?? null, expected: expected ?? null, found: found ?? null })),
  "provisioning.plan": (vector) => provisioning.plan(configOf(vector), columnsOf(vector)).map(object),
  "provisioning.create": (vector) => {
    const objects = vector.objects.map(({ field_type: fieldType, ...rest }) => ({ ...rest, fieldType: fieldType ?? undefined }));
    return provisioning.create(configOf(vector), objects) ?? null;
  },
  // Which order its members have is nobody's promise.
  "provisioning.resolve": (vector) => JSON.parse(provisioning.resolve(configOf(vector))),
  "effects.send-batch": (vector) => {
    const delivery = effects.sendBatch(configOf(vector), batchOf(vector.records));
    return { report: told(delivery.report), effects: Object.fromEntries(delivery.effects.map(({ effect, count }) => [effect, number(count)])) };
  },
};

for (const vector of vectors("extensions")) {
  await control("reset", {});
  for (const step of vector.world) {
    const [[name, body]] = Object.entries(step);
    await control(name, body);
  }
  await control("faults", { script: vector.faults });
  const pages = [];
  let outcome;
  try {
    outcome = { answer: calls[vector.call](vector, pages) };
  } catch (error) {
    outcome = error.payload ? { failure: failure(error.payload), ...(pages.length > 0 && { answer: pages }) } : { error: String(error) };
  }
  await judgeWithRequests(vector, outcome);
}

console.log(JSON.stringify({ agreed, wrong }));

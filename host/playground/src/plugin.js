// The plugin in the page: the component, transpiled by jco. What is here maps rows and renders requests; nothing calls what sends.
import { destination } from "../plugin/plugin.js";

export const descriptor = destination.describe();
const encoder = new TextEncoder();

/** Texts as the contract packs them, and as Arrow does: end to end, with where each begins, in bytes. */
function packed(texts) {
  const offsets = new Uint32Array(texts.length + 1);
  texts.forEach((text, at) => (offsets[at + 1] = offsets[at] + encoder.encode(text).length));
  return { offsets, data: texts.join("") };
}

/** A text column in Arrow's layout: packed texts, and a bitmap of those that are there. An empty cell is null. */
function column(name, cells) {
  const validity = new Uint8Array(Math.ceil(cells.length / 8));
  cells.forEach((cell, row) => {
    if (cell !== "") validity[row >> 3] |= 1 << (row & 7);
  });
  return { name, validity, values: { tag: "texts", val: packed(cells) } };
}

/** What a failed call says; jco throws a failure of the contract with the failure inside. */
function said(error) {
  return error?.payload?.val?.message ?? String(error);
}

/** Records of a mapped batch as objects. */
function records({ rows, keys, actions, payloads }) {
  const [key, payload] = [keys, payloads].map(({ offsets, data }) => {
    const bytes = encoder.encode(data);
    const decoder = new TextDecoder();
    return (at) => decoder.decode(bytes.subarray(offsets[at], offsets[at + 1]));
  });
  return Array.from(rows, (row, at) => ({ row, key: key(at), action: actions[at], payload: payload(at) }));
}

/** A body as it may be read. */
function text({ tag, val }) {
  return tag === "text" ? val : `${val.length} bytes that are not text`;
}

/** Records as a mapped batch. */
function batch(list) {
  return {
    rows: Uint32Array.from(list, ({ row }) => row),
    keys: packed(list.map(({ key }) => key)),
    actions: list.map(({ action }) => action),
    payloads: packed(list.map(({ payload }) => payload)),
  };
}

function map(config, { header, lines }) {
  const columns = header.map((name, place) => column(name, lines.map((line) => line[place])));
  const mapping = destination.mapBatch(config, columns, []);
  return { records: records(mapping.batch), refused: mapping.issues };
}

/**
 * What a sync would make of a table (`{header, lines}`) under a config (JSON text).
 *
 * `before`, the table of the last sync, is for a mirror: its difference is found as an engine finds it. Keys that are new are
 * added, keys that left are deleted, the rest is left alone.
 *
 * Answers `{issues, refused, requests, records, unchanged, removed, failure}`.
 */
export function preview(config, table, before) {
  const outcome = { issues: [], refused: [], requests: [], records: 0, unchanged: 0, removed: 0, failure: null };
  try {
    outcome.issues = destination.validateConfig(config);
    if (outcome.issues.length > 0) return outcome;
    let { records, refused } = map(config, table);
    let removals = [];
    outcome.refused = refused;
    if (before) {
      const known = new Set(map(config, before).records.map(({ key }) => key));
      // A refused row that has a key has not left.
      const present = new Set([...records, ...refused].map(({ key }) => key));
      const left = [...known].filter((key) => !present.has(key));
      outcome.unchanged = records.length;
      records = records.filter(({ key }) => !known.has(key));
      outcome.unchanged -= records.length;
      outcome.removed = left.length;
      removals = left.map((key, row) => ({ row, key, action: "delete", payload: "" }));
    }
    outcome.records = records.length + removals.length;
    // As the reference host does: who left comes last, on its own.
    const requests = [records, removals].flatMap((list) => destination.renderBatch(config, batch(list)));
    outcome.requests = requests.map(({ method, path, body }) => ({ method, path, body: text(body) }));
  } catch (error) {
    outcome.failure = said(error);
  }
  return outcome;
}

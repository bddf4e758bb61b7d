// The contract's columns and packed strings, for any plugin in JavaScript. A fault in them is thrown as the failure of the call.

export const permanent = (kind, message, more) => ({ tag: "permanent", val: { kind, message, ...more } });
export const transient = (kind, message, more) => ({ tag: "transient", val: { kind, message, ...more } });

// Packed strings as a list. Offsets count bytes of UTF-8.
export function unpack({ offsets, data }) {
  const bytes = new TextEncoder().encode(data);
  // ASCII: bytes are characters. Otherwise each piece is decoded by itself, and one that begins within a character is a fault.
  const decoder = bytes.length === data.length ? undefined : new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return Array.from({ length: Math.max(offsets.length - 1, 0) }, (_, index) => {
    const [start, end] = [offsets[index], offsets[index + 1]];
    if (start > end || end > bytes.length) throw permanent("configuration", `offset ${end} falls, or is past the end of the data`);
    if (decoder === undefined) return data.slice(start, end);
    try {
      return decoder.decode(bytes.subarray(start, end));
    } catch {
      throw permanent("configuration", `offset ${start} or ${end} is within a character`);
    }
  });
}

export function pack(texts) {
  const encoder = new TextEncoder();
  const offsets = new Uint32Array(texts.length + 1);
  texts.forEach((text, index) => (offsets[index + 1] = offsets[index] + encoder.encode(text).length));
  return { offsets, data: texts.join("") };
}

const NUMBER = /^([+-]?)0*(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)$/;
const STEPS = { second: 1n, millisecond: 1_000n, microsecond: 1_000_000n, nanosecond: 1_000_000_000n };

function dateOf(milliseconds) {
  const text = new Date(milliseconds).toISOString(); // a RangeError beyond the years that there are
  if (!/^\d{4}-/.test(text)) throw new RangeError("a year from 0000 to 9999");
  return text;
}

function timestamp(count, unit) {
  const step = STEPS[unit];
  const fraction = ((count % step) + step) % step;
  const digits = fraction === 0n ? "" : `.${String(fraction).padStart(String(step).length - 1, "0").replace(/0+$/, "")}`;
  return `${dateOf(Number((count - fraction) / step) * 1000).slice(0, 19)}${digits}Z`;
}

// How each kind of value is written as JSON. Digits are copied: no integer or decimal passes through a float.
const JSON_OF = {
  booleans: String,
  integers: String,
  floats: (value) => (Number.isFinite(value) ? (Object.is(value, -0) ? "-0.0" : String(value)) : undefined),
  decimals: (value) => value.match(NUMBER) && value.replace(NUMBER, (_, sign, digits) => (sign === "-" ? "-" : "") + digits),
  texts: JSON.stringify,
  dates: (value) => `"${dateOf(value * 86_400_000).slice(0, 10)}"`,
  timestamps: (value, { unit }) => `"${timestamp(value, unit)}"`,
  json: (value) => JSON.parse(value) !== undefined && value.trim().replaceAll(/[\r\n]/g, " "),
};

// One column: its length, and each value as JSON text. `json` throws where JSON has no such value.
function decode({ name, validity, values: { tag, val } }) {
  const values = ["decimals", "texts", "json"].includes(tag) ? unpack(val) : tag === "timestamps" ? val.counts : val;
  const length = tag === "nulls" ? val : values.length;
  if (validity.length > 0 && validity.length * 8 < length) throw permanent("configuration", `column "${name}": the validity is too short`);
  const valid = (row) => tag !== "nulls" && (validity.length === 0 || (validity[row >> 3] >> (row & 7)) & 1);
  const json = (row) => {
    if (!valid(row)) return "null";
    let text;
    try {
      text = JSON_OF[tag](values[row], val);
    } catch {
      text = undefined;
    }
    if (!text) throw { column: name, code: "invalid-value", message: `column "${name}": ${String(values[row]).slice(0, 40)} has no form in JSON` };
    return text;
  };
  // What identifies a row: a text that is not empty, or a whole number.
  const key = (row) => {
    const text = valid(row) && ["texts", "integers", "decimals"].includes(tag) ? String(values[row]) : "";
    if (text === "" || (tag === "decimals" && !/^-?\d+$/.test(text))) {
      throw { column: name, code: "invalid-key", message: `column "${name}": expected a text that is not empty, or a whole number` };
    }
    return text;
  };
  return { name, length, json, key };
}

// All columns: their `length`, `column(name)`, and `json(row)`, an object of the row.
export function table(columns) {
  const decoded = columns.map(decode);
  const rows = decoded[0]?.length ?? 0;
  const other = decoded.find(({ length }) => length !== rows);
  if (other) throw permanent("configuration", `column "${other.name}" has ${other.length} values, the first ${rows}`);
  const column = (name) => {
    const found = decoded.find((one) => one.name === name);
    if (!found) throw permanent("configuration", `the rows have no column "${name}"; they have ${decoded.map((one) => one.name).join(", ")}`);
    return found;
  };
  return { length: rows, column, json: (row) => `{${decoded.map((one) => `${JSON.stringify(one.name)}:${one.json(row)}`).join(",")}}` };
}

// A record or an issue of each row. `keyOf` and `recordOf`, which gives an action and a payload, throw what is wrong with a row.
export function mapped(rows, changes, keyOf, recordOf) {
  if (changes.length > 0 && changes.length !== rows) throw permanent("configuration", `there are ${changes.length} changes for ${rows} rows`);
  const [indices, keys, actions, payloads, issues] = [[], [], [], [], []];
  for (let row = 0; row < rows; row++) {
    let key;
    try {
      key = keyOf(row);
      const [action, payload] = recordOf(row, changes[row] ?? "added");
      indices.push(row), keys.push(key), actions.push(action), payloads.push(payload);
    } catch (issue) {
      if (!issue.code) throw issue;
      issues.push({ row, key, ...issue });
    }
  }
  return { batch: { rows: Uint32Array.from(indices), keys: pack(keys), actions, payloads: pack(payloads) }, issues };
}

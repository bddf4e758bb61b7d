// A webhook as a destination: rows go out as NDJSON, by POST, with a bearer token. A model for plugins of your own.
// It repeats nothing: after a transient failure the engine keeps the records, and a later run sends them again.
import { mapped, permanent, table } from "./columns.js";
import { deliver, lastOfEachKey, parts, send } from "./delivery.js";

const BATCH = 500;
const DEFAULTS = { key_column: "id", sync_mode: "upsert" };
const FORMS = {
  url: [/^(https:\/\/[\w.-]+|http:\/\/(localhost|127\.0\.0\.1))(:\d{1,5})?([/?](?!.*#)[!-~]*)?$/, "an address such as https://hooks.example.com/rows"],
  token: [/^[!-~]+$/, "a bearer token, without blanks"],
  key_column: [/./, "the name of a column"],
  sync_mode: [/^(upsert|mirror)$/, "upsert or mirror"],
};
const property = (title, more) => ({ type: "string", title, minLength: 1, ...more });
const SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  required: ["url", "token"],
  additionalProperties: false,
  properties: {
    url: property("URL"),
    token: property("Token"),
    key_column: property("Key column", { default: DEFAULTS.key_column }),
    sync_mode: property("Mode", { enum: ["upsert", "mirror"], default: DEFAULTS.sync_mode }),
  },
};

// The config with its defaults, and every fault at once, each with the path of its key. No fault repeats a value.
function read(text) {
  let given;
  try {
    given = JSON.parse(text);
  } catch {
    given = undefined;
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    return { faults: [{ path: "", message: 'the config is not a JSON object: expected {"url": …, "token": …}' }] };
  }
  const config = { ...DEFAULTS, ...given };
  const unknown = Object.keys(config).filter((path) => !(path in FORMS));
  const wrong = Object.keys(FORMS).filter((path) => typeof config[path] !== "string" || !FORMS[path][0].test(config[path]));
  const faults = [
    ...unknown.map((path) => ({ path, message: `"${path}" is not a known key; known are ${Object.keys(FORMS).join(", ")}` })),
    ...wrong.map((path) => ({ path, message: `is missing or not valid: expected ${FORMS[path][1]}` })),
  ];
  return { ...config, faults };
}

function valid(text) {
  const config = read(text);
  const faults = config.faults.map(({ path, message }) => `${path} ${message}`);
  if (faults.length > 0) throw permanent("configuration", `the config is not valid: ${faults.join("; ")}`);
  return config;
}

// {"action":"upsert","key":"a","row":{"id":"a","points":12}}, {"action":"delete","key":"a"}: a removed row has no payload, nor has a
// record that the engine made for a row that left a mirror.
function line({ index, key, action, payload }) {
  if (action === "add") throw permanent("configuration", `record ${index} is an add: a webhook has no members`);
  return `{"action":"${action}","key":${JSON.stringify(key)}${action === "upsert" ? `,"row":${payload}` : ""}}\n`;
}

const requests = (batch) => parts(lastOfEachKey(batch), BATCH).map((records) => ({ records, text: records.map(line).join("") }));
const origin = ({ url }) => url.match(/^https?:\/\/[^/?]+/)[0];
const path = ({ url }) => url.slice(origin({ url }).length).replace(/^(?!\/)/, "/");
const post = ({ url, token }, text) =>
  send("POST", url, { authorization: `Bearer ${token}`, "content-type": "application/x-ndjson" }, token, text);

export const destination = {
  describe: () => ({
    name: "webhook", label: "Webhook", description: "Rows as NDJSON, by POST", version: "0.1.0", fieldMapping: false,
    objectTypes: [{
      name: "rows", label: "Rows", description: "", syncModes: ["upsert", "mirror"], defaultMode: "upsert", keyField: "id", customFields: true,
      fields: [{ name: "id", label: "ID", description: "", required: true }],
    }],
    limits: { batchRecords: BATCH },
    configKeys: {
      endpoints: [{ tag: "config-key", val: "url" }], secrets: [{ configKey: "token", usedIn: "headers" }],
      target: ["url"], identity: ["key_column"],
    },
    configSchema: JSON.stringify(SCHEMA),
  }),

  validateConfig: (config) => read(config).faults,

  async checkConnection(config) {
    const known = valid(config);
    const refusal = await post(known, ""); // the request of a sync, without a row
    if (refusal !== undefined) throw permanent("refused", refusal.message);
    return { verified: [`${origin(known)} answers, and takes the token`], unverified: ["that it takes rows"] };
  },

  mapRow() {
    throw permanent("unsupported", "call map-batch with one row");
  },

  mapBatch(config, columns, changes) {
    const { key_column } = valid(config);
    const rows = table(columns);
    const key = rows.column(key_column).key;
    return mapped(rows.length, changes, key, (row, change) => (change === "removed" ? ["delete", ""] : ["upsert", rows.json(row)]));
  },

  renderBatch(config, batch) {
    const known = valid(config);
    return requests(batch).map(({ text }) => ({ method: "POST", path: path(known), body: { tag: "text", val: text } }));
  },

  sendBatch(config, batch) {
    const known = valid(config);
    return deliver(batch, requests(batch), (records) => post(known, records.map(line).join("")));
  },
};

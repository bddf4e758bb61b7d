// A webhook as a destination: rows go out as NDJSON, by POST, with a bearer token. A model for plugins of your own.
// It repeats nothing: after a transient failure the engine keeps the records, and sends them in a later run.

const KEYS = ["url", "token", "key_column", "sync_mode"];
const BATCH = 500;

const failure = (tag, kind, message, more = {}) => ({ tag, val: { kind, message, ...more } });
const permanent = (kind, message, more) => failure("permanent", kind, message, more);

// The config and all its faults at once. The token is in no message.
function read(text) {
  const issues = [];
  const issue = (path, message, hint) => issues.push({ path, message, hint });
  let config;
  try {
    config = JSON.parse(text);
  } catch {
    issue("", "the config is not valid JSON");
  }
  if (config === null || typeof config !== "object" || Array.isArray(config)) {
    if (issues.length === 0) issue("", 'the config is not a JSON object: expected {"url": …, "token": …}');
    return { issues };
  }
  for (const key of Object.keys(config)) {
    if (!KEYS.includes(key)) issue(key, `"${key}" is not a known key; known are ${KEYS.join(", ")}`);
  }
  const { url, token, key_column = "id", sync_mode = "upsert" } = config;
  if (typeof url !== "string" || !/^(https:\/\/|http:\/\/(127\.0\.0\.1|localhost)[:/])[^\s#@]+$/.test(url)) {
    issue("url", "is not an address such as https://hooks.example.com/rows");
  }
  if (typeof token !== "string" || !/^[!-~]+$/.test(token)) issue("token", "is not a bearer token: expected a text without blanks");
  if (typeof key_column !== "string" || key_column === "") issue("key_column", "is not the name of a column");
  if (!["upsert", "mirror"].includes(sync_mode)) issue("sync_mode", "is unknown: expected upsert or mirror");
  return { issues, url, token, keyColumn: key_column };
}

function valid(text) {
  const config = read(text);
  const faults = config.issues.map(({ path, message }) => `${path} ${message}`.trim());
  if (faults.length > 0) throw permanent("configuration", `the config is not valid: ${faults.join("; ")}`);
  return config;
}

// Packed strings as a list. Offsets count bytes of UTF-8.
function unpack({ offsets, data }, what) {
  const bytes = new TextEncoder().encode(data);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    return Array.from({ length: Math.max(offsets.length - 1, 0) }, (_, i) => {
      if (offsets[i] > offsets[i + 1] || offsets[i + 1] > bytes.length) throw new Error("an offset falls, or is past the end");
      return decoder.decode(bytes.subarray(offsets[i], offsets[i + 1]));
    });
  } catch (error) {
    throw permanent("configuration", `${what}: ${error.message}`);
  }
}

function pack(texts) {
  const encoder = new TextEncoder();
  const offsets = [0];
  for (const text of texts) offsets.push(offsets.at(-1) + encoder.encode(text).length);
  return { offsets: Uint32Array.from(offsets), data: texts.join("") };
}

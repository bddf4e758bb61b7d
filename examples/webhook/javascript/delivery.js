// Records out: the last of each key, in parts, halved after a refusal until the bad ones are alone. For any plugin in JavaScript.
import { permanent, transient, unpack } from "./columns.js";

// Records with their index in the batch. A later record of a key replaces the earlier ones.
export function lastOfEachKey({ keys, actions, payloads }) {
  const [names, texts] = [unpack(keys), unpack(payloads)];
  if (names.length !== actions.length || texts.length !== actions.length) throw permanent("internal", "the batch's lists differ in length");
  const last = new Map(names.map((key, index) => [key, { index, key, action: actions[index], payload: texts[index] }]));
  return [...last.values()].sort((one, other) => one.index - other.index);
}

export function parts(records, most) {
  return Array.from({ length: Math.ceil(records.length / most) }, (_, part) => records.slice(part * most, (part + 1) * most));
}

// One request, with the secret that its headers hold. Undefined: it was accepted. A refusal comes back as `{ status, message }`; whatever else happened is thrown.
export async function send(method, url, headers, secret, body) {
  const server = new URL(url).origin;
  let response, said;
  try {
    response = await fetch(url, { method, headers, body });
    said = (await response.text()).replaceAll(secret, "[secret]").replaceAll(/\s+/g, " ").slice(0, 200);
  } catch {
    throw transient("connection", `no answer from ${server}`);
  }
  const { status } = response;
  if (status >= 200 && status < 300) return undefined;
  const message = `${server} answered HTTP ${status}: ${said}`;
  if ([400, 413, 422].includes(status)) return { status, message };
  const header = response.headers.get("retry-after") ?? "";
  const wait = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  const retryAfterMs = Number.isFinite(wait) ? BigInt(Math.max(0, Math.trunc(wait))) : undefined;
  if (status === 429) throw transient("rate-limited", message, { status, retryAfterMs });
  if (status === 408 || status >= 500) throw transient("server", message, { status, retryAfterMs });
  throw permanent({ 401: "authentication", 403: "authentication", 404: "not-found" }[status] ?? "refused", message, { status });
}

// The report of a batch. `post` sends some records as one request, as `send` does.
export async function deliver(batch, requests, post) {
  const [names, outcome] = [unpack(batch.keys), new Map()];
  let made = 0;
  const settle = async (records) => {
    made += 1;
    const refusal = await post(records);
    if (refusal === undefined) records.forEach(({ key }) => outcome.set(key, "accepted"));
    else if (records.length === 1) outcome.set(records[0].key, { code: refusal.status === 413 ? "too-large" : "refused", ...refusal });
    else for (const half of [records.slice(0, records.length >> 1), records.slice(records.length >> 1)]) await settle(half);
  };
  let failure;
  try {
    for (const { records } of requests) await settle(records);
  } catch (thrown) {
    if (!thrown.tag) throw thrown;
    if (outcome.size === 0) throw thrown; // nothing is known of any record: a bare failure
    failure = thrown;
  }
  const report = { accepted: [], rejected: [], undelivered: [], failure, superseded: 0, requests: made, retries: 0 };
  names.forEach((key, index) => {
    const of = outcome.get(key);
    if (of === undefined) report.undelivered.push(index);
    else if (of !== "accepted") report.rejected.push({ recordIndex: index, code: of.code, message: of.message });
    else report.accepted.push(index);
  });
  const accepted = report.accepted.map((index) => names[index]);
  report.superseded = accepted.length - new Set(accepted).size;
  for (const list of ["accepted", "undelivered"]) report[list] = Uint32Array.from(report[list]);
  return report;
}

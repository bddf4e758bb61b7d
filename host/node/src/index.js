// The Talon.One plugin in Node, and a small engine for it: maps a batch, sends it, and says what happened to each row. What a larger one
// has (sources, a state, the rate, removals) is in the program destination-host.
import { _setArgs, _setEnv } from "@bytecodealliance/preview2-shim/cli";
import { _setPreopens } from "@bytecodealliance/preview2-shim/filesystem";

export { textColumns } from "./columns.js";

// Nothing of this process is the plugin's to see.
_setPreopens({});
_setEnv({});
_setArgs([]);
const { destination } = await import("../plugin/plugin.js");
export { destination };

export class PluginFailure extends Error {
  constructor({ tag, val }) {
    super(val?.message ?? tag);
    this.name = "PluginFailure";
    this.transient = tag === "transient";
    this.kind = val?.kind;
    this.status = val?.status;
    this.retryAfterMs = val?.retryAfterMs;
  }
}

/** Calls the plugin. jco throws a failure as the payload of an error; anything else is a crash. */
function call(run) {
  try {
    return run();
  } catch (error) {
    throw error.payload ? new PluginFailure(error.payload) : error;
  }
}

const json = (config) => (typeof config === "string" ? config : JSON.stringify(config));

export function validate(config) {
  return call(() => destination.validateConfig(json(config)));
}

export function preview(config, columns) {
  return call(() => {
    const { batch, issues } = destination.mapBatch(json(config), columns, []);
    const requests = destination.renderBatch(json(config), batch);
    return { requests: requests.map(({ method, path, body }) => ({ method, path, body: body.val })), rejected: issues };
  });
}

export function deliver(config, columns) {
  const { batch, issues } = call(() => destination.mapBatch(json(config), columns, []));
  const rows = Array.from(batch.rows);
  let report = { accepted: [], rejected: [], undelivered: [] };
  let failure;
  if (rows.length > 0) {
    try {
      report = call(() => destination.sendBatch(json(config), batch));
      failure = report.failure && new PluginFailure(report.failure);
    } catch (error) {
      if (!(error instanceof PluginFailure)) throw error;
      // Nothing was accepted.
      report.undelivered = rows.keys();
      failure = error;
    }
  }
  const rejected = report.rejected.map(({ recordIndex, message }) => ({ row: rows[recordIndex], message }));
  return {
    accepted: Array.from(report.accepted, (record) => rows[record]),
    rejected: [...issues.map(({ row, message }) => ({ row, message })), ...rejected].sort((one, other) => one.row - other.row),
    undelivered: Array.from(report.undelivered, (record) => rows[record]),
    failure,
  };
}

import type { Column, ConfigIssue } from "../plugin/interfaces/etl-destination-destination.js";

export { destination } from "../plugin/plugin.js";
export { textColumns } from "./columns.js";
export type { Column, ConfigIssue };

/** The plugin's settings, as an object or as JSON. */
export type Config = string | Record<string, unknown>;

/** A row that can't be delivered, counted from 0, and why. */
export interface Rejected {
  row: number;
  message: string;
}

/** A call of the plugin that failed. */
export class PluginFailure extends Error {
  /** Whether the same call may work later. */
  readonly transient: boolean;
  /** What went wrong, for machines: one of the contract's words. */
  readonly kind?: string;
  /** The destination's HTTP status, where there was one. */
  readonly status?: number;
  /** When to try again, in milliseconds, if the destination said so. */
  readonly retryAfterMs?: bigint;
}

/** What happened to each row: it stands in exactly one of the three lists. */
export interface Outcome {
  /** The destination confirmed these. */
  accepted: number[];
  rejected: Rejected[];
  /** Not confirmed: send them again. */
  undelivered: number[];
  /** What stopped the delivery; there if something is undelivered. */
  failure?: PluginFailure;
}

/** What is wrong with settings; an empty list if nothing is. No network. */
export function validate(config: Config): ConfigIssue[];

/** The requests for some rows, byte for byte as they would be sent. No network. @throws PluginFailure */
export function preview(config: Config, columns: Column[]): {
  requests: { method: string; path: string; body: string | Uint8Array }[];
  rejected: Rejected[];
};

/** Sends some rows, up to 1,000, and waits for the result. @throws PluginFailure where no row can be mapped: nothing was sent. */
export function deliver(config: Config, columns: Column[]): Outcome;

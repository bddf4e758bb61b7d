import type { Column } from "../plugin/interfaces/etl-destination-destination.js";

/** Rows of texts as the plugin takes them. A text that is empty, null or not there is null. */
export function textColumns(names: string[], rows: (string | null | undefined)[][]): Column[];

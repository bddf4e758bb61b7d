// A pasted text as a table. The CSV is papaparse's business; what is here are the rules that the reference host has too: the first
// line names the columns, every line has as many cells.
import Papa from "papaparse";

/** `{header, lines, delimiter, fault}`; the fault is a sentence, or null. */
export function read(text) {
  if (text.trim() === "") return { header: [], lines: [], delimiter: ",", fault: null };
  const { data, errors, meta } = Papa.parse(text.replace(/^\uFEFF/, ""), { skipEmptyLines: true });
  const [header = [], ...lines] = data;
  const wide = lines.findIndex((line) => line.length !== header.length);
  let fault = null;
  // That a single column has no delimiter is no fault.
  const error = errors.find(({ type }) => type !== "Delimiter");
  if (error) fault = `${error.message} (row ${(error.row ?? 0) + 1})`;
  else if (wide >= 0) fault = `row ${wide + 1} has ${lines[wide].length} cells: the first line names ${header.length} columns`;
  else if (new Set(header).size < header.length) {
    fault = `column "${header.find((name, at) => header.indexOf(name) < at)}" stands twice in the first line`;
  }
  return { header, lines, delimiter: meta.delimiter, fault };
}

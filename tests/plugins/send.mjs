// Sends rows with a transpiled plugin: node send.mjs FOLDER CONFIG.json ROWS.csv. Prints the report, or the failure, as JSON.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, configFile, rowsFile] = process.argv.slice(2);
const { destination } = await import(pathToFileURL(`${folder}/plugin.js`));
const config = readFileSync(configFile, "utf8");

const [header, ...lines] = readFileSync(rowsFile, "utf8").trim().split("\n").map((line) => line.split(","));
const columns = header.map((name, place) => {
  const texts = lines.map((line) => line[place]);
  const offsets = new Uint32Array(texts.length + 1);
  texts.forEach((text, row) => (offsets[row + 1] = offsets[row] + Buffer.byteLength(text)));
  return { name, validity: new Uint8Array(), values: { tag: "texts", val: { offsets, data: texts.join("") } } };
});

const plain = (_, value) => (typeof value === "bigint" ? Number(value) : ArrayBuffer.isView(value) ? [...value] : value);
try {
  const { batch } = destination.mapBatch(config, columns, []);
  console.log(JSON.stringify(destination.sendBatch(config, batch), plain));
} catch (error) {
  if (!error.payload) throw error;
  console.log(JSON.stringify({ failed: error.payload.tag, kind: error.payload.val.kind, message: error.payload.val.message }));
}

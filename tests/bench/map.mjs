// map-batch in Node, by jco: node map.mjs FOLDER, where the component was transpiled to. Prints microseconds a row.
import { pathToFileURL } from "node:url";

const { destination } = await import(pathToFileURL(process.argv[2] + "/plugin.js"));
const config = process.env.BENCH_CONFIG;
const names = ["customer_id", "email", "name", "signed_up", "tier", "value", "opted_in"];
const rows = 1000;
const customer = (n) => [
  `cust_${String(n).padStart(8, "0")}`,
  `someone.${n}@example.com`,
  `Zoë Example ${n}`,
  `20${String(n % 26).padStart(2, "0")}-${String(1 + (n % 12)).padStart(2, "0")}-${String(1 + (n % 28)).padStart(2, "0")}`,
  ["gold", "silver", "bronze"][n % 3],
  `${n % 5000}.${String(n % 100).padStart(2, "0")}`,
  n % 2 === 0 ? "yes" : "no",
];
const bytes = (text) => Buffer.byteLength(text);
const columns = names.map((name, at) => {
  const texts = Array.from({ length: rows }, (_, n) => customer(n)[at]);
  const offsets = new Uint32Array(rows + 1);
  texts.forEach((text, n) => (offsets[n + 1] = offsets[n] + bytes(text)));
  return { name, validity: new Uint8Array(), values: { tag: "texts", val: { offsets, data: texts.join("") } } };
});
const rounds = 300;
for (let n = 0; n < 50; n++) destination.mapBatch(config, columns, []);
const times = [];
for (let n = 0; n < rounds; n++) {
  const start = process.hrtime.bigint();
  const mapping = destination.mapBatch(config, columns, []);
  times.push(Number(process.hrtime.bigint() - start) / 1000 / rows);
  if (mapping.batch.rows.length !== rows) throw new Error("rows were not mapped");
}
times.sort((a, b) => a - b);
console.log(times[rounds / 2]);

// Builds the page: node build.mjs [COMPONENT]. One file, dist/playground.html, with everything inside: it works from a disk as well as
// from any server of static files. Its policy lets it run its own script and style, known by their hashes, and open no connection.
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { transpile } from "@bytecodealliance/jco";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const component = process.argv[2] ?? here("../../target/component/talon-one-destination.wasm");

const { files } = await transpile(await readFile(component), { name: "plugin", base64Cutoff: 10_000_000 });
for (const [name, content] of Object.entries(files)) {
  await mkdir(here(`plugin/${name}`.replace(/[^/]*$/, "")), { recursive: true });
  await writeFile(here(`plugin/${name}`), content);
}

async function bundle(entry, more) {
  const { outputFiles } = await build({ entryPoints: [here(entry)], bundle: true, minify: true, write: false, legalComments: "none", ...more });
  // What would end the element that the text stands in.
  return outputFiles[0].text.trim().replaceAll("</script", "<\\/script");
}

const script = await bundle("src/main.jsx", {
  format: "esm", target: "es2022", jsx: "automatic", jsxImportSource: "preact", loader: { ".csv": "text", ".toml": "text" },
});
const style = await bundle("src/style.css", {});
const source = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const parts = { script, style, "script-source": source(script), "style-source": source(style) };
const page = (await readFile(here("page.html"), "utf8")).replace(/\{\{([a-z-]+)\}\}/g, (_, name) => parts[name]);
await mkdir(here("dist"), { recursive: true });
await writeFile(here("dist/playground.html"), page);
console.log(`${here("dist/playground.html")}: ${Math.round(Buffer.byteLength(page) / 1000)} kB`);

// Transpiles the component into plugin/, with its types: node build.mjs [COMPONENT]. One that asks for more than a plugin is granted
// is refused.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { componentWit, transpile } from "@bytecodealliance/jco";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const component = process.argv[2] ?? here("../../target/component/talon-one-destination.wasm");
const bytes = await readFile(component);

// HTTP, streams and clocks a plugin gets; of the rest of WASI 0.2 it finds nothing, once src/index.js has emptied that.
const granted = /^wasi:(io|clocks|cli|filesystem|random|sockets|http\/(types|outgoing-handler))\b.*@0\.2\./;
const imports = Array.from((await componentWit(bytes)).matchAll(/^ {2}import ([^;]+);/gm), ([, name]) => name);
const refused = imports.filter((name) => !granted.test(name));
if (refused.length > 0) {
  console.error(`${component} imports what no plugin is granted: ${refused.join(", ")}`);
  process.exit(2);
}

await rm(here("plugin"), { recursive: true, force: true });
const { files } = await transpile(bytes, { name: "plugin" });
for (const [name, content] of Object.entries(files)) {
  await mkdir(dirname(here(`plugin/${name}`)), { recursive: true });
  await writeFile(here(`plugin/${name}`), content);
}

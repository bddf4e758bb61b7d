// Makes a component of the plugin: node build.mjs WEBHOOK.wasm
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { componentize } from "@bytecodealliance/componentize-js";

const { component } = await componentize({
  sourcePath: fileURLToPath(new URL("webhook.js", import.meta.url)),
  witPath: fileURLToPath(new URL("../../../wit", import.meta.url)),
  worldName: "destination-plugin",
  // A plugin has no use for them. What the runtime imports all the same, engines link with nothing behind it.
  disableFeatures: ["random", "fetch-event"],
});
await writeFile(process.argv[2], component);

#!/usr/bin/env node
// Starts the program destination-host, which npm installs for the platform as a package of its own.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { constants } from "node:os";

const name = `talon-one-destination-${process.platform}-${process.arch}`;
let program;
try {
  program = createRequire(import.meta.url).resolve(`${name}/destination-host${process.platform === "win32" ? ".exe" : ""}`);
} catch {
  console.error(`error: the package ${name} is missing: it is installed beside this one, unless npm omits optional packages or there is none for this platform`);
  process.exit(2);
}

const child = spawn(program, process.argv.slice(2), { stdio: "inherit" });
// A terminal sends Ctrl-C to both. Once more from here would be the second signal, which ends the program at once.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(`error: ${program} can't be started: ${error.message}`);
  process.exit(2);
});
child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));

// Lays out npm's packages, each a folder: node npm.mjs BINARY VERSION OUT. One has the component, its types and the small engine of
// host/node; the other has the host for this platform, which npm installs where `os` and `cpu` fit.
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

const [binary, version, out] = process.argv.slice(2);
const source = new URL("../node/", import.meta.url);
const license = new URL("../../LICENSE", import.meta.url);

// What a release is built for, as Node names platforms.
const PLATFORMS = ["linux-x64"];
const here = `${process.platform}-${process.arch}`;
if (!PLATFORMS.includes(here)) throw new Error(`${here} is not among the platforms of npm.mjs: ${PLATFORMS.join(", ")}`);

const { scripts, devDependencies, ...about } = JSON.parse(readFileSync(new URL("package.json", source), "utf8"));
if (about.version !== version) throw new Error(`host/node/package.json has version ${about.version}, and Cargo.toml ${version}`);
const platform = `${about.name}-${here}`;
about.optionalDependencies = Object.fromEntries(PLATFORMS.map((name) => [`${about.name}-${name}`, version]));

function lay(name, manifest) {
  const folder = `${out}/${name}`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
  cpSync(license, `${folder}/LICENSE`);
  return folder;
}

const main = lay(about.name, about);
for (const name of [...about.files, "README.md"]) cpSync(new URL(name, source), `${main}/${name}`, { recursive: true });

const program = process.platform === "win32" ? "destination-host.exe" : "destination-host";
const { license: terms } = about;
const folder = lay(platform, {
  name: platform, version, license: terms, private: true, description: `The program destination-host for ${process.platform} on ${process.arch}`,
  os: [process.platform], cpu: [process.arch], files: [program],
});
cpSync(binary, `${folder}/${program}`);
chmodSync(`${folder}/${program}`, 0o755);

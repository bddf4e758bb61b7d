"""What `make dist` made, installed and run as users do. Run by run.sh. Prints how large each package is and how long each way took, from the
command that installs to the end of the demo."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import unittest
import zlib
from pathlib import Path

import npm_index
import oci

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ROOT / "target" / "packages"
WORK = ROOT / "target" / "packages-test"
KEY = WORK / "minisign.key"
COMPONENT = PACKAGES / "talon-one-destination.wasm"
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
TOOLS = ROOT / "target" / "tools" / "bin"
VENV = Path(sys.executable).parent
MOST_SECONDS = 60
TOOK = []


def package(pattern):
    (path,) = PACKAGES.glob(pattern)
    return path


def clean_path(folder):
    """All programs of this system, but for compilers and Rust: a folder of links."""
    folder.mkdir()
    for place in ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin", str(Path(shutil.which("node")).parent)):
        for program in Path(place).glob("*"):
            name = program.name
            compiler = name in ("cc", "c++", "ld", "as") or name.endswith(("gcc", "g++", "clang"))
            if not compiler and not name.startswith(("cargo", "rust", "gcc", "g++", "destination-host")) and not (folder / name).exists():
                (folder / name).symlink_to(program)
    return str(folder)


class Clean(unittest.TestCase):
    """Commands in a clean folder, with nothing of this checkout in reach."""

    @classmethod
    def setUpClass(cls):
        cls.top = Path(tempfile.mkdtemp(prefix="packages-"))
        path = clean_path(cls.top / "bin")
        # Of the environment only what says how registries are reached, and nothing of this checkout.
        kept = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy") or name.startswith(("PIP_", "npm_", "SSL_"))}
        cls.env = kept | {"PATH": path, "HOME": str(cls.top / "home"), "LANG": "C.UTF-8"}
        (cls.top / "home").mkdir()
        assert not any(shutil.which(program, path=path) for program in ("cargo", "rustc", "cc", "destination-host"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.top)

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(dir=self.top))

    def run_clean(self, *command, code=0, **more):
        env = self.env | more.pop("env", {})
        command = [str(part) for part in command]
        done = subprocess.run(command, cwd=self.folder, env=env, text=True, capture_output=True, **more)
        self.assertEqual(done.returncode, code, f"{command}\n{done.stdout}\n{done.stderr}")
        return done

    def demo(self, way, install, *host):
        """Installs, runs the demo, and says how long it took."""
        began = time.monotonic()
        for command in install:
            self.run_clean(*command)
        installed = time.monotonic()
        shown = self.run_clean(*host, "demo").stdout
        ended = time.monotonic()
        self.assertIn("all delivered", shown)
        TOOK.append((way, installed - began, ended - installed))
        self.assertLess(ended - began, MOST_SECONDS)

    def unpacked(self):
        """The host of the archive."""
        archive = package(f"destination-host-{VERSION}-*.tar.gz")
        self.run_clean("tar", "-xzf", archive)
        return self.folder / archive.name.removesuffix(".tar.gz") / "destination-host"


class Packages(Clean):
    def test_pip_installs_the_host(self):
        bin_folder = self.folder / "venv" / "bin"
        install = [bin_folder / "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--find-links", PACKAGES]
        self.run_clean("python3", "-m", "venv", "venv")
        self.demo("pip install destination-host", [[*install, "destination-host"]], bin_folder / "destination-host")

    def test_uvx_runs_the_host(self):
        uvx = [VENV / "uvx", "--offline", "--no-index", "--find-links", PACKAGES, "destination-host"]
        self.demo("uvx destination-host", [], *uvx)

    def test_pip_installs_the_package_for_python_beside_it(self):
        wheels, bin_folder = WORK / "wheels", self.folder / "venv" / "bin"
        subprocess.run([VENV / "pip", "download", "--quiet", "--dest", wheels, "wasmtime~=50.0", "--find-links", wheels], check=True)
        self.run_clean("python3", "-m", "venv", "venv")
        index = ["--no-index", "--find-links", PACKAGES, "--find-links", wheels]
        self.run_clean(bin_folder / "pip", "install", "--quiet", *index, "destination-host", "destination-host-python")
        program = (
            "import sys; from destination_host import Plugin; from destination_host.plugin import text_column\n"
            "plugin = Plugin(sys.argv[1])\n"
            'config = \'{"deployment_url": "https://yourcompany.talon.one", "api_key": "0123456789abcdef", "object_type": "customer_profiles"}\'\n'
            'print(plugin.call("map-batch", config, [text_column("integration_id", ["007"])], []).batch.keys.data)'
        )
        self.assertEqual(self.run_clean(bin_folder / "python", "-c", program, COMPONENT).stdout, "007\n")
        self.run_clean(bin_folder / "destination-host", "--version")

    def npm_install(self):
        """Our archives and those of other people's that they need, in an index on this machine."""
        archives = WORK / "npm"
        archives.mkdir(exist_ok=True)
        needed = json.loads((ROOT / "host/node/package.json").read_text())["dependencies"]
        (archives / "package.json").write_text(json.dumps({"private": True, "dependencies": needed}))
        npm = ["npm", "--silent", "--no-audit", "--no-fund"]
        subprocess.run([*npm, "install", "--package-lock-only"], cwd=archives, check=True)
        for place, entry in json.loads((archives / "package-lock.json").read_text())["packages"].items():
            name = place.removeprefix("node_modules/")
            here = sys.platform in entry.get("os", [sys.platform]) and "x64" in entry.get("cpu", ["x64"])
            if name and here and not (archives / f"{name.removeprefix('@').replace('/', '-')}-{entry['version']}.tgz").exists():
                subprocess.run([*npm, "pack", f"{name}@{entry['version']}"], cwd=archives, check=True, stdout=subprocess.DEVNULL)
        for archive in PACKAGES.glob("*.tgz"):
            shutil.copy(archive, archives)
        index = npm_index.serve(archives)
        self.addCleanup(index.shutdown)
        (self.folder / "package.json").write_text('{"private": true, "type": "module"}')
        return ["npm", "install", "--silent", "--no-audit", "--no-fund", "--registry", index.url, "talon-one-destination"]

    def test_npm_installs_the_host(self):
        self.demo("npm install talon-one-destination", [self.npm_install()], "npx", "destination-host")

    def test_npm_installs_the_plugin_with_its_types(self):
        self.run_clean(*self.npm_install())
        (self.folder / "program.ts").write_text(
            'import { deliver, destination, preview, textColumns, validate, PluginFailure, type Outcome } from "talon-one-destination";\n'
            'const config = { deployment_url: process.env.TALON_ONE_URL, api_key: "demo-key", object_type: "customer_profiles" };\n'
            'const columns = textColumns(["integration_id", "name"], [["cust_1", "Ada"], ["", "Grace"], ["cust_3", null]]);\n'
            "const issues: string[] = validate(config).map(({ path, message }) => `${path}: ${message}`);\n"
            "if (issues.length > 0) throw new Error(issues.join());\n"
            "const { requests } = preview(config, columns);\n"
            "const outcome: Outcome = deliver(config, columns);\n"
            "const failure: PluginFailure | undefined = outcome.failure;\n"
            "const version: string = destination.describe().version;\n"
            "console.log(JSON.stringify([requests.length, outcome, failure?.status, version]));\n"
        )
        tsc = WORK / "node" / "node_modules" / ".bin" / "tsc"
        types = ["--typeRoots", WORK / "node" / "node_modules" / "@types", "--types", "node"]
        self.run_clean(tsc, "--strict", "--module", "nodenext", "--target", "es2022", *types, "program.ts")
        host = self.folder / "node_modules" / ".bin" / "destination-host"
        fake = subprocess.Popen([host, "fake"], env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(fake.communicate)
        self.addCleanup(fake.terminate)
        url = fake.stdout.readline().strip()
        shown = json.loads(self.run_clean("node", "program.js", env={"TALON_ONE_URL": url}).stdout)
        message = shown[1]["rejected"][0].pop("message")
        self.assertIn("integration_id", message)
        self.assertEqual(shown, [1, {"accepted": [0, 2], "rejected": [{"row": 1}], "undelivered": []}, None, VERSION])

    def test_the_archive_has_all_there_is(self):
        archive = package(f"destination-host-{VERSION}-*.tar.gz")
        host = self.folder / archive.name.removesuffix(".tar.gz") / "destination-host"
        self.demo("tar -x destination-host-….tar.gz", [["tar", "-xzf", archive]], host)
        self.assertIn("SYNC", self.run_clean("man", "--warnings", "-l", host.with_name("destination-host.1"), env={"MANWIDTH": "100"}).stdout)
        self.run_clean("bash", "-n", host.parent / "completions" / "destination-host.bash")
        self.assertEqual(len(list((host.parent / "completions").iterdir())), 5)

    def test_debian_installs_the_host(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        self.addCleanup(subprocess.run, ["dpkg", "--purge", "destination-host"], check=True, stdout=subprocess.DEVNULL)
        install = ["apt-get", "install", "--yes", "-qq", "--no-install-recommends", package("*.deb")]
        self.demo("apt-get install ./destination-host_….deb", [install], "/usr/bin/destination-host")
        self.run_clean("man", "--where", "destination-host")
        self.assertTrue(Path("/usr/share/bash-completion/completions/destination-host").exists())

    def test_the_image_runs_with_no_shell_and_not_as_root(self):
        """The base is made here of what the distroless one is: Debian's C library, and nothing else."""
        if os.geteuid() != 0:
            self.skipTest("needs root")
        buildah = ["buildah", "--root", self.folder / "images", "--runroot", self.folder / "running", "--storage-driver", "vfs"]
        base = self.folder / "base"
        (base / "home" / "nonroot").mkdir(parents=True)
        (base / "tmp").mkdir()
        (base / "tmp").chmod(0o1777)
        self.run_clean("apt-get", "download", "-qq", "libc6", "libgcc-s1")
        for archive in self.folder.glob("*.deb"):
            self.run_clean("dpkg-deb", "--extract", archive, base)
        shutil.chown(base / "home" / "nonroot", 65532, 65532)
        container = self.run_clean(*buildah, "from", "scratch").stdout.strip()
        self.run_clean(*buildah, "copy", "--quiet", container, base, "/")
        self.run_clean(*buildah, "config", "--user", "65532:65532", container)
        self.run_clean(*buildah, "commit", "--quiet", container, "base")
        image = ["build", "--isolation", "chroot", "--quiet", "--build-arg", "BASE=localhost/base", "--tag", "destination-host"]
        self.run_clean(*buildah, *image, "--file", ROOT / "host" / "dist" / "Dockerfile", self.unpacked().parent)
        container = self.run_clean(*buildah, "from", "localhost/destination-host").stdout.strip()
        run = [*buildah, "run", "--isolation", "chroot", container, "--"]
        self.assertIn("all delivered", self.run_clean(*run, "/usr/local/bin/destination-host", "demo").stdout)

    def test_cargo_installs_the_packaged_crate(self):
        """The whole is compiled, from the crate alone. What is proven is that it is complete, so nothing is optimised."""
        for crate in PACKAGES.glob("*.crate"):
            with tarfile.open(crate) as archive:
                archive.extractall(self.folder, filter="data")
        options = ["--config", "profile.dev.debug=false"]
        for name in ("destination-engine", "fake-talon-one"):
            options += ["--config", f'patch.crates-io.{name}.path="{self.folder}/{name}-{VERSION}"']
        began = time.monotonic()
        command = ["cargo", "install", "--quiet", "--locked", "--offline", "--debug", "--target-dir", ROOT / "target/packages-test/crate", *options]
        command += ["--path", self.folder / f"destination-host-{VERSION}", "--root", self.folder / "root"]
        subprocess.run(command, check=True)
        TOOK.append(("cargo install (from its crate, not optimised)", time.monotonic() - began, 0))
        host = self.folder / "root" / "bin" / "destination-host"
        self.assertIn("all delivered", self.run_clean(host, "demo").stdout)
        built = self.run_clean(self.unpacked(), "--version").stdout
        self.assertEqual(self.run_clean(host, "--version").stdout, built)

    def test_the_host_says_what_it_was_built_from(self):
        host = self.unpacked()
        digest = oci.digest(COMPONENT.read_bytes())
        described, version = self.run_clean(host, "describe").stdout, self.run_clean(host, "--version").stdout
        commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, check=True, text=True, capture_output=True).stdout.strip()
        for text in (described, version):
            self.assertIn(digest, text)
            self.assertIn(f"{VERSION} (commit {commit}", text)

    def test_what_it_is_built_on_is_listed(self):
        locked = {entry["name"]: entry["version"] for entry in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]}
        bill = json.loads(package("*.cdx.json").read_text())
        self.assertEqual(bill["bomFormat"], "CycloneDX")
        self.assertNotIn(str(ROOT), json.dumps(bill))
        audited = json.loads(zlib.decompress(section(self.unpacked(), b".dep-v0")))["packages"]
        for found in ({entry["name"]: entry["version"] for entry in bill["components"]}, {entry["name"]: entry["version"] for entry in audited}):
            self.assertGreater(len(found), 200)
            for name in ("wasmtime", "rustls", "reqwest"):
                self.assertEqual(found[name], locked[name])

    def test_every_file_is_signed_and_an_altered_one_is_refused(self):
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=PACKAGES, check=True)
        files = [path for path in PACKAGES.iterdir() if path.suffix != ".minisig"]
        self.assertEqual(len(files), 13, files)
        for path in files:
            self.run_clean("minisign", "-V", "-q", "-m", path, "-p", f"{KEY}.pub")
        altered = bytearray(COMPONENT.read_bytes())
        altered[1000] ^= 1
        (self.folder / "altered.wasm").write_bytes(altered)
        verify = ["minisign", "-V", "-m", "altered.wasm", "-x", f"{COMPONENT}.minisig", "-p", f"{KEY}.pub"]
        self.assertIn("Signature verification failed", self.run_clean(*verify, code=1).stderr)


class FromARegistry(Clean):
    """The component, pushed by tools that others wrote."""

    NAME = "destinations/talon-one"

    def setUp(self):
        super().setUp()
        self.host = self.unpacked()
        self.registry = oci.Registry(self.folder / "registry")
        self.addCleanup(self.registry.stop)
        key = Path(f"{KEY}.pub").read_text().splitlines()[1]
        policy = f'[[component]]\nname = "{self.registry.host}/destinations/*"\nkeys = ["{key}"]\n'
        (self.folder / "policy.toml").write_text(policy)

    def push_by_wkg(self):
        reference = f"{self.registry.host}/{self.NAME}:{VERSION}"
        env = os.environ | {"WKG_OCI_INSECURE": self.registry.host}
        subprocess.run([TOOLS / "wkg", "oci", "push", reference, COMPONENT], check=True, env=env, stdout=subprocess.DEVNULL)

    def push_by_oras(self):
        (self.folder / "config.json").write_text(json.dumps({"architecture": "wasm", "os": "wasip2", "layerDigests": []}))
        shutil.copy(COMPONENT, self.folder / "plugin.wasm")
        program = (
            "import sys, oras.client\n"
            "client = oras.client.OrasClient(insecure=True)\n"
            "client.push(target=sys.argv[1], files=['plugin.wasm:application/wasm'], "
            "manifest_config='config.json:application/vnd.wasm.config.v0+json')\n"
        )
        reference = f"{self.registry.host}/{self.NAME}:{VERSION}"
        subprocess.run([sys.executable, "-c", program, reference], cwd=self.folder, check=True, capture_output=True)

    def describe(self, version, *more, code=0):
        reference = f"oci://{self.registry.host}/{self.NAME}{version}"
        return self.run_clean(self.host, "describe", "--component", reference, *more, code=code, env={"XDG_CACHE_HOME": str(self.folder / "cache")})

    def pinned(self):
        return "@" + oci.digest(self.registry.manifest(self.NAME, VERSION))

    def pulled(self):
        described = self.describe(self.pinned())
        self.assertIn(f"component: {oci.digest(COMPONENT.read_bytes())}\n", described.stdout)
        self.assertEqual(described.stderr, "")

    def test_pushed_by_wkg_pulled_and_run(self):
        self.push_by_wkg()
        self.pulled()

    def test_pushed_by_oras_pulled_and_run(self):
        self.push_by_oras()
        self.pulled()

    def test_signatures_digests_and_tags(self):
        self.push_by_oras()
        policy = ("--signature-policy", "policy.toml")
        self.assertIn("it is not signed", self.describe(self.pinned(), *policy, code=1).stderr)
        signature = Path(f"{COMPONENT}.minisig").read_bytes()
        self.registry.attach_signature(self.NAME, VERSION, signature)
        self.assertIn(", signed by the key ", self.describe(self.pinned(), *policy).stdout)
        tagged = self.describe(f":{VERSION}", *policy)
        self.assertIn(f"--component oci://{self.registry.host}/{self.NAME}{self.pinned()}", tagged.stderr)

    def test_a_flipped_byte_and_a_wrong_signature_are_refused(self):
        self.push_by_oras()
        other = Path(f"{package('*.cdx.json')}.minisig").read_bytes()
        self.registry.attach_signature(self.NAME, VERSION, other)
        refused = self.describe(self.pinned(), "--signature-policy", "policy.toml", code=1).stderr
        self.assertRegex(refused, "its signature by the key [0-9A-F]{16} is wrong")
        blob = self.registry.blob_file(oci.digest(COMPONENT.read_bytes()))
        flipped = bytearray(blob.read_bytes())
        flipped[1000] ^= 1
        blob.write_bytes(flipped)
        refused = self.describe(self.pinned(), code=1).stderr
        self.assertIn(f"oci://{self.registry.host}/{self.NAME}{self.pinned()}: the registry sent other bytes for the component", refused)

    def test_without_the_registry_what_was_pulled_still_runs(self):
        self.push_by_oras()
        pinned = self.pinned()
        self.pulled()
        self.registry.stop()
        self.describe(pinned)
        self.assertIn("connection was refused", self.describe(f":{VERSION}", code=1).stderr)


def section(program, name):
    """A section of an ELF file (64 bits, least significant byte first): https://refspecs.linuxfoundation.org/elf/elf.pdf."""
    content = program.read_bytes()

    def number(at, size):
        return int.from_bytes(content[at : at + size], "little")

    headers, size, count, names = number(0x28, 8), number(0x3A, 2), number(0x3C, 2), number(0x3E, 2)
    texts = number(headers + names * size + 0x18, 8)
    for at in range(headers, headers + count * size, size):
        start = texts + number(at, 4)
        if content[start : content.index(0, start)] == name:
            offset, length = number(at + 0x18, 8), number(at + 0x20, 8)
            return content[offset : offset + length]
    raise AssertionError(f"no section {name}")


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=2).result
    print("\n| file | bytes |\n| --- | ---: |")
    for path in sorted(PACKAGES.iterdir()):
        if path.suffix != ".minisig":
            print(f"| {path.name} | {path.stat().st_size:,} |")
    print("\n| installed by | seconds | demo, seconds |\n| --- | ---: | ---: |")
    for way, install, demo in TOOK:
        print(f"| {way} | {install:.1f} | {demo:.1f} |")
    sys.exit(0 if result.wasSuccessful() else 1)

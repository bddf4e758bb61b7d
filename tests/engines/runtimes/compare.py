"""The same component in engines that others wrote, against the same vectors. Run by run.sh, which installs them.

Runs every vector (with wasmtime's command line every fourth row that maps: each call starts the process again), and the examples in
examples/node and examples/python. Prints a table; ends with 1 if anything differs.
"""

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import wasmtime_cli
from wasmtime import wat2wasm

from fake import Fake

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
WORK = ROOT / "target" / "runtimes"
COMPONENT = ROOT / "target" / "component" / "talon-one-destination.wasm"
EXAMPLES = ROOT / "examples"
NODE = WORK / "examples" / "node"
PACKAGE = WORK / "host" / "node"
"""The example for Node and the package that it is built on, copied and built as their READMEs say."""
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
"""Where `cargo test` puts the host and the embedding in Rust."""


def say(text):
    print(f"runtimes: {text}", file=sys.stderr, flush=True)


def run(command, **more):
    return subprocess.run([str(part) for part in command], check=True, text=True, stdout=subprocess.PIPE, **more).stdout


def vectors(name):
    return json.loads((ROOT / "tests" / "vectors" / f"{name}.json").read_text(encoding="utf-8"))


def wave(text):
    """A text as the command line takes and prints it."""
    escaped = "".join({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(c, c) for c in text)
    return f'"{escaped}"'


def command_line():
    """wasmtime's command line: calls as text, answers as text."""
    wasmtime = Path(wasmtime_cli.__path__[0]) / "wasmtime"
    wasmtime.chmod(0o755)
    agreed, wrong = 0, []
    mapped = [vector for vector in vectors("rows") if "key" in vector["outcome"] and "float" not in vector["name"]]
    for vector in mapped[::4]:
        cells = []
        for cell in vector["values"]:
            ((kind, value),) = cell.items()
            texts = kind in ("decimal", "text", "date", "timestamp", "json")
            cells.append("null" if kind == "null" else f"{kind}({wave(value) if texts else str(value).lower()})")
        columns = ", ".join(wave(name) for name in vector["columns"])
        config = wave(json.dumps(vector["config"], ensure_ascii=False))
        call = f"map-row({config}, [{columns}], {{change: {vector['change']}, values: [{', '.join(cells)}]}})"
        answer = run([wasmtime, "run", "-S", "http", "--invoke", call, COMPONENT]).strip()
        outcome = vector["outcome"]
        expected = f"ok({{key: {wave(outcome['key'])}, action: {outcome['action']}, payload: {wave(outcome['payload'])}}})"
        if answer == expected:
            agreed += 1
        else:
            wrong.append({"name": vector["name"], "expected": expected, "outcome": answer})
    return {"agreed": agreed, "wrong": wrong}, run([wasmtime, "--version"]).split()[1]


def examples():
    """Both embeddings print the same requests for the same rows."""
    config, rows = WORK / "config.json", WORK / "rows.csv"
    mappings = [{"source": "id", "destination": "integration_id"}, {"source": "points", "destination": "points", "type": "number"}]
    settings = {"deployment_url": "https://yourcompany.talon.one", "api_key": "0123456789abcdef", "object_type": "customer_profiles"}
    config.write_text(json.dumps(settings | {"mappings": mappings}))
    rows.write_text('id,points\n007,1.10\n"a ""b""",\n9,many\nZoë,9007199254740993\n', encoding="utf-8")
    commands = {
        "Python": [sys.executable, EXAMPLES / "python" / "preview.py", COMPONENT, config, rows],
        "Node": ["node", NODE / "preview.mjs", config, rows],
    }
    expected = (
        "PUT /v2/customer_profiles?silent=yes\n"
        '{"customerProfiles":[{"integrationId":"007","attributes":{"points":1.10}},{"integrationId":"a \\"b\\"","attributes":{}},'
        '{"integrationId":"Zoë","attributes":{"points":9007199254740993}}]}\n'
    )
    for name, command in commands.items():
        done = subprocess.run([str(part) for part in command], check=True, text=True, capture_output=True)
        if done.stdout != expected or "row 3 is rejected" not in done.stderr:
            sys.exit(f"the example in {name} printed\n{done.stdout}{done.stderr}\ninstead of\n{expected}")


def deliveries(fake):
    """Both whole engines deliver the READMEs' rows to the fake, say which is rejected, and say what went wrong where the key is."""
    more = WORK / "more.wasm"
    more.write_bytes(wat2wasm('(component (import "a:b/c@1.0.0" (instance)))'))
    for name, folder, command, refusing in (
        ("Python", EXAMPLES / "python", [sys.executable, EXAMPLES / "python" / "deliver.py", COMPONENT], None),
        ("Node", EXAMPLES / "node", ["node", NODE / "deliver.mjs"], ["node", PACKAGE / "build.mjs", more]),
    ):
        for key, code, said in (("demo-key", 3, "2 of 3 rows delivered\n"), ("another-key-than-that", 1, "nothing was delivered: ")):
            fake.post("reset")
            config = WORK / "deliver.json"
            config.write_text(json.dumps(json.loads((folder / "config.json").read_text()) | {"deployment_url": fake.url, "api_key": key}))
            arguments = [*command, config, folder / "rows.csv"]
            done = subprocess.run([str(part) for part in arguments], text=True, capture_output=True)
            rejected = "row 3 is rejected" in done.stderr
            if done.returncode != code or said not in done.stdout + done.stderr or rejected != (code == 3) or key in done.stdout + done.stderr:
                sys.exit(f"deliver in {name} ended with {done.returncode} and said\n{done.stdout}{done.stderr}")
        arguments = refusing or [*command[:-1], more, config, folder / "rows.csv"]
        done = subprocess.run([str(part) for part in arguments], text=True, capture_output=True)
        if done.returncode != 2 or "imports what no plugin is granted: a:b/c@1.0.0" not in done.stderr:
            sys.exit(f"deliver in {name} ended with {done.returncode} and said\n{done.stdout}{done.stderr}")


def embedding(url):
    """The embedding in Rust, against the fake."""
    said = run([BUILT / "examples" / "embed", url, "demo-key"])
    if said != "2 delivered in 1 request\n":
        sys.exit(f"the example in Rust printed\n{said}")


def main():
    found = []
    say("the reference host")
    # As `make test` builds it: for one package alone, features would differ and everything would be built again.
    tests = ["cargo", "test", "--quiet", "--locked", "--workspace", "--test", "e2e", "vectors::"]
    subprocess.run(tests, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    everything = sum(len(vectors(name)) for name in ("configs", "rows", "deliveries", "extensions"))
    found.append(("reference host (wasmtime, Rust)", "this commit", {"agreed": everything, "wrong": []}))
    fake = Fake()
    try:
        say("Python")
        version = importlib.metadata.version("wasmtime")
        found.append(("Python, wasmtime", version, json.loads(run([sys.executable, HERE / "vectors.py", COMPONENT, fake.url]))))
        say("Node")
        version = json.loads((PACKAGE / "node_modules/@bytecodealliance/jco/package.json").read_text())["version"]
        found.append(("Node, jco", version, json.loads(run(["node", HERE / "vectors.mjs", PACKAGE / "plugin", fake.url]))))
        embedding(fake.url)
        deliveries(fake)
    finally:
        fake.stop()
    say("wasmtime's command line")
    result, version = command_line()
    found.append(("wasmtime run --invoke", version, result))
    examples()

    print(f"\n| engine | version | vectors that agree, of {everything} |\n| --- | --- | ---: |")
    for name, version, result in found:
        of = result["agreed"] + len(result["wrong"])
        print(f"| {name} | {version} | {result['agreed']}{'' if of == everything else f' of the {of} that it ran'} |")
    wrong = [(name, vector) for name, _, result in found for vector in result["wrong"]]
    for name, vector in wrong[:20]:
        print(f"\n{name}: {vector['name']}\n  expected {vector['expected']}\n  came out {vector['outcome']}")
    sys.exit(1 if wrong else 0)


main()

"""Every comparison side by side in one run, as one table: `make bench`. Absolute numbers are the machine's; the ratios hold.

Runs are interleaved and medians are told, so that a machine that gets slower in between does not favour anyone. What another
language needs is installed under target/.

    ROWS=1000000 ROUNDS=3    rows of a run, and runs of each contender
    SCALE=1                  1, 3 and 10 million rows, and change detection, too: minutes and some gigabytes
"""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "bench"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
DIST = TARGET / "dist"
COMPONENT = ROOT / "target" / "component" / "talon-one-destination.wasm"
ROWS = int(os.environ.get("ROWS", 1_000_000))
ROUNDS = int(os.environ.get("ROUNDS", 3))
SCALE = os.environ.get("SCALE") == "1"
HEADER = "customer_id,email,name,signed_up,tier,value,opted_in\n"
results = {"machine": {"cores": os.cpu_count()}, "rows": ROWS, "rounds": ROUNDS}


def say(text):
    print(text, file=sys.stderr, flush=True)


def customer(n):
    tier = ("gold", "silver", "bronze")[n % 3]
    opted = "yes" if n % 2 == 0 else "no"
    return (
        f"cust_{n:08},someone.{n}@example.com,Zoë Example {n},20{n % 26:02}-{1 + n % 12:02}-{1 + n % 28:02},"
        f"{tier},{n % 5000}.{n % 100:02},{opted}\n"
    )


def customers(rows):
    path = WORK / f"customers-{rows}.csv"
    if not path.exists():
        part = path.with_suffix(".part")
        with open(part, "w", encoding="utf-8") as file:
            file.write(HEADER)
            for start in range(0, rows, 10_000):
                file.write("".join(customer(n) for n in range(start, min(rows, start + 10_000))))
        part.rename(path)
    return path


def measured(command, **more):
    """Seconds, CPU seconds and MiB of a command, the operating system's own account."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **more)
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - start
    if child.returncode != 0:
        sys.exit(f"{command[0]} ended with {child.returncode}:\n{said.decode()[-2000:]}")
    return {"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "mib": usage.ru_maxrss / 1024}


class Sink:
    """The server in front, which is not what is measured."""

    def __enter__(self):
        self.process = subprocess.Popen([DIST / "sink"], stdout=subprocess.PIPE)
        self.url = self.process.stdout.readline().decode().strip()
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def stats(self):
        with urllib.request.urlopen(self.url) as answer:
            return json.load(answer)


MAPPINGS = [
    ("customer_id", "integration_id", None),
    ("email", "email", None),
    ("name", "name", None),
    ("signed_up", "signup_date", "time"),
    ("tier", "tier", None),
    ("value", "lifetime_value", "number"),
    ("opted_in", "marketing_opt_in", "boolean"),
]


def sync_file(name, csv, url):
    mappings = "".join(
        f'[[destination.mappings]]\nsource = "{source}"\ndestination = "{destination}"\n' + (f'type = "{kind}"\n' if kind else "")
        for source, destination, kind in MAPPINGS
    )
    path = WORK / f"{name}.toml"
    path.write_text(
        f'name = "{name}"\n[destination]\ndeployment_url = "{url}"\napi_key = "bench"\nobject_type = "customer_profiles"\n{mappings}'
        f'[source]\ntype = "csv"\npath = "{csv}"\n'
        '[limits]\nrequests_per_second = "unlimited"\nrequests_per_minute = "unlimited"\n',
        encoding="utf-8",
    )
    return path


def javascript():
    folder = WORK / "node"
    packages = ["talon_one@4.3.0", "csv-parse@6", "@bytecodealliance/jco@1.35", "@bytecodealliance/preview2-shim@0.26"]
    if not (folder / "done").exists():
        say("bench: installing the JavaScript SDK and jco into target/bench")
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, *packages], check=True)
        (folder / "done").touch()
    return folder


def python():
    venv = WORK / "venv"
    if not (venv / "done").exists():
        say("bench: installing the Python SDK into target/bench")
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        pip = [venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "talon-one-sdk~=26.2"]
        subprocess.run(pip, check=True)
        (venv / "done").touch()
    return venv / "bin" / "python"


def clients(sink):
    csv, fewer = customers(ROWS), customers(max(ROWS // 10, 1000))
    contenders = {
        "this host": ([DIST / "destination-host", "sync", sync_file("host", csv, sink.url)], ROWS, {}),
        "native Rust client": ([DIST / "native", csv, sink.url], ROWS, {}),
    }
    here = Path(__file__).parent
    environment = {**os.environ, "BENCH_NODE_MODULES": str(javascript() / "node_modules")}
    contenders["JavaScript SDK"] = (["node", here / "sdk.mjs", csv, sink.url], ROWS, {"env": environment})
    # It takes ten times as long as all others together: a tenth of the rows says as much.
    contenders["Python SDK"] = ([python(), here / "sdk.py", fewer, sink.url], ROWS // 10, {})
    runs = {name: [] for name in contenders}
    for number in range(ROUNDS):
        for name, (command, rows, more) in contenders.items():
            sink.stats()
            run = measured(command, **more)
            stats = sink.stats()
            # The look at the numbers is a connection too.
            run |= {"rate": rows / run["seconds"], "cpu_million": run["cpu"] / rows * 1e6, "connections": stats["connections"] - 1}
            if stats["requests"] != -(-rows // 1000):
                sys.exit(f"{name} made {stats['requests']} requests for {rows} rows")
            runs[name].append(run)
            say(f"bench: {number + 1}/{ROUNDS} {name}: {run['rate']:,.0f} rows/s")
    return {
        name: {key: statistics.median(run[key] for run in of) for key in of[0]} for name, of in runs.items()
    }


def ratio(a, b):
    return f"{a / b:.2f}" if b else "-"


def show_clients(found):
    host = found["this host"]
    print(f"\n{ROWS:,} rows x 7 columns, CSV to a server on this machine, no limits, medians of {ROUNDS}\n")
    print("| client | rows/s | host's rate is x of it | CPU s a million rows | peak MiB | connections |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, run in found.items():
        print(
            f"| {name} | {run['rate']:,.0f} | {ratio(host['rate'], run['rate'])} | {run['cpu_million']:.2f} | {run['mib']:.0f} "
            f"| {run['connections']:.0f} |"
        )


def criterion(group, name):
    path = TARGET / "criterion" / group / name / "new" / "estimates.json"
    return json.loads(path.read_text())["median"]["point_estimate"]


def calls():
    environment = {**os.environ, "CARGO_TERM_QUIET": "true"}
    command = ["cargo", "bench", "--quiet", "--locked", "--package", "bench", "--bench", "calls", "--bench", "state"]
    command += ["--", "--measurement-time", "3", "--warm-up-time", "1"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = {
        f"map-batch, {rows} rows": {
            side: criterion("map-batch", f"{side}/{rows}") / rows / 1000 for side in ("native", "sandbox")
        }
        for rows in (1, 1000, 8000)
    }
    node = javascript()
    transpiled = WORK / "transpiled"
    jco = node / "node_modules" / ".bin" / "jco"
    subprocess.run([jco, "transpile", COMPONENT, "--name", "plugin", "-o", transpiled, "--quiet"], check=True)
    modules = transpiled / "node_modules"
    if not modules.exists():
        modules.symlink_to(node / "node_modules")
    (transpiled / "package.json").write_text('{"type":"module"}')
    config = {"deployment_url": "https://yourcompany.talon.one", "api_key": "0123456789abcdef", "object_type": "customer_profiles"}
    config["mappings"] = [
        {"source": source, "destination": destination} | ({"type": kind} if kind else {}) for source, destination, kind in MAPPINGS
    ]
    environment = {**os.environ, "BENCH_CONFIG": json.dumps(config)}
    out = subprocess.run(
        ["node", Path(__file__).parent / "map.mjs", transpiled], env=environment, check=True, capture_output=True, text=True
    )
    found["map-batch, 1000 rows"]["node"] = float(out.stdout)
    found["empty call"] = {"sandbox": criterion("border", "empty-call") / 1000}
    found["render-batch, 1000 rows"] = {"sandbox": criterion("border", "render-batch") / 1e6}
    for kind in ("text", "integer", "float", "decimal", "boolean", "date", "json"):
        found[f"a column of {kind}"] = {"native": criterion("columns", kind) / 1e6}
    for what in ("look-up", "deliver"):
        found[f"state: {what}"] = {"native": criterion("state", what) / 1e6}
    return found


def show_calls(found):
    print("\nCalls, microseconds a row (an empty call: for the call)\n")
    print("| call | native | sandbox | sandbox is x of native | Node (jco) |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, sides in found.items():
        cell = lambda side, sides=sides: f"{sides[side]:.3f}" if side in sides else ""
        over = ratio(sides["sandbox"], sides["native"]) if {"sandbox", "native"} <= sides.keys() else ""
        print(f"| {name} | {cell('native')} | {cell('sandbox')} | {over} | {cell('node')} |")


def start(sink):
    """From nothing to ten mapped rows on the screen, with the compiled plugin in the cache."""
    sync = sync_file("start", customers(1000), sink.url)
    runs = [measured([DIST / "destination-host", "preview", sync])["seconds"] * 1000 for _ in range(11)]
    return {"preview_ms": statistics.median(runs[1:])}


def instructions():
    if not shutil.which("valgrind"):
        say("bench: valgrind is missing; instructions are not counted")
        return None

    def count(rounds):
        out = WORK / f"callgrind-{rounds}.out"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", DIST / "mapping", str(rounds)]
        subprocess.run(command, check=True, capture_output=True)
        return next(int(line.split()[1]) for line in out.read_text().splitlines() if line.startswith("summary:"))

    return {"instructions_a_row": (count(11) - count(1)) / 10 / 1000}


def scale(sink):
    curve = {}
    for rows in (1_000_000, 3_000_000, 10_000_000):
        csv = customers(rows)
        run = measured([DIST / "destination-host", "sync", sync_file(f"scale-{rows}", csv, sink.url)])
        curve[f"{rows:,} rows"] = run | {"rate": rows / run["seconds"]}
        say(f"bench: {rows:,} rows in {run['seconds']:.1f} s")
    rows = 10_000_000
    sync = sync_file("changes", customers(rows), sink.url)
    for name in WORK.glob("changes.state.sqlite*"):
        name.unlink()
    curve["first load with state, 10,000,000 keys"] = measured([DIST / "destination-host", "sync", sync, "--changed-only"])
    curve["nothing changed, 10,000,000 keys"] = measured([DIST / "destination-host", "sync", sync, "--changed-only"])
    return curve


def show_scale(curve):
    print("\nScale\n")
    print("| run | seconds | rows/s | CPU s | peak MiB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, run in curve.items():
        rate = f"{run['rate']:,.0f}" if "rate" in run else ""
        print(f"| {name} | {run['seconds']:.1f} | {rate} | {run['cpu']:.1f} | {run['mib']:.0f} |")


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    with Sink() as sink:
        results["clients"] = clients(sink)
        show_clients(results["clients"])
        results["start"] = start(sink)
        results["calls"] = calls()
        show_calls(results["calls"])
        results["instructions"] = instructions()
        results["component_bytes"] = COMPONENT.stat().st_size
        if SCALE:
            results["scale"] = scale(sink)
            show_scale(results["scale"])
    print(f"\nstart to ten mapped rows, compiled plugin in the cache: {results['start']['preview_ms']:.0f} ms")
    if results["instructions"]:
        print(f"instructions to map a row, native: {results['instructions']['instructions_a_row']:.0f}")
    print(f"component: {results['component_bytes']:,} bytes")
    out = WORK / "results.json"
    out.write_text(json.dumps(results, indent=2))
    print(f"\nall of it as JSON: {out.relative_to(ROOT)}")


main()

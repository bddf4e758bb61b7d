"""The host of this machine, for aarch64 under qemu and for Windows under wine, doing the same work. Run by run.sh, which builds them.

All send to fakes that run on this machine. What each prints, sends and leaves is compared byte by byte; the tests of vectors and mirrors
run under qemu as they are. Prints a table; ends with 1 if anything differs.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from fake import Fake

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "platforms"
EXAMPLES = ROOT / "examples"
ARM = WORK / "aarch64-unknown-linux-gnu" / "debug"
WINDOWS = WORK / "x86_64-pc-windows-gnu" / "debug" / "destination-host.exe"
QEMU = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"]
TESTS = ["vectors::", "removals::", "mirror::a_second_run_sends_only_the_differences", "mirror::members_that_others_added_stay"]
"""Of tests/e2e: those of the contract's vectors, of what a mirror may remove, and two of mirrors: under qemu each takes long."""

CACHE = {"XDG_CACHE_HOME": str(WORK / "cache")}
"""Compiled plugins are kept from one suite to the next: under qemu compiling one takes a minute."""

ROWS = 5000
"""Of the sync of all types: 5 requests and more."""

table = []
failures = []


def say(text):
    print(f"platforms: {text}", file=sys.stderr, flush=True)


def record(platform, what, result, seconds):
    table.append((platform, what, result, f"{seconds:.0f}"))
    say(f"{platform}: {what}: {result} ({seconds:.0f} s)")


class Platform:
    def __init__(self, name, command):
        self.name, self.command, self.fake = name, command, None
        self.folder = WORK / "work" / name

    def begin(self):
        """A fake and a folder of its own for each piece of work: nothing is left of the one before."""
        self.fake = Fake(None, "--any-attributes")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def run(self, *arguments, expected=0, **environment):
        """What it printed on standard output."""
        ended = subprocess.run(
            [*self.command, *arguments],
            cwd=self.folder,
            env=os.environ | CACHE | {"NO_PROXY": "127.0.0.1"} | environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=1800,
        )
        if ended.returncode != expected:
            raise RuntimeError(f"{' '.join(arguments)} ended with {ended.returncode}\n{ended.stdout}{ended.stderr}")
        return ended.stdout


def demo(host):
    """What it prints, but for the port and how long each took."""
    printed = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", host.run("demo"))
    return {"printed": re.sub(r"(?m)^   time  .*$", "   time  -", printed)}


def plugin(host):
    """What it says of the plugin inside, with the digest of its bytes."""
    return {"describe": host.run("describe")}


def rules(host):
    """The plugin in this host, by every rule of the contract."""
    config = {"deployment_url": "https://yourcompany.talon.one", "api_key": "0123456789abcdef", "object_type": "customer_profile_audiences"}
    config |= {"audience_id": 42, "sync_mode": "mirror", "mappings": [{"source": "id", "destination": "integration_id"}]}
    (host.folder / "good.json").write_text(json.dumps(config))
    return {"printed": host.run("conform", "--config", "good.json")}


def all_types(host):
    """A sync of profiles with values of every type: rows that map and rows that don't."""
    rows = [
        {
            "id": f"{number:05}é🙂",
            "integer": 9007199254740993 + number if number % 7 else -number,
            "float": (number - 2500) / 7 * 10.0 ** (number % 40 - 20),
            "text": f'Zoë "{number}" 日本 \\ \t',
            "flag": number % 2 == 0,
            "time": f"2026-{number % 12 + 1:02}-28T{number % 24:02}:59:59.{number:06}+05:30",
            "list": [str(number), "b,c"],
            "number": "many" if number % 500 == 9 else f"{number}.{number % 100:02}",
        }
        for number in range(ROWS)
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (host.folder / "rows.ndjson").write_text(text, encoding="utf-8")
    mappings = {"id": "integration_id", "integer": "a", "float": "b", "text": "name", "flag": "c", "time": "d", "list": "e", "number": "f"}
    types = {"time": "time", "list": "list(string)", "number": "number"}
    lines = [
        'name = "types"\n[destination]\ndeployment_url = "${TALON_ONE_URL}"\napi_key = "${TALON_ONE_API_KEY}"\nobject_type = "customer_profiles"\n',
        *(
            f'[[destination.mappings]]\nsource = "{source}"\ndestination = "{destination}"\n'
            + (f'type = "{types[source]}"\n' if source in types else "")
            for source, destination in mappings.items()
        ),
        '[source]\ntype = "ndjson"\npath = "rows.ndjson"\n[limits]\nconcurrency = 1\n',
    ]
    (host.folder / "types.toml").write_text("".join(lines), encoding="utf-8")
    with_url = {"TALON_ONE_URL": host.fake.url, "TALON_ONE_API_KEY": "demo-key"}
    preview = host.run("preview", "types.toml", "--rows", "50", expected=3, **with_url)
    host.run("sync", "types.toml", "--dead-letters", "dead.ndjson", expected=3, **with_url)
    return {
        "preview": preview.replace(host.fake.url, "URL"),
        "requests": requests(host),
        "dead letters": (host.folder / "dead.ndjson").read_bytes().decode(),
        "profiles": json.dumps(host.fake.get("state"), ensure_ascii=False),
    }


def mirror(host):
    """An audience that follows its source: the first week, the next, and what is remembered of it."""
    for name in ("sync.toml", "members.csv"):
        shutil.copy(EXAMPLES / "audience" / name, host.folder / name)
    with_url = {"TALON_ONE_URL": host.fake.url, "TALON_ONE_API_KEY": "demo-key"}
    host.run("sync", "sync.toml", **with_url)
    shutil.copy(EXAMPLES / "audience" / "members-next-week.csv", host.folder / "members.csv")
    host.run("sync", "sync.toml", **with_url)
    state = host.run("state", "export", "sync.toml", **with_url)
    return {
        "requests": requests(host),
        "members": json.dumps(host.fake.get("state")["audiences"]),
        # When members were removed is another moment on each.
        "state": re.sub(r'"at":\d+', '"at":0', state).replace(host.fake.url, "URL"),
    }


def requests(host):
    """All that arrived, with its headers; without the time, the fake's port, and how many connections it took."""
    arrived = [{name: value for name, value in request.items() if name not in ("arrived_ms", "connection")} for request in host.fake.get("requests")]
    return json.dumps(arrived, ensure_ascii=False).replace(host.fake.url.removeprefix("http://"), "HOST")


def compare(here, host, job):
    """The same work on both."""
    began = time.monotonic()
    results = []
    for one in (here, host):
        one.begin()
        try:
            results.append(job(one))
        finally:
            one.fake.stop()
    expected, found = results
    wrong = [name for name in expected if expected[name] != found[name]]
    for name in wrong:
        start = max(0, len(os.path.commonprefix([expected[name], found[name]])) - 100)
        there = [repr(value[start : start + 400]) for value in (expected[name], found[name])]
        failures.append(f"{host.name}: {job.__name__}, {name}: this machine's first, then its own, from {start:,} on\n  " + "\n  ".join(there))
    sizes = ", ".join(f"{name} {len(value.encode()):,} bytes" for name, value in found.items())
    record(host.name, job.__name__.replace("_", " "), f"{', '.join(wrong)} differ" if wrong else f"the same: {sizes}", time.monotonic() - began)


def tests(host):
    """The tests of tests/e2e that need nothing but the program."""
    began = time.monotonic()
    lines = (json.loads(line) for line in (WORK / "aarch64.json").read_text(encoding="utf-8").splitlines())
    binary = next(line["executable"] for line in lines if line.get("reason") == "compiler-artifact" and line["target"]["name"] == "e2e")
    ended = subprocess.run([*QEMU, binary, *TESTS], env=os.environ | CACHE, capture_output=True, text=True)
    result = re.search(r"test result: .*?(\d+) passed; (\d+) failed", ended.stdout)
    if ended.returncode != 0 or not result:
        failures.append(f"{host.name}: tests\n{ended.stdout[-5000:]}{ended.stderr[-2000:]}")
    told = f"{result[1]} passed, {result[2]} failed" if result else f"ended with {ended.returncode}"
    record(host.name, "e2e tests of vectors, removals and mirrors", told, time.monotonic() - began)


def main():
    here = Platform("here", [os.environ["HOST"]])
    arm = Platform("aarch64", [*QEMU, str(ARM / "destination-host.aarch64")])
    windows = Platform("windows", ["wine", str(WINDOWS)])
    for host in (arm, windows):
        for job in (plugin, demo, rules, all_types, mirror):
            try:
                compare(here, host, job)
            except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
                failures.append(f"{host.name}: {job.__name__}: {error}")
                record(host.name, job.__name__.replace("_", " "), "failed", 0)
    tests(arm)
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for failure in failures:
        print(f"\nplatforms: {failure}", file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

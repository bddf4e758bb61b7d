"""Time and memory of `verify` and `verify --repair`, by members of the audience: `make bench-verify`.

The audience stands in a fake of its own, as a crowd that takes no memory there; the state is filled by a sync of as many rows. Then 37
members are changed behind the sync's back. Seconds and MiB are the operating system's account of the command alone.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "host" / "fake"))
import fake  # noqa: E402 (found beside the fake)

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
HOST = Path(os.environ.get("HOST", TARGET / "release" / "destination-host"))
WORK = TARGET / "bench" / "verify"
AUDIENCE = 43
REMOVED = 10
SYNC = f"""
name = "crowd"
[destination]
deployment_url = "${{URL}}"
api_key = "demo-key"
management_key = "demo-management-key"
object_type = "customer_profile_audiences"
audience_id = {AUDIENCE}
sync_mode = "mirror"
[[destination.mappings]]
source = "id"
destination = "integration_id"
[source]
type = "csv"
path = "rows.csv"
[limits]
requests_per_second = "unlimited"
requests_per_minute = "unlimited"
"""


def member(number):
    return f"member_{number:08}"


def write_rows(count):
    with open(WORK / "rows.csv", "w", encoding="ascii") as file:
        file.write("id\n")
        for start in range(0, count, 10_000):
            file.write("".join(f"{member(n)}\n" for n in range(start, min(count, start + 10_000))))


def run(url, *arguments, ends_with=0):
    """Seconds and MiB of a command."""
    start = time.monotonic()
    environment = {**os.environ, "URL": url}
    child = subprocess.Popen([HOST, *arguments], cwd=WORK, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = child.stdout.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != ends_with:
        sys.exit(f"{' '.join(arguments)} ended with {child.returncode}, not {ends_with}:\n{said}")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def measure(members):
    WORK.mkdir(parents=True, exist_ok=True)
    for old in WORK.iterdir():
        old.unlink()
    (WORK / "sync.toml").write_text(SYNC, encoding="utf-8")
    server = fake.Fake(str(HOST))
    try:
        server.post("audiences", {"id": AUDIENCE, "name": "Crowd", "crowd": members + REMOVED})
        rows = {}
        write_rows(members + REMOVED)
        rows["sync"] = run(server.url, "sync", "sync.toml")
        write_rows(members)
        rows["sync, 10 removed"] = run(server.url, "sync", "sync.toml")
        rows["verify"] = run(server.url, "verify", "sync.toml")
        missing = [member(n * (members // 20)) for n in range(15)]
        added = [member(members + n) for n in range(REMOVED)] + [f"foreign {n}" for n in range(12)]
        server.post("members", {"audience": AUDIENCE, "add": added, "remove": missing})
        rows["verify, 37 changed"] = run(server.url, "verify", "sync.toml", "--outcomes", "drift.ndjson", ends_with=5)
        told = (WORK / "drift.ndjson").read_text(encoding="utf-8").count("\n")
        if told != len(missing) + len(added):
            sys.exit(f"{told} keys were told of, not {len(missing) + len(added)}")
        rows["verify --repair"] = run(server.url, "verify", "sync.toml", "--repair")
        run(server.url, "verify", "sync.toml")
    finally:
        server.stop()
    for name, (seconds, mib) in rows.items():
        print(f"{members:>12,}  {name:<20} {seconds:>8.1f} s {mib:>7.0f} MiB", flush=True)
    (WORK / "rows.csv").unlink()


if __name__ == "__main__":
    print("     members  command                  time    memory", flush=True)
    for size in sys.argv[1:] or ["1000000"]:
        measure(int(size))

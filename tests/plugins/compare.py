"""The webhook in three languages, each in the reference host, in Node and in Python. Run by run.sh, which builds and installs them.

Every plugin has to pass the same tests, and to send the same bytes. Prints a table of sizes and times; ends with 1 if anything differs.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from destination_host import CallFailed, Plugin
from destination_host.plugin import text_column

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples" / "webhook"))

from receiver import TOKEN, Receiver  # noqa: E402 - from the example's folder

WORK = ROOT / "target" / "plugins"
HOST = os.environ["HOST"]
PLUGINS = {
    "Rust": ROOT / "target" / "component" / "webhook-destination.wasm",
    "JavaScript": WORK / "webhook-javascript.wasm",
    "Python": WORK / "webhook-python.wasm",
}
ROWS = [
    '{"id":"007","name":"Zoë \\"Z\\"","points":12345678901234567890.50,"since":"2024-05-31","tags":["a","b"],"vip":true}',
    '{"id":"b","name":null,"points":-1,"since":"0999-12-31","tags":[],"vip":false}',
    '{"id":"b","name":"later","points":0.5,"since":"2024-06-01","tags":{"x":[1e5]},"vip":null}',
]
LINES = [
    '{"action":"upsert","key":"007","row":{"id":"007","name":"Zoë \\"Z\\"","points":12345678901234567890.50,"since":"2024-05-31",'
    '"tags":["a","b"],"vip":true}}',
    '{"action":"upsert","key":"b","row":{"id":"b","name":"later","points":0.5,"since":"2024-06-01","tags":{"x":[1e5]},"vip":null}}',
]


def sync_file(folder, receiver, rows, **settings):
    """A sync of these rows, in a folder that also holds its state."""
    (folder / "rows.ndjson").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    destination = {"url": receiver.url, "token": "${WEBHOOK_TOKEN}", **settings}
    lines = ['name = "webhook"', "[destination]", *(f"{key} = {json.dumps(value)}" for key, value in destination.items())]
    lines += ["[source]", 'type = "ndjson"', 'path = "rows.ndjson"', "[state]", 'path = "state.sqlite"']
    path = folder / "sync.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def host(*arguments, **more):
    environment = os.environ | {"WEBHOOK_TOKEN": TOKEN, "XDG_CACHE_HOME": str(WORK / "cache")}
    done = subprocess.run([HOST, *map(str, arguments)], text=True, capture_output=True, env=environment | more, check=False)
    assert TOKEN not in done.stdout + done.stderr, "the token is in the output"
    return done


class Webhook:
    """What each of the three has to do."""

    language: str

    def setUp(self):
        self.component = PLUGINS[self.language]
        self.receiver = Receiver()
        self.addCleanup(self.receiver.stop)
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def run_host(self, command, rows=(), settings=None, *options):
        path = sync_file(self.folder, self.receiver, rows, **(settings or {}))
        return host(command, path, "--component", self.component, *options)

    def test_validate_names_every_fault(self):
        done = self.run_host("validate", ROWS)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_host("validate", ROWS, {"url": "ftp://x", "key_column": "", "sync_mode": "add", "tokn": "x"})
        self.assertEqual(done.returncode, 2)
        for key in ("url", "sync_mode", "tokn"):
            self.assertIn(key, done.stdout + done.stderr)

    def test_check_finds_a_wrong_token(self):
        self.assertEqual(self.run_host("check", ROWS).returncode, 0)
        self.assertEqual(self.receiver.requests, [("/rows?list=1", "")])
        done = self.run_host("check", ROWS, {"token": "another"})
        self.assertEqual(done.returncode, 1)
        self.assertIn("401", done.stdout + done.stderr)

    def test_preview_shows_what_sync_sends(self):
        shown = self.run_host("preview", ROWS).stdout.split("\n\n")[0].splitlines()
        self.assertEqual(shown, ["POST /rows?list=1", *LINES])
        self.assertEqual(self.receiver.requests, [])
        self.assertEqual(self.run_host("sync", ROWS).returncode, 0)
        self.assertEqual(self.receiver.requests, [("/rows?list=1", "".join(f"{line}\n" for line in LINES))])

    def test_a_mirror_removes_what_left(self):
        mirror = {"sync_mode": "mirror"}
        rows = [f'{{"id":"{name}"}}' for name in "abcde"]
        self.assertEqual(self.run_host("sync", rows, mirror).returncode, 0)
        done = self.run_host("sync", rows[1:], mirror, "--allow-removals")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(self.receiver.rows), ["b", "c", "d", "e"])
        self.assertIn('{"action":"delete","key":"a"}\n', self.receiver.requests[-1][1])

    def test_a_bad_row_is_found_among_good_ones(self):
        rows = [f'{{"id":{number},"bad":{"true" if number in (3, 57) else "false"}}}' for number in range(100)]
        done = self.run_host("sync", rows)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(len(self.receiver.rows), 98)
        self.assertNotIn("57", self.receiver.rows)

    def test_a_row_without_a_key_is_rejected_and_the_others_go_out(self):
        done = self.run_host("sync", ['{"id":"a"}', '{"id":null}', '{"id":""}'])
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(list(self.receiver.rows), ["a"])

    def test_what_a_failing_server_did_not_take_is_sent_by_the_next_run(self):
        self.receiver.status = 503
        path = sync_file(self.folder, self.receiver, ROWS)
        if self.language == "Rust":
            path.write_text(path.read_text().replace("[source]", "[destination.retry]\nmax_attempts = 1\n[source]"))
        self.assertEqual(host("sync", path, "--component", self.component).returncode, 1)
        self.receiver.status = None
        self.assertEqual(host("sync", path, "--component", self.component).returncode, 0)
        self.assertEqual(sorted(self.receiver.rows), ["007", "b"])

    def test_every_rule_of_the_contract_is_kept(self):
        config = self.folder / "good.json"
        settings = {"url": self.receiver.url, "token": "0123456789abcdef"}
        if self.language == "Rust":
            settings["retry"] = {"max_attempts": 2, "initial_backoff_ms": 1, "max_backoff_ms": 5}
        config.write_text(json.dumps(settings))
        done = host("conform", self.component, "--config", config, "--json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual(result["failed"], 0)
        self.assertGreaterEqual(result["passed"], 49)
        CONFORMED[self.language] = f"{result['passed']}, {result['skipped']}"

    def test_in_node(self):
        config, rows, folder = self.other_engine()
        # The package for Node with this component, and the example on it.
        package, example = folder / "host" / "node", folder / "examples" / "node"
        for copy, original in ((package, WORK / "host" / "node"), (example, WORK / "examples" / "node")):
            shutil.copytree(original, copy, ignore=shutil.ignore_patterns("node_modules", "plugin"))
        (package / "node_modules").symlink_to(WORK / "host" / "node" / "node_modules")
        (example / "node_modules").mkdir()
        (example / "node_modules" / "talon-one-destination").symlink_to(package)
        (example / "node_modules" / "csv-parse").symlink_to(WORK / "examples" / "node" / "node_modules" / "csv-parse")
        subprocess.run(["node", "build.mjs", self.component], cwd=package, check=True)
        command = ["node", "preview.mjs", config, rows]
        self.assertEqual(subprocess.run(command, cwd=example, check=True, text=True, capture_output=True).stdout, self.expected())
        shutil.copy(ROOT / "tests" / "plugins" / "send.mjs", package)

        def send():
            done = subprocess.run(["node", "send.mjs", package / "plugin", config, rows], cwd=package, check=True, text=True, capture_output=True)
            return json.loads(done.stdout)

        self.assertEqual(send()["accepted"], [0, 1])
        self.assertEqual(self.receiver.requests[-1], ("/rows?list=1", self.expected().split("\n", 1)[1].rstrip("\n") + "\n"))
        self.receiver.status = 401
        failure = send()
        self.assertEqual((failure["failed"], failure["kind"]), ("permanent", "authentication"))
        self.assertNotIn(TOKEN, failure["message"])

    def test_in_python(self):
        config, rows, _ = self.other_engine()
        command = [sys.executable, ROOT / "examples" / "python" / "preview.py", self.component, config, rows]
        self.assertEqual(subprocess.run(command, check=True, text=True, capture_output=True).stdout, self.expected())
        plugin = Plugin(self.component)
        text = config.read_text()
        columns = [text_column("id", ["007", "b"]), text_column("name", ["Zoë", "Ann"])]
        batch = plugin.call("map-batch", text, columns, []).batch
        self.assertEqual(list(plugin.call("send-batch", text, batch).accepted), [0, 1])
        self.assertEqual(self.receiver.rows["007"]["name"], "Zoë")
        self.receiver.status = 401
        with self.assertRaises(CallFailed) as caught:
            plugin.call("send-batch", text, batch)
        self.assertEqual((caught.exception.transient, caught.exception.kind), (False, "authentication"))
        self.assertNotIn(TOKEN, caught.exception.message)

    def other_engine(self):
        config, rows = self.folder / "config.json", self.folder / "rows.csv"
        config.write_text(json.dumps({"url": self.receiver.url, "token": TOKEN}))
        rows.write_text("id,name\n007,Zoë\nb,Ann\n", encoding="utf-8")
        return config, rows, self.folder

    def expected(self):
        rows = [("007", "Zoë"), ("b", "Ann")]
        lines = [f'{{"action":"upsert","key":"{key}","row":{{"id":"{key}","name":"{name}"}}}}' for key, name in rows]
        # Both examples print a body as it is, with the line break that ends it, and one of their own.
        return "POST /rows?list=1\n" + "\n".join(lines) + "\n\n"


class Rust(Webhook, unittest.TestCase):
    language = "Rust"


class JavaScript(Webhook, unittest.TestCase):
    language = "JavaScript"


class Python(Webhook, unittest.TestCase):
    language = "Python"


CONFORMED = {}


def load_seconds(component, cache):
    """From the start of the host to the descriptor."""
    began = time.monotonic()
    done = host("describe", "--component", component, XDG_CACHE_HOME=cache)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - began


def figures():
    print("\n| plugin | bytes | load, cold, s | load, cached, s | rules passed, skipped |\n| --- | ---: | ---: | ---: | ---: |")
    for language, component in PLUGINS.items():
        with tempfile.TemporaryDirectory() as cache:
            cold, cached = load_seconds(component, cache), load_seconds(component, cache)
        print(f"| {language} | {component.stat().st_size:,} | {cold:.2f} | {cached:.3f} | {CONFORMED.get(language, '')} |")


if __name__ == "__main__":
    program = unittest.main(verbosity=2, exit=False)
    if program.result.wasSuccessful():
        figures()
    sys.exit(not program.result.wasSuccessful())

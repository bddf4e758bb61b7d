"""The Obelisk example, against the fake Talon.One. Run by run.sh; HOST is the host's binary."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from fake import Fake

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "obelisk"
ROWS = "id,spent\nc1,1.10\nc2,many\nZoë,3\n"
MAPPINGS = [{"source": "id", "destination": "integration_id"}, {"source": "spent", "destination": "lifetime_value", "type": "number"}]


class Obelisk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fake = Fake()
        cls.addClassCleanup(cls.fake.stop)
        cls.folder = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        # Its state stands beside its settings.
        shutil.copy(EXAMPLE / "server.toml", cls.folder)
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        cls.environment = os.environ | {
            "TALON_ONE_URL": cls.fake.url, "TALON_ONE_API_KEY": "demo-key",
            "OBELISK": f"http://{address}", "OBELISK__API__LISTENING_ADDR": address,
        }
        # One request for an attempt of Obelisk's: it is Obelisk that repeats.
        config = {"deployment_url": cls.fake.url, "object_type": "customer_profiles", "mappings": MAPPINGS, "retry": {"max_attempts": 1}}
        (cls.folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        (cls.folder / "rows.csv").write_text(ROWS, encoding="utf-8")
        cls.start()
        cls.addClassCleanup(lambda: cls.stop(signal.SIGTERM))

    @classmethod
    def start(cls):
        command = ["obelisk", "server", "run", "--server-config", cls.folder / "server.toml", "--deployment", EXAMPLE / "deployment.toml"]
        with open(cls.folder / "obelisk.log", "ab") as log:
            cls.server = subprocess.Popen(command, env=cls.environment, stdout=log, stderr=log)
        host, port = cls.environment["OBELISK__API__LISTENING_ADDR"].split(":")
        while cls.server.poll() is None:
            try:
                socket.create_connection((host, int(port)), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError((cls.folder / "obelisk.log").read_text(errors="replace"))

    @classmethod
    def stop(cls, how):
        cls.server.send_signal(how)
        cls.server.wait()

    def setUp(self):
        self.fake.post("reset")

    def deliver(self, **environment):
        command = [sys.executable, EXAMPLE / "deliver.py", "config.json", "rows.csv"]
        return subprocess.Popen(
            command, cwd=self.folder, env=self.environment | environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def statuses(self):
        return [request["status"] for request in self.fake.get("requests")]

    def waiting(self):
        """Whether no execution is under way."""
        command = ["obelisk", "execution", "list", "--hide-finished", "--json", "--api-url", self.environment["OBELISK"]]
        listed = json.loads(subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout)
        return all(it["pending_state"]["status"] == "pending_at" for it in listed)

    def delivered(self, delivery):
        stdout, stderr = delivery.communicate()
        self.assertEqual(delivery.returncode, 3, stderr)
        self.assertEqual(json.loads(stdout), {"delivered": 2, "rejected": 1})
        self.assertIn('row 2 is rejected: column "spent": "many" is not a number', stderr)
        self.assertEqual(self.fake.get("state")["profiles"], {"c1": {"lifetime_value": 1.1}, "Zoë": {"lifetime_value": 3}})

    def test_what_passes_is_repeated_by_the_engine(self):
        self.fake.post("faults", {"script": [{"fault": {"answer": {"status": 503}}, "times": 3}]})
        began = time.monotonic()
        self.delivered(self.deliver())
        self.assertEqual(self.statuses(), [503, 503, 503, 204])
        print(f"obelisk: 503 three times, then delivered, {time.monotonic() - began:.0f} s")

    def test_an_engine_that_is_killed_between_attempts_delivers_once_it_is_back(self):
        self.fake.post("faults", {"script": [{"fault": {"answer": {"status": 503}}, "times": 3}]})
        delivery = self.deliver()
        # The second attempt has failed, and that is written down; the third is seconds away.
        while len(self.statuses()) < 2 or not self.waiting():
            time.sleep(0.05)
        self.stop(signal.SIGKILL)
        self.assertEqual(self.statuses(), [503, 503])
        self.start()
        self.delivered(delivery)
        self.assertEqual(self.statuses(), [503, 503, 503, 204])
        print("obelisk: killed after the second of three 503s, started again: delivered by the fourth request")

    def test_what_does_not_pass_is_not_repeated(self):
        delivery = self.deliver(TALON_ONE_API_KEY="another")
        _, stderr = delivery.communicate()
        self.assertEqual(delivery.returncode, 1)
        self.assertIn("not delivered: Talon.One refused the API key (HTTP 401)", stderr)
        self.assertEqual(self.statuses(), [401])


if __name__ == "__main__":
    unittest.main(verbosity=2)

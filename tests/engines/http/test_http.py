"""The plugin behind HTTP, served by `wasmtime serve`, against the fake Talon.One. Run by run.sh."""

import json
import os
import subprocess
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import wasmtime_cli

from fake import Fake


class Http(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fake = Fake()
        cls.addClassCleanup(cls.fake.stop)
        wasmtime = Path(wasmtime_cli.__path__[0]) / "wasmtime"
        wasmtime.chmod(0o755)
        command = [wasmtime, "serve", "--addr", "127.0.0.1:0", os.environ["COMPONENT"]]
        cls.server = subprocess.Popen(command, text=True, stderr=subprocess.PIPE)
        cls.addClassCleanup(cls.stop)
        # "Serving HTTP on http://127.0.0.1:…/"
        cls.url = cls.server.stderr.readline().split()[-1].rstrip("/")

    @classmethod
    def stop(cls):
        cls.server.kill()
        cls.server.communicate()

    def setUp(self):
        self.fake.post("reset")
        self.config = {"deployment_url": self.fake.url, "api_key": "demo-key", "object_type": "customer_profiles"}

    def call(self, path, body=None, method=None):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def test_it_says_what_it_is(self):
        status, about = self.call("/")
        self.assertEqual((status, about["name"]), (200, "talon-one"))
        self.assertIn("deployment_url", about["config_schema"]["properties"])

    def test_faults_of_a_config_are_listed(self):
        status, answer = self.call("/validate", {"config": self.config | {"batch_size": 0}})
        self.assertEqual((status, [issue["path"] for issue in answer["issues"]]), (422, ["batch_size"]))
        self.assertEqual(self.call("/validate", {"config": self.config}), (200, {"issues": []}))

    def test_a_preview_keeps_digits_and_sends_nothing(self):
        body = b'{"config": %s, "rows": [{"integration_id": "007", "lifetime_value": 1.10}, {"integration_id": 9007199254740993}]}'
        status, answer = self.call("/preview", body % json.dumps(self.config).encode())
        self.assertEqual(status, 200)
        self.assertEqual(answer["requests"], [{
            "method": "PUT", "path": "/v2/customer_profiles?silent=yes",
            "body": '{"customerProfiles":[{"integrationId":"007","attributes":{"lifetime_value":1.10}},'
                    '{"integrationId":"9007199254740993","attributes":{}}]}',
        }])
        self.assertEqual(self.fake.get("requests"), [])

    def test_rows_are_delivered_and_each_that_is_not_has_its_reason(self):
        self.fake.post("faults", {"script": [{"fault": {"answer": {"status": 503}}}]})
        rows = [{"integration_id": f"cust_{number}", "lifetime_value": number} for number in range(5)]
        rows[1]["integration_id"] = None
        rows[3]["shoe_size"] = 38
        status, answer = self.call("/deliver", {"config": self.config | {"retry": {"initial_backoff_ms": 1}}, "rows": rows})
        self.assertEqual((status, answer["delivered"], answer["undelivered"], answer["failure"]), (200, 3, [], None))
        self.assertEqual([it["row"] for it in answer["rejected"]], [1, 3])
        self.assertIn("integration_id", answer["rejected"][0]["message"])
        self.assertEqual(answer["rejected"][1]["code"], "undefined-attribute")
        self.assertEqual(sorted(self.fake.get("state")["profiles"]), ["cust_0", "cust_2", "cust_4"])

    def test_an_audience_is_left(self):
        config = self.config | {"object_type": "customer_profile_audiences", "audience_id": 42, "sync_mode": "add"}
        rows = [{"integration_id": "a"}, {"integration_id": "b"}]
        self.assertEqual(self.call("/deliver", {"config": config, "rows": rows})[1]["delivered"], 2)
        self.call("/deliver", {"config": config | {"sync_mode": "remove"}, "rows": rows[:1]})
        self.assertEqual(self.fake.get("state")["audiences"]["42"]["members"], ["b"])

    def test_what_stops_a_delivery_has_its_status(self):
        rows = [{"integration_id": "a"}]
        status, answer = self.call("/deliver", {"config": self.config | {"api_key": "wrong"}, "rows": rows})
        self.assertEqual((status, answer["failure"]["problem"]["kind"]), (502, "authentication"))
        self.assertNotIn("wrong\"", json.dumps(answer))
        self.fake.post("faults", {"script": [{"fault": {"answer": {"status": 503}}, "times": None}]})
        status, answer = self.call("/deliver", {"config": self.config | {"retry": {"max_attempts": 1}}, "rows": rows})
        self.assertEqual((status, answer["failure"]["transient"]), (503, True))

    def test_bad_calls_are_told(self):
        self.assertEqual(self.call("/deliver", b"{")[0], 400)
        status, answer = self.call("/deliver", {"config": self.config, "row": []})
        self.assertEqual(status, 400)
        self.assertIn("unknown field `row`", answer["error"])
        self.assertEqual(self.call("/deliver", {"config": self.config | {"object_type": "?"}, "rows": [{"a": 1}]})[0], 422)
        self.assertEqual(self.call("/else")[0], 404)
        self.assertEqual(self.call("/deliver")[0], 405)
        self.assertEqual(self.call("/deliver", b" " * 16_000_001)[0], 413)


if __name__ == "__main__":
    unittest.main()

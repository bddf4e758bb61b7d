"""The fake Talon.One as a process, and what its record of requests says."""

import json
import os
import signal
import subprocess
import urllib.request


class Fake:
    """HOST, from the environment, is the host's binary."""

    def __init__(self):
        self.process = subprocess.Popen([os.environ["HOST"], "fake"], text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.url = self.process.stdout.readline().strip()

    def get(self, name):
        with urllib.request.urlopen(f"{self.url}/_fake/{name}") as answer:
            return json.load(answer)

    def post(self, name, body=None):
        data = json.dumps(body).encode() if body is not None else b""
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/_fake/{name}", data, method="POST")).close()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()


def busiest(requests):
    """The most requests that arrived in any one second."""
    times = sorted(request["arrived_ms"] for request in requests)
    most, start = 0, 0
    for end, at in enumerate(times):
        while at - times[start] >= 1000:
            start += 1
        most = max(most, end - start + 1)
    return most


def seconds(requests):
    """From the first to the last."""
    times = [request["arrived_ms"] for request in requests]
    return (max(times) - min(times)) / 1000

"""The fake Talon.One for tests in Python: reached over HTTP, or started as a process, and what its record of requests says."""

import json
import os
import signal
import subprocess
import urllib.request


class Control:
    """A fake that somebody started, at this URL."""

    def __init__(self, url):
        self.url = url

    def get(self, name):
        with urllib.request.urlopen(f"{self.url}/_fake/{name}") as answer:
            return json.load(answer)

    def post(self, name, body=None):
        data = json.dumps(body).encode() if body is not None else b""
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/_fake/{name}", data, method="POST")).close()


class Fake(Control):
    """A fake of one's own. `host` is the host's binary; HOST names it where it is left out. Options are those of the command `fake`."""

    def __init__(self, host=None, *options):
        command = [host or os.environ["HOST"], "fake", *options]
        self.process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        super().__init__(self.process.stdout.readline().strip())

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

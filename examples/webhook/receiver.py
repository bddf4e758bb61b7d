"""A webhook's server on this machine, to try the plugins on: python receiver.py. It takes all lines of a request or none, keeps the
rows, and prints what it gets. The token is TOKEN."""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "a-token-that-nobody-may-see"


class Receiver:
    """`rows` by their keys, and every request's path and body. A row with `"bad": true` refuses its request."""

    def __init__(self, port=0):
        self.rows, self.requests = {}, []
        self.status = None
        """What to answer instead, where it is set."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"] or 0)).decode()
                status = receiver.take(self.path, self.headers, body)
                self.send_response(status)
                if status == 429:
                    self.send_header("retry-after", "1")
                said = b"" if status == 204 else f"no: {self.headers['authorization']}".encode()
                self.send_header("content-length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/rows?list=1"

    def take(self, path, headers, body):
        self.requests.append((path, body))
        if self.status:
            return self.status
        if headers["authorization"] != f"Bearer {TOKEN}":
            return 401
        lines = [json.loads(line) for line in body.splitlines()]
        if any(line.get("row", {}).get("bad") for line in lines):
            return 400
        for line in lines:
            if line["action"] == "delete":
                self.rows.pop(line["key"], None)
            else:
                self.rows[line["key"]] = line["row"]
        return 204

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


if __name__ == "__main__":
    receiver = Receiver(8765)
    print(f"Listening on {receiver.url} for the token {TOKEN}", flush=True)
    printed = 0
    while True:
        while printed < len(receiver.requests):
            path, body = receiver.requests[printed]
            printed += 1
            print(f"POST {path}\n{body}", end="", flush=True)
        try:
            time.sleep(0.1)
        except KeyboardInterrupt:
            sys.exit(0)

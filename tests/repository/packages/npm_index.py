"""An index of npm packages on this machine, of archives in a folder: as much of the registry's protocol as `npm install` asks for."""

import base64
import hashlib
import json
import tarfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote


def serve(folder: Path):
    """Starts a server of the archives; its attribute `url` says where."""
    archives = {}
    for path in folder.glob("*.tgz"):
        with tarfile.open(path) as archive:
            about = json.load(archive.extractfile("package/package.json"))
        archives[about["name"]] = (about, path)

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            name = unquote(self.path).strip("/")
            if name.endswith(".tgz"):
                return self.reply(200, (folder / Path(name).name).read_bytes())
            if name not in archives:
                return self.reply(404, b"{}")
            about, path = archives[name]
            integrity = "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
            dist = {"tarball": f"{server.url}/{path.name}", "integrity": integrity}
            versions = {about["version"]: about | {"dist": dist}}
            return self.reply(200, json.dumps({"name": name, "dist-tags": {"latest": about["version"]}, "versions": versions}).encode())

        def reply(self, status, body):
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    Thread(target=server.serve_forever, daemon=True).start()
    return server

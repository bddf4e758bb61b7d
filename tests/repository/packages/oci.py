"""A registry of the OCI kind on this machine (Debian's docker-registry), and what its users' tools put into it."""

import hashlib
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
SIGNATURE = "application/vnd.minisign.signature.v1"


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Registry:
    """A registry with its content in a folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{probe.getsockname()[1]}"
        config = {
            "version": 0.1,
            "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": str(folder)}, "delete": {"enabled": True}},
            "http": {"addr": self.host},
        }
        folder.mkdir(parents=True)
        path = folder.with_suffix(".yml")
        # Every JSON text is YAML.
        path.write_text(json.dumps(config), encoding="utf-8")
        self.process = subprocess.Popen(["docker-registry", "serve", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://{self.host}/v2/").close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("docker-registry does not answer")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def request(self, method, url, body=None, media_type="application/octet-stream"):
        request = urllib.request.Request(url, body, {"content-type": media_type, "accept": f"{MANIFEST}, {INDEX}"}, method=method)
        with urllib.request.urlopen(request) as answer:
            return answer.headers, answer.read()

    def manifest(self, name, version):
        return self.request("GET", f"http://{self.host}/v2/{name}/manifests/{version}")[1]

    def put_blob(self, name, content):
        headers, _ = self.request("POST", f"http://{self.host}/v2/{name}/blobs/uploads/", b"")
        location = headers["location"]
        self.request("PUT", f"{location}{'&' if '?' in location else '?'}digest={digest(content)}", content)
        return {"mediaType": "application/octet-stream", "digest": digest(content), "size": len(content)}

    def put_manifest(self, name, version, manifest):
        body = json.dumps(manifest).encode()
        self.request("PUT", f"http://{self.host}/v2/{name}/manifests/{version}", body, manifest["mediaType"])
        return {"mediaType": manifest["mediaType"], "digest": digest(body), "size": len(body)}

    def attach_signature(self, name, tag, signature: bytes):
        """As `oras attach --artifact-type application/vnd.minisign.signature.v1` does for a registry that keeps no lists of referrers: a manifest
        that names its subject, and an index under a tag made from the subject's digest."""
        body = self.manifest(name, tag)
        subject = {"mediaType": MANIFEST, "digest": digest(body), "size": len(body)}
        empty = self.put_blob(name, b"{}") | {"mediaType": "application/vnd.oci.empty.v1+json"}
        layers = [self.put_blob(name, signature)]
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": SIGNATURE, "config": empty, "layers": layers, "subject": subject}
        entry = self.put_manifest(name, digest(json.dumps(manifest).encode()), manifest) | {"artifactType": SIGNATURE}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
        self.put_manifest(name, subject["digest"].replace(":", "-"), index)

    def blob_file(self, content_digest) -> Path:
        """Where it keeps some content."""
        value = content_digest.removeprefix("sha256:")
        return self.folder / "docker/registry/v2/blobs/sha256" / value[:2] / value / "data"

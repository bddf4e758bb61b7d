"""Makes a container in Azure's store: ENDPOINT ACCOUNT KEY. The store wants the request signed."""

import base64
import hashlib
import hmac
import sys
import urllib.error
import urllib.request
from email.utils import formatdate

endpoint, account, key = sys.argv[1:]
date = formatdate(usegmt=True)
version = "2021-08-06"
path = "/" + endpoint.rstrip("/").rsplit("/", 1)[-1] + "/state"
headers = f"x-ms-date:{date}\nx-ms-version:{version}\n"
to_sign = "PUT\n" + "\n" * 11 + headers + f"/{account}{path}\nrestype:container"
signature = hmac.new(base64.b64decode(key), to_sign.encode(), hashlib.sha256).digest()
request = urllib.request.Request(f"{endpoint}/state?restype=container", method="PUT")
request.add_header("x-ms-date", date)
request.add_header("x-ms-version", version)
request.add_header("Authorization", f"SharedKey {account}:{base64.b64encode(signature).decode()}")
try:
    urllib.request.urlopen(request)
except urllib.error.HTTPError as error:
    # There is one already.
    if error.code != 409:
        sys.exit(f"{error.code}: {error.read().decode()}")

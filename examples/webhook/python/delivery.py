"""Records out: the last of each key, in parts, halved after a refusal until the bad ones are alone; and HTTP over the engine. For any
plugin in Python."""

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from columns import permanent, transient, unpack
from componentize_py_types import Err
from wit_world.exports import destination as wit
from wit_world.imports import outgoing_handler, poll, types
from wit_world.imports.streams import StreamError_Closed

KIND = wit.ProblemKind
METHODS = {"POST": types.Method_Post(), "PUT": types.Method_Put(), "PATCH": types.Method_Patch(), "DELETE": types.Method_Delete()}
SHOWN = 4096
"""Bytes of an answer that are read."""


@dataclass
class Record:
    index: int
    key: str
    action: wit.Action
    payload: str


@dataclass
class Refusal:
    """The server refused at least one of the records."""

    status: int
    message: str


def last_of_each_key(batch):
    keys, payloads = unpack(batch.keys), unpack(batch.payloads)
    if not len(keys) == len(payloads) == len(batch.actions):
        raise permanent(KIND.INTERNAL, "the batch's lists differ in length")
    records = [Record(index, *rest) for index, rest in enumerate(zip(keys, batch.actions, payloads, strict=True))]
    last = {record.key: record for record in records}
    return sorted(last.values(), key=lambda record: record.index)


def parts(records, most):
    return [records[start : start + most] for start in range(0, len(records), most)]


def exchange(method, url, headers, body):
    """A request, and its answer: the status, `Retry-After`, and the start of the body."""
    address = urlsplit(url)
    fields = headers | {"content-length": str(len(body))}
    request = types.OutgoingRequest(types.Fields.from_list([(name, value.encode()) for name, value in fields.items()]))
    request.set_method(METHODS[method])
    request.set_scheme(types.Scheme_Https() if address.scheme == "https" else types.Scheme_Http())
    request.set_authority(address.netloc)
    request.set_path_with_query(path_of(url))
    outgoing = request.body()
    answer = outgoing_handler.handle(request, None)
    with outgoing.write() as stream:
        for start in range(0, len(body), SHOWN):
            stream.blocking_write_and_flush(body[start : start + SHOWN])
    types.OutgoingBody.finish(outgoing, None)
    with answer.subscribe() as ready:
        poll.poll([ready])
    response = answer.get().value
    if isinstance(response, Err):
        raise response
    with response.value as response:
        retry_after = b"".join(response.headers().get("retry-after")[:1]).decode("latin-1")
        with response.consume() as incoming, incoming.stream() as stream:
            said = b""
            while len(said) < SHOWN:
                try:
                    said += stream.blocking_read(SHOWN - len(said))
                except Err as error:
                    if isinstance(error.value, StreamError_Closed):
                        break
                    raise
        return response.status(), retry_after, said.decode("utf-8", "replace")


def path_of(url):
    address = urlsplit(url)
    return (address.path or "/") + (f"?{address.query}" if address.query else "")


def milliseconds(retry_after):
    """`Retry-After`: seconds, or a date."""
    try:
        if retry_after.isascii() and retry_after.isdigit():
            seconds = int(retry_after)
        else:
            seconds = parsedate_to_datetime(retry_after).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0, int(seconds * 1000)), 86_400_000)


def send(method, url, headers, secret, body):
    """One request, with the secret that its headers hold. None: it was accepted. A refusal is returned; whatever else happened is raised."""
    server = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    try:
        status, retry_after, said = exchange(method, url, headers, body.encode())
    except Err:
        raise transient(KIND.CONNECTION, f"no answer from {server}") from None
    if 200 <= status < 300:
        return None
    message = f"{server} answered HTTP {status}: {' '.join(said.replace(secret, '[secret]').split())[:200]}"
    if status in (400, 413, 422):
        return Refusal(status, message)
    if status == 429:
        raise transient(KIND.RATE_LIMITED, message, status, milliseconds(retry_after))
    if status == 408 or status >= 500:
        raise transient(KIND.SERVER, message, status, milliseconds(retry_after))
    kinds = {401: KIND.AUTHENTICATION, 403: KIND.AUTHENTICATION, 404: KIND.NOT_FOUND}
    raise permanent(kinds.get(status, KIND.REFUSED), message, status)


def deliver(batch, requests, post):
    """The report of a batch. `post` sends some records as one request, as `send` does."""
    outcome, made = {}, 0

    def settle(records):
        nonlocal made
        made += 1
        refusal = post(records)
        if refusal is None:
            outcome.update((record.key, None) for record in records)
        elif len(records) == 1:
            outcome[records[0].key] = refusal
        else:
            settle(records[: len(records) // 2])
            settle(records[len(records) // 2 :])

    failure = None
    try:
        for records in requests:
            settle(records)
    except Err as error:
        if not outcome:
            raise  # nothing is known of any record: a bare failure
        failure = error.value
    report = wit.Report([], [], [], failure, 0, made, 0)
    keys = unpack(batch.keys)
    for index, key in enumerate(keys):
        if key not in outcome:
            report.undelivered.append(index)
        elif (refusal := outcome[key]) is None:
            report.accepted.append(index)
        else:
            code = "too-large" if refusal.status == 413 else "refused"
            report.rejected.append(wit.Rejection(index, code, refusal.message))
    report.superseded = len(report.accepted) - len({keys[index] for index in report.accepted})
    return report

"""Delivers Arrow batches with the plugin, at a share of the deployment's rate, and tells the outcome of each row.

For engines that work on partitions, such as Spark and Dask.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from wasmtime.component import Record

from destination_host.arrow_columns import columns
from destination_host.plugin import CallFailed, Plugin, record, strings, texts
from destination_host.plugin import field as record_field

OUTCOME = ("_key", "_action", "_outcome", "_code", "_message")
"""Texts beside each row. `_outcome` is `delivered`, `rejected` or `undelivered`; the latter two have a `_message`."""

_SCHEMA = pa.schema([(name, pa.string()) for name in OUTCOME])

Outcome = dict[str, Any]
"""The values of OUTCOME for one row; what is absent is null."""


@dataclass(frozen=True)
class Delivery:
    """How one of several tasks delivers its part."""

    config: str = field(repr=False)
    """The plugin's, JSON. It holds the key: it is never printed."""
    seconds: float
    """Between two requests: this task's share of the rate."""
    records: int
    """In one request."""

    @staticmethod
    def shared(config: Mapping[str, Any], tasks: int, requests_per_second: float = 60, requests_per_minute: float = 5000) -> "Delivery":
        """One of `tasks` that run at the same time and share both limits."""
        rate = min(requests_per_second, requests_per_minute / 60)
        if tasks < 1 or rate <= 0:
            raise ValueError(f"{tasks} tasks at {rate} requests a second: expected at least one task and a rate above zero")
        return Delivery(json.dumps(config), tasks / rate, config.get("batch_size", 1000))


class RateLimiter:
    """Spreads requests evenly: after so many, no more before so many intervals have gone by."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep):
        self._seconds, self._clock, self._sleep, self._free = seconds, clock, sleep, 0.0

    def wait(self) -> None:
        """Returns when the next request may go."""
        self._sleep(max(0.0, self._free - self._clock()))

    def spend(self, requests: int) -> None:
        """Counts requests that were made, retries included."""
        self._free = max(self._free, self._clock()) + requests * self._seconds


def map_rows(plugin: Plugin, delivery: Delivery, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows with their keys, and why some can't be mapped. Nothing is sent."""
    for batch in batches:
        outcomes: list[Outcome] = [{} for _ in range(batch.num_rows)]
        _map(plugin, delivery, batch, outcomes)
        yield _beside(batch, outcomes)


def send_rows(plugin: Plugin, delivery: Delivery, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Sends the rows. Returns them with their outcomes."""
    yield from Sender(plugin, delivery).rows(batches)


def remove_keys(plugin: Plugin, delivery: Delivery, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Removes members: the first column has their keys, as they were delivered. Returns outcomes alone."""
    sender = Sender(plugin, delivery)
    for batch in _cut(batches, delivery.records):
        members = batch.column(0).to_pylist()
        outcomes: list[Outcome] = [{"_key": key, "_action": "delete"} for key in members]
        sender.send(_removals(members), outcomes)
        yield pa.RecordBatch.from_pylist(outcomes, schema=_SCHEMA)


def with_outcome(schema: pa.Schema) -> pa.Schema:
    """The schema of rows with their outcomes."""
    return pa.schema([*schema, *_SCHEMA])


def _cut(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """Batches of one request each, so that each is paced."""
    for batch in batches:
        for start in range(0, batch.num_rows, size):
            yield batch.slice(start, size)


def _map(plugin: Plugin, delivery: Delivery, batch: pa.RecordBatch, outcomes: list[Outcome]) -> Record:
    """Maps a batch and notes each row's key, or why it is rejected."""
    mapping = plugin.call("map-batch", delivery.config, columns(batch), [])
    mapped: Record = mapping.batch
    rows, keys, actions = (record_field(mapped, name) for name in ("rows", "keys", "actions"))
    for row, key, action in zip(rows, texts(keys), actions, strict=True):
        outcomes[row] = {"_key": key, "_action": action}
    for issue in mapping.issues:
        outcomes[issue.row] = {"_key": issue.key, "_outcome": "rejected", "_code": issue.code, "_message": issue.message}
    return mapped


class Sender:
    """Sends one task's batches. `limiter` is one that it shares with others before or after it.

    After a failure that the plugin's own retries did not overcome it sends no more: what is left is undelivered, for the next run.
    """

    failure: CallFailed | None
    """What stopped it."""

    def __init__(self, plugin: Plugin, delivery: Delivery, limiter: RateLimiter | None = None):
        self._plugin, self._delivery, self._limiter = plugin, delivery, limiter or RateLimiter(delivery.seconds)
        self.failure = None

    def rows(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Maps rows and sends them. Returns them with their outcomes."""
        for batch in _cut(batches, self._delivery.records):
            outcomes: list[Outcome] = [{} for _ in range(batch.num_rows)]
            self.send(_map(self._plugin, self._delivery, batch, outcomes), outcomes)
            yield _beside(batch, outcomes)

    def send(self, batch: Record, outcomes: list[Outcome]) -> None:
        """Sends records, and notes the outcome of each at its row."""
        rows: list[int] = list(record_field(batch, "rows"))
        for row in rows:
            outcomes[row]["_outcome"] = "delivered"
        if not rows:
            return
        left: Iterable[int] = range(len(rows))
        if self.failure is None:
            self._limiter.wait()
            try:
                report = self._plugin.call("send-batch", self._delivery.config, batch)
            except CallFailed as failed:
                # It had the batch's first request at least.
                self._limiter.spend(1)
                self.failure = failed
            else:
                self._limiter.spend(report.requests)
                left = report.undelivered
                for it in report.rejected:
                    row = rows[record_field(it, "record_index")]
                    outcomes[row] |= {"_outcome": "rejected", "_code": it.code, "_message": it.message}
                if report.failure is not None:
                    self.failure = CallFailed(report.failure)
        for index in left:
            outcomes[rows[index]] |= {"_outcome": "undelivered", "_message": self.failure and self.failure.message}


def _removals(members: list[str]) -> Record:
    """A batch that removes members: for a row that left, the engine makes the record itself."""
    return record(
        rows=list(range(len(members))),
        keys=strings(members),
        actions=["delete"] * len(members),
        payloads=strings([""] * len(members)),
    )


def _beside(batch: pa.RecordBatch, outcomes: list[Outcome]) -> pa.RecordBatch:
    """The rows with their outcomes."""
    beside = pa.RecordBatch.from_pylist(outcomes, schema=_SCHEMA)
    return pa.RecordBatch.from_arrays(batch.columns + beside.columns, schema=with_outcome(batch.schema))

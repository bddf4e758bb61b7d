"""Delivers Arrow batches with the plugin, at a share of the deployment's rate, and says what became of each row. For engines that work
on partitions, such as Spark and Dask. Needs pyarrow."""

import json
import time
from dataclasses import dataclass

import pyarrow as pa
from arrow_columns import columns
from destination import Failed

OUTCOME = ("_key", "_action", "_outcome", "_code", "_message")
"""Texts beside each row. `_outcome` is `delivered`, `rejected` or `undelivered`; the latter two have a `_message`."""

_SCHEMA = pa.schema([(name, pa.string()) for name in OUTCOME])


@dataclass(frozen=True)
class Delivery:
    """How one of several tasks delivers its part."""

    config: str
    """The plugin's, JSON."""
    seconds: float
    """Between two requests: this task's share of the rate."""
    records: int
    """In one request."""

    @staticmethod
    def shared(config, tasks, requests_per_second=60):
        """One of `tasks` that run at the same time. `config` is a dict."""
        return Delivery(json.dumps(config), tasks / requests_per_second, config.get("batch_size", 1000))


class Pace:
    """Spreads requests evenly: after so many, no more before so many intervals have gone by."""

    def __init__(self, seconds, clock=time.monotonic, sleep=time.sleep):
        self.seconds, self.clock, self.sleep, self.free = seconds, clock, sleep, 0.0

    def wait(self):
        self.sleep(max(0.0, self.free - self.clock()))

    def spend(self, requests):
        self.free = max(self.free, self.clock()) + requests * self.seconds


def mapped(plugin, delivery, batches):
    """The rows with their keys, and why some can't be mapped. Nothing is sent."""
    for batch in batches:
        outcomes = [None] * batch.num_rows
        _map(plugin, delivery, batch, outcomes)
        yield _beside(batch, outcomes)


def sent(plugin, delivery, batches):
    """Sends the rows. Answers them with their outcomes."""
    sender = _Sender(plugin, delivery)
    for batch in _cut(batches, delivery.records):
        outcomes = [None] * batch.num_rows
        sender.send(_map(plugin, delivery, batch, outcomes), outcomes)
        yield _beside(batch, outcomes)


def removed(plugin, delivery, batches):
    """Ends memberships: the first column has the keys, as they were delivered. Answers outcomes alone."""
    sender = _Sender(plugin, delivery)
    for batch in _cut(batches, delivery.records):
        members = batch.column(0).to_pylist()
        outcomes = [{"_key": key, "_action": "delete"} for key in members]
        sender.send(_removals(plugin, members), outcomes)
        yield pa.RecordBatch.from_pylist(outcomes, schema=_SCHEMA)


def _cut(batches, size):
    """Batches of one request each, so that each is paced."""
    for batch in batches:
        for start in range(0, batch.num_rows, size):
            yield batch.slice(start, size)


def _map(plugin, delivery, batch, outcomes):
    mapping = plugin.call("map-batch", delivery.config, columns(plugin, batch), [])
    for row, key, action in zip(mapping.batch.rows, plugin.texts(mapping.batch.keys), mapping.batch.actions):
        outcomes[row] = {"_key": key, "_action": action}
    for issue in mapping.issues:
        outcomes[issue.row] = {"_key": issue.key, "_outcome": "rejected", "_code": issue.code, "_message": issue.message}
    return mapping.batch


class _Sender:
    """Sends one task's batches. After a failure that the plugin's own retries did not mend it sends no more: what is left is
    undelivered, for the next run."""

    def __init__(self, plugin, delivery):
        self.plugin, self.config, self.pace, self.stopped = plugin, delivery.config, Pace(delivery.seconds), None

    def send(self, batch, outcomes):
        rows = list(batch.rows)
        for row in rows:
            outcomes[row] |= {"_outcome": "delivered"}
        if not rows:
            return
        left = range(len(rows))
        if self.stopped is None:
            self.pace.wait()
            try:
                report = self.plugin.call("send-batch", self.config, batch)
                self.pace.spend(report.requests)
                left = report.undelivered
                for it in report.rejected:
                    outcomes[rows[getattr(it, "record-index")]] |= {"_outcome": "rejected", "_code": it.code, "_message": it.message}
                if report.failure is not None:
                    self.stopped = report.failure.payload.message
            except Failed as failed:
                self.stopped = failed.message
        for index in left:
            outcomes[rows[index]] |= {"_outcome": "undelivered", "_message": self.stopped}


def _removals(plugin, members):
    """A batch that deletes members: for a row that left, the engine makes the record itself."""
    nothing = plugin.strings([""] * len(members))
    rows, actions = list(range(len(members))), ["delete"] * len(members)
    return plugin.record(rows=rows, keys=plugin.strings(members), actions=actions, payloads=nothing)


def _beside(batch, outcomes):
    """The rows with their outcomes."""
    beside = pa.RecordBatch.from_pylist(outcomes, schema=_SCHEMA)
    return pa.RecordBatch.from_arrays(batch.columns + beside.columns, schema=pa.schema([*batch.schema, *beside.schema]))

"""The plugin in Spark: rows of a DataFrame are mapped and sent where they are, each partition by a task.

`Destination.deliver` sends rows, `Destination.remove` removes members. Both return a DataFrame of each row's outcome. It is lazy, and
each time Spark computes it the rows are sent: write it to a table once, and read that. `mirror` makes an audience what a table is.

The deployment's rate is shared out: there are `tasks` partitions, and each takes a `tasks`-th of it. Speculative execution would run
some twice, and is refused.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from pyspark import SparkFiles
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from destination_host import delivery
from destination_host.mirror import Decision, Facts, MaxRemovals, Situation, Verdict, changes, decide, identity, target
from destination_host.plugin import Plugin

OUTCOME = StructType([StructField(name, StringType()) for name in delivery.OUTCOME])
"""What is known of each row afterwards."""

_Work = Callable[[Plugin, delivery.Delivery, Iterable[Any]], Iterator[Any]]


class Destination:
    """The plugin, and how it is used by so many tasks at the same time. `config` is the plugin's, as a dict."""

    def __init__(self, spark: SparkSession, component: str, config: Mapping[str, Any], tasks: int, requests_per_second: float = 60) -> None:
        if spark.conf.get("spark.speculation", "false") == "true":
            raise ValueError("spark.speculation is on: it would send some partitions twice, beyond the deployment's rate; turn it off")
        spark.sparkContext.addFile(component)
        self.tasks = tasks
        self._name = PurePath(component).name
        self._share = delivery.Delivery.shared(config, tasks, requests_per_second)
        descriptor = Plugin(component).call("describe")
        self.target: Facts = target(descriptor, config)
        """What is written to."""
        self.identity: Facts = identity(descriptor, config)
        """What shapes the keys."""

    def deliver(self, rows: DataFrame) -> DataFrame:
        """Sends the rows; returns them with their outcome."""
        return rows.repartition(self.tasks).mapInArrow(self._task(delivery.send_rows), _with_outcome(rows.schema))

    def keys(self, rows: DataFrame) -> DataFrame:
        """The rows with the keys that they have at the destination, and those that can't be mapped with their reason. Sends nothing."""
        return rows.mapInArrow(self._task(delivery.map_rows), _with_outcome(rows.schema))

    def remove(self, members: DataFrame) -> DataFrame:
        """Removes the members with these `_key`s; returns outcomes."""
        return members.select("_key").repartition(self.tasks).mapInArrow(self._task(delivery.remove_keys), OUTCOME)

    def _task(self, work: _Work) -> Callable[[Iterable[Any]], Iterator[Any]]:
        """A partition's work, with a plugin of its own."""
        name, share = self._name, self._share

        def run(batches: Iterable[Any]) -> Iterator[Any]:
            yield from work(Plugin(SparkFiles.get(name)), share, batches)

        return run


def written(outcomes: DataFrame, path: str) -> DataFrame:
    """Computes outcomes, once, into a Parquet table: that is what sends. Returns what was written."""
    outcomes.write.parquet(path)
    return outcomes.sparkSession.read.parquet(path)


class OtherTarget(ValueError):
    """A state that is another audience's."""


class State:
    """Who is a member through earlier syncs: a table of `_key` and `_confirmed`, in a folder that Spark reads and writes.

    A run writes a new version before it sends (`begin`: whom it may add, unconfirmed) and another afterwards (`end`: what was confirmed).
    A version counts once it is whole; earlier ones stay until somebody deletes them. One run at a time.
    """

    def __init__(self, spark: SparkSession, folder: str):
        self._spark, self._folder = spark, folder

    def versions(self) -> list[int]:
        """The numbers of whole versions. Spark writes `_SUCCESS` last."""
        context: Any = self._spark.sparkContext
        hadoop = context._jvm.org.apache.hadoop.fs
        root = hadoop.Path(self._folder)
        files = root.getFileSystem(context._jsc.hadoopConfiguration())
        if not files.exists(root):
            return []
        names = [entry.getPath().getName() for entry in files.listStatus(root)]
        whole = [name for name in names if name.isdigit() and files.exists(hadoop.Path(f"{self._folder}/{name}/_SUCCESS"))]
        return sorted(int(name) for name in whole)

    def read(self, of: Destination) -> DataFrame:
        """The last version; an empty table where there is none: a first sync removes nobody. Raises OtherTarget."""
        versions = self.versions()
        if not versions:
            return self._spark.createDataFrame([], "_key string, _confirmed boolean")
        members = self._spark.read.parquet(f"{self._folder}/{versions[-1]}")
        if difference := changes(_facts(members).get("target", {}), of.target):
            raise OtherTarget(f"the state in {self._folder} is for another target: {difference}; name another folder")
        return members

    def identity_change(self, known: DataFrame, of: Destination) -> str | None:
        """How the keys are made differently than those that are known."""
        return changes(_facts(known).get("identity", {}), of.identity) if self.versions() else None

    def begin(self, known: DataFrame, added: DataFrame, of: Destination) -> None:
        """Notes whom a run may add."""
        was = _facts(known).get("identity", {}) if self.versions() else of.identity
        unconfirmed = added.distinct().join(known, "_key", "left_anti").withColumn("_confirmed", F.lit(False))
        self._write(known.unionByName(unconfirmed), of.target, was)

    def end(self, outcomes: DataFrame, removed: DataFrame | None, of: Destination, settled: bool) -> None:
        """Notes what was confirmed: those delivered now, and those of before without whom was removed.

        `settled`: nothing is left undone, so that all known keys are made as they are now.
        """
        known = self.read(of)
        delivered = outcomes.where("_outcome = 'delivered'").select("_key").distinct().withColumn("_confirmed", F.lit(True))
        rest = known.join(delivered, "_key", "left_anti")
        if removed is not None:
            rest = rest.join(removed.where("_outcome = 'delivered'").select("_key"), "_key", "left_anti")
        self._write(rest.unionByName(delivered), of.target, of.identity if settled else _facts(known).get("identity", {}))

    def _write(self, members: DataFrame, target: Facts, identity: Facts) -> None:
        # A part of a version that a run left behind when it died is written over.
        number = (self.versions() or [0])[-1] + 1
        noted = members.withMetadata("_key", {"target": json.dumps(target), "identity": json.dumps(identity)})
        noted.write.mode("overwrite").parquet(f"{self._folder}/{number}")


@dataclass(frozen=True)
class Mirrored:
    """What a mirror did."""

    delivered: DataFrame
    """The outcomes of rows that were new or never confirmed."""
    removed: DataFrame | None
    """The outcomes of removals; None where none were made."""
    decision: Decision
    """Whether members that left were removed, and why not."""


def mirror(
    rows: DataFrame,
    destination: Destination,
    state: State,
    path: str,
    *,
    max_removals: MaxRemovals | None = None,
    allow_removals: bool = False,
) -> Mirrored:
    """Makes an audience what the rows are: sends those who are new, then removes those who left, if it may.

    Outcomes are written below `path`, as `delivered`, `removed` and, where removals are withheld, `withheld`, which has their keys.
    """
    known = state.read(destination)
    identity_change = state.identity_change(known, destination)
    keyed = destination.keys(rows).cache()
    new = keyed.join(known.where("_confirmed").select("_key"), "_key", "left_anti")
    gone = known.select("_key").join(keyed.select("_key"), "_key", "left_anti")
    decision = _decide(keyed, known, gone.count(), identity_change, max_removals or MaxRemovals(), allow_removals)

    # Before anything is sent: a run that dies must not forget whom it may have added.
    state.begin(known, new.where("_key is not null").select("_key"), destination)
    delivered = written(destination.deliver(new.select(rows.columns)), f"{path}/delivered")
    failed = not delivered.where("_outcome = 'undelivered'").isEmpty()
    removed = None
    if decision.verdict is Verdict.WITHHOLD:
        gone.write.parquet(f"{path}/withheld")
    elif decision.verdict is Verdict.REMOVE and not failed:
        removed = written(destination.remove(gone), f"{path}/removed")
        failed = not removed.where("_outcome = 'undelivered'").isEmpty()
    state.end(delivered, removed, destination, settled=not failed and decision.verdict is not Verdict.WITHHOLD)
    return Mirrored(delivered, removed, decision)


def _decide(
    keyed: DataFrame, known: DataFrame, leaving: int, identity_change: str | None, most: MaxRemovals, allow_removals: bool
) -> Decision:
    """Each count is a job of Spark's: none is made where nobody left."""
    read = unnamed = members = 0
    if leaving:
        read = keyed.count()
        unnamed = keyed.where("_outcome = 'rejected' and _key is null").count()
        members = known.count()
    return decide(Situation(read, unnamed, identity_change, members, leaving, most, allow_removals))


def _facts(members: DataFrame) -> dict[str, Facts]:
    """What a state was written for: it stands in the table, so that both are written at once."""
    return {name: json.loads(text) for name, text in members.schema["_key"].metadata.items()}


def _with_outcome(schema: StructType) -> StructType:
    return StructType(schema.fields + OUTCOME.fields)

"""The plugin in Spark: rows of a DataFrame are mapped and sent where they are, each partition by a task of its own.

`deliver` sends rows, `remove` ends memberships. Both answer a DataFrame of what became of each row. It is lazy, and each time Spark
computes it the rows are sent: write it to a table once, and read that. `difference` is what a mirror has to do.

The deployment's rate is shared out: there are `tasks` partitions, and each takes a `tasks`-th of it. Speculative execution would run
some twice, and is refused.
"""

from dataclasses import dataclass

import delivery
from destination import Plugin
from pyspark import SparkFiles
from pyspark.sql import DataFrame
from pyspark.sql.types import StringType, StructField, StructType

OUTCOME = StructType([StructField(name, StringType()) for name in delivery.OUTCOME])


class Destination:
    """The plugin, and how it is used by so many tasks at the same time. `config` is the plugin's, as a dict."""

    def __init__(self, spark, component, config, tasks, requests_per_second=60):
        if spark.conf.get("spark.speculation", "false") == "true":
            raise ValueError("spark.speculation is on: it would send some partitions twice, beyond the deployment's rate")
        spark.sparkContext.addFile(component)
        self.name = component.rsplit("/", 1)[-1]
        self.tasks = tasks
        self.delivery = delivery.Delivery.shared(config, tasks, requests_per_second)

    def deliver(self, rows: DataFrame) -> DataFrame:
        """Sends the rows; answers them with their outcome."""
        return rows.repartition(self.tasks).mapInArrow(self._task(delivery.sent), _with_outcome(rows.schema))

    def keys(self, rows: DataFrame) -> DataFrame:
        """The rows with the keys that they have at Talon.One, and those that can't be mapped with their reason. Nothing is sent."""
        return rows.mapInArrow(self._task(delivery.mapped), _with_outcome(rows.schema))

    def remove(self, members: DataFrame) -> DataFrame:
        """Ends the membership of `_key`s; answers outcomes."""
        return members.select("_key").repartition(self.tasks).mapInArrow(self._task(delivery.removed), OUTCOME)

    def _task(self, work):
        """A partition's work, with a plugin of its own."""
        name, share = self.name, self.delivery

        def run(batches):
            yield from work(Plugin(SparkFiles.get(name)), share, batches)

        return run


@dataclass
class Difference:
    """What a mirror has to do."""

    rows: DataFrame
    """Those to be delivered: new, or never confirmed."""
    keys: DataFrame
    """Their `_key`s."""
    gone: DataFrame
    """The `_key`s of members to be removed."""
    doubt: str | None
    """Why removing them looks like a mistake."""


def difference(rows: DataFrame, known: DataFrame, destination: Destination, count=10, ratio=0.1) -> Difference:
    """Compares the rows with the members: `known` has the `_key`s that earlier syncs may have added, and whether that was
    `_confirmed`. More removals than both `count` and `ratio` of all are in doubt."""
    keyed = destination.keys(rows).cache()
    new = keyed.join(known.where("_confirmed").select("_key"), "_key", "left_anti")
    gone = known.select("_key").join(keyed.select("_key"), "_key", "left_anti")

    left = gone.count()
    doubt = _doubt(keyed, known, left, count, ratio) if left else None
    return Difference(new.select(rows.columns), new.where("_key is not null").select("_key"), gone, doubt)


def _doubt(keyed, known, left, count, ratio):
    """Why so many removals look like a mistake. Each question is a job of Spark's: none is asked where nobody left."""
    nameless = keyed.where("_outcome = 'rejected' and _key is null").count()
    if nameless:
        return f"{nameless} rows could not be mapped and have no ID: they might be anybody's"
    if keyed.isEmpty():
        return "the source has no rows"
    total = known.count()
    if left > count and left > ratio * total:
        return f"{left} of {total} members would go, more than {count} and more than {ratio:.0%}"
    return None


def _with_outcome(schema):
    return StructType(schema.fields + OUTCOME.fields)

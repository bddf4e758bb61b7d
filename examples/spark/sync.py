"""A Spark job that syncs a table to Talon.One. See README.md.

    spark-submit --py-files destination.py,arrow_columns.py,delivery.py,talon_one.py,state.py sync.py --config config.json --component FILE.wasm \\
        --rows customers.parquet --outcomes outcomes.parquet

Ends with 0 where all was delivered, 1 where the run failed, 2 where the config is wrong, 3 where rows were rejected, 4 where a mirror's
removals were withheld.
"""

import argparse
import json
import os
import sys

from destination import Failed, Plugin
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from state import State
from talon_one import Destination, difference


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, help="the plugin's config, JSON; its api_key is taken from TALON_ONE_API_KEY")
    parser.add_argument("--component", required=True, help="the plugin: talon-one-destination.wasm")
    parser.add_argument("--rows", required=True, help="the table, Parquet")
    parser.add_argument("--outcomes", required=True, help="where to write what became of each row, Parquet; must not be there yet")
    parser.add_argument("--state", help="for a mirror: the folder that says who is a member through earlier syncs")
    parser.add_argument("--allow-removals", action="store_true", help="let a mirror remove any number of members")
    parser.add_argument("--tasks", type=int, default=2, help="partitions sent at the same time (2)")
    parser.add_argument("--requests-per-second", type=float, default=60, help="for all tasks together (60)")
    return parser.parse_args()


def main():
    given = arguments()
    with open(given.config, encoding="utf-8") as file:
        config = json.load(file) | {"api_key": os.environ["TALON_ONE_API_KEY"]}
    mirrored = config.get("sync_mode") == "mirror"
    plugin = Plugin(given.component)
    faults = [f"{issue.path}: {issue.message}" for issue in plugin.call("validate-config", json.dumps(config))]
    if mirrored and not given.state:
        faults.append("a mirror needs --state: it has to know who is a member")
    for fault in faults:
        print(f"sync: {fault}", file=sys.stderr)
    if faults:
        return 2
    try:
        plugin.call("check-connection", json.dumps(config))
    except Failed as failed:
        print(f"sync: {failed.message}", file=sys.stderr)
        return 1

    spark = SparkSession.builder.appName("talon-one").getOrCreate()
    destination = Destination(spark, given.component, config, given.tasks, given.requests_per_second)
    rows = spark.read.parquet(given.rows)
    if mirrored:
        return mirror(rows, destination, State(spark, given.state), given.outcomes, given.allow_removals)
    return told(written(destination.deliver(rows), given.outcomes))


def written(outcomes, path):
    """Computes outcomes, once: that is what sends."""
    outcomes.write.parquet(path)
    return outcomes.sparkSession.read.parquet(path)


def mirror(rows, destination, state, path, allow_removals):
    known = state.read()
    todo = difference(rows, known, destination)
    # Before anything is sent: a run that dies must not forget whom it may have added.
    state.begin(known, todo.keys)
    outcomes = written(destination.deliver(todo.rows), f"{path}/delivered")
    withheld = None if allow_removals else todo.doubt
    removed = None if withheld else written(destination.remove(todo.gone), f"{path}/removed")
    state.end(outcomes, removed)
    reasons = outcomes.select("_outcome", "_message")
    return told(reasons if removed is None else reasons.union(removed.select("_outcome", "_message")), withheld)


def told(outcomes, withheld=None):
    """Says what became of the rows, each reason once; answers the exit code."""
    counts = {row["_outcome"]: row["count"] for row in outcomes.groupBy("_outcome").count().collect()}
    print(json.dumps({name: counts.get(name, 0) for name in ("delivered", "rejected", "undelivered")} | {"withheld": withheld}))
    reasons = outcomes.where("_message is not null").groupBy("_outcome", "_message").count().orderBy(F.desc("count"))
    for row in reasons.limit(10).collect():
        print(f"sync: {row['count']} {row['_outcome']}: {row['_message']}", file=sys.stderr)
    if counts.get("undelivered"):
        return 1
    return 3 if counts.get("rejected") else 4 if withheld else 0


if __name__ == "__main__":
    sys.exit(main())

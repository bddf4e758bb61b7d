"""A Spark job that syncs a table to Talon.One. See README.md.

    spark-submit sync.py --config config.json --component FILE.wasm --rows customers.parquet --outcomes outcomes.parquet

Exit codes: 0 all delivered, 1 the run failed, 2 the config is wrong, 3 rows were rejected, 4 a mirror's removals were withheld.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from destination_host import CallFailed, Plugin
from destination_host.mirror import MaxRemovals
from destination_host.spark import Destination, OtherTarget, State, mirror, written


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, help="the plugin's config, JSON; its api_key is taken from TALON_ONE_API_KEY")
    parser.add_argument("--component", required=True, help="the plugin: talon-one-destination.wasm")
    parser.add_argument("--rows", required=True, help="the table, Parquet")
    parser.add_argument("--outcomes", required=True, help="where to write the outcome of each row, Parquet; must not exist yet")
    parser.add_argument("--state", help="for a mirror: the folder that says who is a member through earlier syncs")
    parser.add_argument("--max-removals", type=int, default=10, help="members that a mirror may always remove (10)")
    parser.add_argument("--max-removals-ratio", type=float, default=0.1, help="share of members that a mirror may always remove (0.1)")
    parser.add_argument("--allow-removals", action="store_true", help="let a mirror remove any number of members")
    parser.add_argument("--tasks", type=int, default=2, help="partitions sent at the same time (2)")
    parser.add_argument("--requests-per-second", type=float, default=60, help="for all tasks together (60)")
    return parser.parse_args()


def main():
    given = arguments()
    config = json.loads(Path(given.config).read_text(encoding="utf-8")) | {"api_key": os.environ["TALON_ONE_API_KEY"]}
    mirrored = config.get("sync_mode") == "mirror"
    plugin = Plugin(given.component)
    issues = [f"{issue.path}: {issue.message}" for issue in plugin.call("validate-config", json.dumps(config))]
    if mirrored and not given.state:
        issues.append("a mirror needs --state: it has to know who is a member")
    if issues:
        return failed(issues, 2)
    try:
        plugin.call("check-connection", json.dumps(config))
    except CallFailed as error:
        return failed([error.message], 1)

    spark = SparkSession.builder.appName("talon-one").getOrCreate()
    destination = Destination(spark, given.component, config, given.tasks, given.requests_per_second)
    rows = spark.read.parquet(given.rows)
    if not mirrored:
        return summary(written(destination.deliver(rows), given.outcomes))
    most = MaxRemovals(given.max_removals, given.max_removals_ratio)
    try:
        state = State(spark, given.state)
        done = mirror(rows, destination, state, given.outcomes, max_removals=most, allow_removals=given.allow_removals)
    except OtherTarget as error:
        return failed([str(error)], 2)
    outcomes = done.delivered.select("_outcome", "_message")
    if done.removed is not None:
        outcomes = outcomes.union(done.removed.select("_outcome", "_message"))
    return summary(outcomes, done.decision.message)


def failed(messages, code):
    for message in messages:
        print(f"sync: {message}", file=sys.stderr)
    return code


def summary(outcomes, withheld=None):
    """Prints the counts, and each reason once; returns the exit code."""
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

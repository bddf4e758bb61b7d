"""A Spark job that syncs a table to Talon.One through the binary destination-host. See README.md.

    spark-submit pipe.py --config config.json --host destination-host --rows customers.parquet --rejected rejected.parquet

Exit codes: 0 all delivered, 1 the run failed, 3 rows were rejected.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession

from destination_host.pipe import pipe


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, help="the plugin's config, JSON; its api_key is taken from TALON_ONE_API_KEY")
    parser.add_argument("--host", required=True, help="the host's binary")
    parser.add_argument("--rows", required=True, help="the table, Parquet")
    parser.add_argument("--rejected", required=True, help="where to write rejected rows, Parquet; must not exist yet")
    parser.add_argument("--tasks", type=int, default=2, help="partitions sent at the same time (2)")
    parser.add_argument("--requests-per-second", type=float, default=60, help="for all tasks together (60)")
    given = parser.parse_args()
    config = json.loads(Path(given.config).read_text(encoding="utf-8"))

    spark = SparkSession.builder.appName("talon-one-pipe").getOrCreate()
    rows = spark.read.parquet(given.rows)
    rejected = pipe(rows, given.host, config, os.environ["TALON_ONE_API_KEY"], given.tasks, given.requests_per_second)
    # Computed once: what computes it sends.
    rejected.write.parquet(given.rejected)
    count = spark.read.parquet(given.rejected).count()
    print(json.dumps({"rejected": count}))
    return 3 if count else 0


if __name__ == "__main__":
    sys.exit(main())

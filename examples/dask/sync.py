"""Syncs a Parquet table to Talon.One with Dask: python sync.py CONFIG.json COMPONENT ROWS OUTCOMES. See README.md.

The plugin's key is taken from TALON_ONE_API_KEY. Prints how many rows were delivered, rejected and undelivered.
"""

import json
import os
import sys
from pathlib import Path

import dask.dataframe as dd
from dask.distributed import Client, LocalCluster

from destination_host import Plugin
from destination_host.dask import deliver


def main():
    config_file, component, source, outcomes = sys.argv[1:]
    config = json.loads(Path(config_file).read_text(encoding="utf-8")) | {"api_key": os.environ["TALON_ONE_API_KEY"]}
    for issue in Plugin(component).call("validate-config", json.dumps(config)):
        sys.exit(f"{issue.path}: {issue.message}")

    # Instead of a cluster of two on this machine: Client("tcp://scheduler:8786").
    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster, Client(cluster):
        rows = dd.read_parquet(source, dtype_backend="pyarrow")
        # Computed once: what computes it sends.
        deliver(rows, component, config, tasks=2).to_parquet(outcomes)
        counts = dd.read_parquet(outcomes)["_outcome"].value_counts().compute()
    print(json.dumps({name: int(counts.get(name, 0)) for name in ("delivered", "rejected", "undelivered")}))


if __name__ == "__main__":
    main()

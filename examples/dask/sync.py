"""Syncs a Parquet table to Talon.One with Dask: python sync.py CONFIG.json COMPONENT ROWS OUTCOMES. See README.md.

The plugin's key is taken from TALON_ONE_API_KEY. Prints how many rows were delivered, rejected and undelivered.
"""

import json
import os
import sys

import dask.dataframe as dd
import pandas as pd
import pyarrow as pa
from dask.distributed import Client, LocalCluster
from delivery import OUTCOME, Delivery, sent
from destination import Plugin


def partition(frame, component, share):
    """One partition, where it is: mapped, sent, and answered with its outcomes."""
    batches = pa.Table.from_pandas(frame, preserve_index=False).to_batches()
    return frame_of(pa.Table.from_batches(sent(Plugin(component), share, batches), with_outcome(frame)))


def with_outcome(frame):
    """The schema of a frame's rows with their outcomes."""
    return pa.schema([*pa.Schema.from_pandas(frame, preserve_index=False), *((name, pa.string()) for name in OUTCOME)])


def frame_of(table):
    return table.to_pandas(types_mapper=pd.ArrowDtype)


def main():
    config_file, component, source, outcomes = sys.argv[1:]
    with open(config_file, encoding="utf-8") as file:
        config = json.load(file) | {"api_key": os.environ["TALON_ONE_API_KEY"]}
    for issue in Plugin(component).call("validate-config", json.dumps(config)):
        sys.exit(f"{issue.path}: {issue.message}")

    # Instead of a cluster of two on this machine: Client("tcp://scheduler:8786").
    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster, Client(cluster):
        tasks = 2
        rows = dd.read_parquet(source, dtype_backend="pyarrow").repartition(npartitions=tasks)
        meta = frame_of(with_outcome(rows._meta).empty_table())
        share = Delivery.shared(config, tasks)
        # Computed once: what computes it sends.
        rows.map_partitions(partition, component, share, meta=meta).to_parquet(outcomes)
        counts = dd.read_parquet(outcomes)["_outcome"].value_counts().compute()
    print(json.dumps({name: int(counts.get(name, 0)) for name in ("delivered", "rejected", "undelivered")}))


if __name__ == "__main__":
    main()

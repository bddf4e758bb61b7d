"""The plugin in Dask: the partitions of a DataFrame are mapped and sent by the workers that hold them."""

from collections.abc import Mapping
from typing import Any

import dask.dataframe as dd
import pandas as pd
import pyarrow as pa

from destination_host.delivery import Delivery, send_rows, with_outcome
from destination_host.plugin import Plugin


def deliver(rows: dd.DataFrame, component: str, config: Mapping[str, Any], tasks: int, requests_per_second: float = 60) -> dd.DataFrame:
    """Sends the rows by so many tasks, which share the rate; returns them with their outcomes.

    It is lazy, and each time Dask computes it the rows are sent: write it to a table once, and read that. `component` is the plugin's
    path on the workers, `config` the plugin's own.
    """
    share = Delivery.shared(config, tasks, requests_per_second)
    meta = _frame(with_outcome(_schema(rows._meta)).empty_table())
    delivered: dd.DataFrame = rows.repartition(npartitions=tasks).map_partitions(_deliver, component, share, meta=meta)
    return delivered


def _deliver(frame: pd.DataFrame, component: str, share: Delivery) -> pd.DataFrame:
    """A partition, where it is."""
    batches = pa.Table.from_pandas(frame, preserve_index=False).to_batches()
    return _frame(pa.Table.from_batches(send_rows(Plugin(component), share, batches), with_outcome(_schema(frame))))


def _schema(frame: pd.DataFrame) -> pa.Schema:
    return pa.Schema.from_pandas(frame, preserve_index=False)


def _frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame

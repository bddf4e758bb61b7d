"""The plugin as a destination of dlt: each load job's Parquet file is mapped and sent, batch by batch.

A load job succeeds when all of its rows are confirmed, or rejected and kept as dead letters. Otherwise it fails and its load package
stays pending: the next run of the pipeline takes it up, whole, and to send a row twice does no harm.

Nobody is removed: a load does not know who was added before, nor when a table is complete. What would have to remove is refused by its
name.
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import takewhile
from pathlib import Path
from threading import Lock
from typing import Any, NoReturn

import dlt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet
from dlt.common.destination import Destination
from dlt.common.destination.exceptions import DestinationTerminalException, DestinationTransientException
from dlt.common.schema import TTableSchema
from dlt.common.storages.load_package import ParsedLoadJobFileName

from destination_host.arrow_columns import UnsupportedType
from destination_host.dead_letters import DeadLetters
from destination_host.delivery import OUTCOME, Delivery, RateLimiter, Sender
from destination_host.plugin import CallFailed, Plugin

SHOWN = 5
"""Reasons of rejection that stand in an error."""

DECIMALS = (38, 18)
"""Precision and scale of dlt's decimals from Python values. dlt's own scale is 9; a number with more digits stops its load."""

_log = logging.getLogger(__name__)


def talon_one(
    component: str | os.PathLike[str],
    *,
    name: str = "talon_one",
    dead_letters: str | os.PathLike[str] | None = None,
    requests_per_second: float = 60,
    **options: Any,
) -> Destination[Any, Any]:
    """A destination for `dlt.pipeline`. Its settings are dlt's: `deployment_url`, `api_key` and `config` under `destination.NAME`.

    `component` is the plugin's file. `config` holds the plugin's other settings, and `tables` by the name of a table: the settings that
    it has in the place of those beside it. With `tables`, another table is an error.

    Rejected rows fail their load job, once all others are delivered. With `dead_letters`, a folder, they are kept there as
    `TABLE.JOB.ndjson`, and the job succeeds.

    Load jobs go one after the other, so that the rate is kept and the later of two rows wins. The rate is this process's: another one that
    calls the same deployment has to share it. `options` go to dlt as they are.
    """
    # One job at a time, whatever dlt's own settings say: they share the limiter.
    lock, limiter = Lock(), RateLimiter(Delivery.shared({}, 1, requests_per_second).seconds)

    @dlt.destination(name=name, loader_file_format="parquet", batch_size=0, loader_parallelism_strategy="sequential")
    def deliver(
        file: Any,
        table: TTableSchema,
        deployment_url: str = dlt.config.value,
        api_key: dlt.TSecretStrValue = dlt.secrets.value,
        config: dict[str, Any] = dlt.config.value,
    ) -> None:
        settings = _settings({**config, "deployment_url": deployment_url, "api_key": str(api_key)}, table)
        delivery = Delivery.shared(settings, 1, requests_per_second)
        with lock:
            try:
                _deliver(_plugin(component, settings), delivery, limiter, file, table, dead_letters)
            except CallFailed as failed:
                _fail(table, failed)
            except UnsupportedType as unlike:
                raise DestinationTerminalException(f'table "{table["name"]}": {unlike}') from None

    return deliver(**{"decimal_precision": DECIMALS, **options})


def _settings(settings: dict[str, Any], table: TTableSchema) -> dict[str, Any]:
    """The plugin's settings for a table. Raises what dlt does not repeat."""
    name = table["name"]
    tables = settings.pop("tables", None)
    if tables is not None:
        if name not in tables:
            raise DestinationTerminalException(f'no settings for table "{name}": config.tables has {", ".join(sorted(tables))}')
        settings |= tables[name]
    deleted = [column for column, hints in table["columns"].items() if hints.get("hard_delete")]
    for refused, what in (
        (table.get("write_disposition") == "replace", 'write_disposition "replace"'),
        (settings.get("sync_mode") == "mirror", 'sync_mode "mirror"'),
        (bool(deleted), f"the hint hard_delete of column {', '.join(deleted)}"),
    ):
        if refused:
            raise DestinationTerminalException(
                f'table "{name}": {what} is not supported: a load removes nobody, since it does not know who was added before. Let dlt '
                "write files or a database, and mirror those by `destination-host sync`"
            )
    return settings


def _plugin(component: str | os.PathLike[str], settings: Mapping[str, Any]) -> Plugin:
    plugin = Plugin(component)
    if issues := plugin.call("validate-config", json.dumps(settings)):
        raise DestinationTerminalException("\n".join(f"config: {issue.path}: {issue.message}" for issue in issues))
    return plugin


def _deliver(
    plugin: Plugin, delivery: Delivery, limiter: RateLimiter, file: str, table: TTableSchema, folder: str | os.PathLike[str] | None
) -> None:
    """Sends a file's rows. Raises what keeps its load job from succeeding."""
    sender, rejected = Sender(plugin, delivery, limiter), 0
    reasons: dict[str, str] = {}
    with ExitStack() as opened:
        letters = opened.enter_context(DeadLetters(_letters(Path(folder), file))) if folder is not None else None
        batches = takewhile(lambda _: sender.failure is None, _batches(file, table, delivery.records))
        for number, row in _rejected(sender.rows(batches)):
            key, _, _, code, message = (row.pop(name) for name in OUTCOME)
            rejected += 1
            reasons.setdefault(code, f"{code}: row {number}: {message}")
            if letters is not None:
                letters.write(row, row_number=number, key=key, code=code, message=message)
        if sender.failure is not None:
            raise sender.failure
    if rejected:
        first = "; ".join(list(reasons.values())[:SHOWN])
        said = f'table "{table["name"]}": {rejected} row{"s" * (rejected > 1)} rejected: {first}'
        if letters is None:
            raise DestinationTerminalException(
                f"{said}; the others are delivered. Fix what is wrong and run the pipeline again, or name a folder for them: dead_letters"
            )
        _log.warning("%s; they are kept in %s", said, folder)


def _rejected(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rejected rows with their outcomes and their numbers in the file, from 1."""
    before = 0
    for batch in batches:
        mask = pc.equal(batch.column("_outcome"), "rejected")
        rows = batch.filter(mask).to_pylist(maps_as_pydicts="strict")
        for index, row in zip(pc.indices_nonzero(mask).to_pylist(), rows, strict=True):
            yield before + index + 1, row
        before += batch.num_rows


def _batches(file: str, table: TTableSchema, size: int) -> Iterator[pa.RecordBatch]:
    """The file's rows without dlt's own columns, which are not among the table's."""
    hints = table["columns"]
    with parquet.ParquetFile(file) as opened:
        names = [name for name in opened.schema_arrow.names if name in hints]
        for batch in opened.iter_batches(batch_size=size, columns=names):
            for index, column in enumerate(batch.schema):
                # dlt writes JSON as text.
                if hints[column.name].get("data_type") == "json" and pa.types.is_string(column.type):
                    array = pa.ExtensionArray.from_storage(pa.json_(), batch.column(index))
                    batch = batch.set_column(index, column.with_type(pa.json_()), array)
            yield batch


def _letters(folder: Path, file: str) -> Path:
    """Where a load job's dead letters are kept: the same place each time that it is retried."""
    job = ParsedLoadJobFileName.parse(file)
    return folder / f"{job.table_name}.{job.file_id}.ndjson"


def _fail(table: TTableSchema, failed: CallFailed) -> NoReturn:
    """Fails a load job, to be retried by dlt itself where that may help."""
    kind = DestinationTransientException if failed.transient else DestinationTerminalException
    raise kind(f'table "{table["name"]}": {failed.message}; what is not delivered stays in the load package') from None

"""A sync, as PyAirbyte makes it: sync.py SOURCE SOURCE_CONFIG DESTINATION DESTINATION_CONFIG STREAM STRATEGY STATE."""

import json
import sys
from pathlib import Path

import airbyte
from airbyte.caches import DuckDBCache
from airbyte.strategies import WriteStrategy

source, source_config, destination, destination_config, stream, strategy, state = sys.argv[1:]
read = airbyte.get_source("source-of-the-test", local_executable=source, config=json.loads(source_config), streams=[stream])
write = airbyte.get_destination(
    "destination-talon-one", local_executable=destination, config=json.loads(Path(destination_config).read_text(encoding="utf-8"))
)
write.check()
write.write(
    read,
    cache=False,
    # Where it keeps the STATEs that the destination passed on, if anywhere.
    state_cache=DuckDBCache(db_path=state) if state != "none" else False,
    write_strategy=WriteStrategy(strategy),
    # A table that replaces another is read from its beginning.
    force_full_refresh=strategy == "replace",
)

"""Two syncs to Talon.One as assets: customers become profiles, then an audience follows its members. See README.md."""

import os
from pathlib import Path

from dagster import Definitions, PipesSubprocessClient

from destination_host_runners.dagster import sync_asset

EXAMPLES = Path(__file__).resolve().parent.parent
SHARED = {"host": os.environ.get("DESTINATION_HOST", "destination-host"), "reports": os.environ.get("REPORTS", "reports"), "group_name": "talon_one"}

profiles = sync_asset(EXAMPLES / "profiles" / "sync.toml", **SHARED)
audience = sync_asset(EXAMPLES / "audience" / "sync.toml", deps=[profiles], **SHARED)

definitions = Definitions(assets=[profiles, audience], resources={"pipes_subprocess_client": PipesSubprocessClient()})

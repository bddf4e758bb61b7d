"""Two syncs to Talon.One: customers become profiles, then an audience follows its members. See README.md."""

import os
from datetime import datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG

from destination_host_runners.airflow.operator import SyncOperator

# The sync files: those of this repository's examples, unless SYNCS says otherwise.
SYNCS = os.environ.get("SYNCS", str(Path(__file__).resolve().parents[2]))

with DAG(
    "talon_one",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    # A mirror runs once at a time.
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=5)},
):
    shared = {
        "host": os.environ.get("DESTINATION_HOST", "destination-host"),
        "reports": os.environ.get("REPORTS", "reports") + "/{{ dag_run.run_id }}/{{ task.task_id }}",
    }
    profiles = SyncOperator(task_id="crm_profiles", sync=f"{SYNCS}/profiles/sync.toml", on_rejected="succeed", **shared)
    audience = SyncOperator(task_id="summer_sale", sync=f"{SYNCS}/audience/sync.toml", on_withheld="fail", **shared)
    profiles >> audience

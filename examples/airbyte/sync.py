"""A thousand users from Airbyte's source for trials into Talon.One."""

import os
from pathlib import Path

import airbyte

source = airbyte.get_source(
    "source-faker", local_executable="source-faker", config={"count": 1000, "seed": 7, "parallelism": 1}, streams=["users"]
)
destination = airbyte.get_destination(
    "destination-talon-one",
    local_executable=Path(__file__).with_name("destination-talon-one"),
    config={
        "deployment_url": os.environ["TALON_ONE_URL"],
        "api_key": os.environ["TALON_ONE_API_KEY"],
        "object_type": "customer_profiles",
        # The primary key becomes integration_id.
        "mappings": [{"source": name, "destination": name} for name in ("email", "name")],
    },
)
destination.check()
written = destination.write(source, cache=False, state_cache=False)
print(f"{written.processed_records} users read")

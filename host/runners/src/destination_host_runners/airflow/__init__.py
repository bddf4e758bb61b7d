"""An Airflow provider: the connection type `talon_one` (`hook`), and an operator that runs a sync (`operator`).

Airflow imports this module to learn of the provider, so it imports neither.
"""

from typing import Any


def provider_info() -> dict[str, Any]:
    """What Airflow asks of a provider: the connection type and its form."""
    return {
        "package-name": "destination-host-runners",
        "name": "destination-host",
        "description": "Runs destination-host, which syncs rows to Talon.One.",
        "connection-types": [
            {
                "connection-type": "talon_one",
                "hook-name": "Talon.One",
                "hook-class-name": "destination_host_runners.airflow.hook.TalonOneHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "login", "port", "extra"],
                    "relabeling": {"host": "Deployment URL", "password": "Integration API key"},
                    "placeholders": {"host": "https://yourcompany.talon.one"},
                },
            }
        ],
    }

"""A deployment of Talon.One and its key, as an Airflow connection."""

from typing import Any

from airflow.sdk import BaseHook

URL, KEY = "TALON_ONE_URL", "TALON_ONE_API_KEY"
"""The variables that a sync file names them by: `deployment_url = "${TALON_ONE_URL}"`."""


class TalonOneHook(BaseHook):
    """The connection `talon_one`: its host is the deployment's URL, its password an Integration API key."""

    conn_name_attr = "talon_one_conn_id"
    default_conn_name = "talon_one_default"
    conn_type = "talon_one"
    hook_name = "Talon.One"

    def __init__(self, talon_one_conn_id: str = default_conn_name, **options: Any) -> None:
        super().__init__(**options)
        self._name = talon_one_conn_id

    def get_conn(self) -> dict[str, str]:
        """The variables for the host's environment. They hold the key: never log them."""
        connection = self.get_connection(self._name)
        if not connection.host or not connection.password:
            raise ValueError(
                f'connection "{self._name}" needs a host, the deployment\'s URL (https://yourcompany.talon.one), and a password, '
                "an Integration API key"
            )
        return {URL: connection.host, KEY: connection.password}

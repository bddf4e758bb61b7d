"""A sync as a Dagster asset: `destination-host` runs through Pipes, and its report becomes metadata and asset checks."""

import re
import sys
import tomllib
from os import PathLike
from pathlib import Path
from typing import Any

from dagster import AssetCheckSpec, AssetExecutionContext, AssetKey, AssetsDefinition, MaterializeResult, PipesSubprocessClient, asset

from destination_host_runners.pipes import DRIFT, REJECTED_ROWS, REMOVALS


def sync_asset(
    sync: str | PathLike[str],
    *,
    host: str = "destination-host",
    arguments: tuple[str, ...] = (),
    reports: str | PathLike[str] | None = None,
    verify: bool = False,
    block: bool = False,
    **options: Any,
) -> AssetsDefinition:
    """The asset that a sync file keeps: it is named by the sync, and materialized by a run of it.

    `host` is the binary, `arguments` are more options of `sync`, `reports` is a folder, in which each run keeps its report and its page
    in a folder named by Dagster's run. Checks: `rejected_rows` warns, with the first messages; `removals` fails where some are withheld;
    with `verify` the audience is compared with what was delivered, and `drift` fails where it differs. With `block` a failed check keeps
    what depends on the asset from running. `options` go to `dagster.asset` as they are: `deps`, `group_name`, `retry_policy`, …

    The sync file's variables are taken from the environment. The definitions need the resource `pipes_subprocess_client`.
    """
    name = options.pop("name", None) or _asset_name(Path(sync))
    key = AssetKey([*options.get("key_prefix", ()), name])
    checks = [
        AssetCheckSpec(REJECTED_ROWS, asset=key, description="Rows, or removals, that were rejected."),
        AssetCheckSpec(REMOVALS, asset=key, blocking=block, description="Removals of a mirror that wait for a person."),
    ]
    if verify:
        drift = "Members in Talon.One that are not what was delivered."
        checks.append(AssetCheckSpec(DRIFT, asset=key, blocking=block, description=drift))

    # Dagster takes the bare type alone where an asset has checks.
    def run(context: AssetExecutionContext, pipes_subprocess_client: PipesSubprocessClient) -> MaterializeResult:  # type: ignore[type-arg]
        command = [sys.executable, "-m", "destination_host_runners.pipes", "--host", host]
        if reports is not None:
            command += ["--reports", str(Path(reports) / context.run_id / name)]
        command += ["--verify"] * verify + [str(sync), *arguments]
        return pipes_subprocess_client.run(context=context, command=command).get_materialize_result()

    made: AssetsDefinition = asset(name=name, check_specs=checks, **options)(run)
    return made


def _asset_name(sync: Path) -> str:
    """The sync's own name, in the letters that Dagster takes."""
    return re.sub(r"\W", "_", tomllib.loads(sync.read_text(encoding="utf-8"))["name"], flags=re.ASCII)

"""Runs destination plugins: WebAssembly components that map rows and deliver them.

`plugin` loads one. `arrow_columns` and `delivery` are for engines that work on Arrow batches (extra `arrow`), `mirror` decides what a
mirrored audience may lose, and `spark`, `dask`, `dlt` and `pipe` are such engines (extras of the same names).
"""

from destination_host.plugin import CallFailed, Plugin

__all__ = ["CallFailed", "Plugin"]

"""Rejected rows in a file, in the reference host's form: `destination-host sync --replay FILE` takes it, once the rows are fixed."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from destination_host.arrow_columns import to_json


class DeadLetters:
    """One file, for its owner alone. It takes its place at a clean end, if a row was written; until then it grows as `NAME.part`."""

    def __init__(self, path: Path):
        self._path, self._part, self._rows = path, path.with_name(f"{path.name}.part"), 0
        path.parent.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "DeadLetters":
        self._file = os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8")
        return self

    def write(self, row: Mapping[str, Any], **why: Any) -> None:
        """Adds a row and why it was rejected: `row_number`, `key`, `code`, `message`."""
        letter = [f'"row":{to_json(dict(row))}', *(f'"{name}":{json.dumps(value, ensure_ascii=False)}' for name, value in why.items())]
        self._file.write("{" + ",".join(letter) + "}\n")
        self._rows += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._file as file:
            file.flush()
            os.fsync(file.fileno())
        if kind is None and self._rows:
            self._part.replace(self._path)
        else:
            self._part.unlink()

"""Rejected rows in a file: whole or absent, and to the last digit."""

import json
from decimal import Decimal

import pytest

from destination_host.dead_letters import DeadLetters

WHY = {"row_number": 2, "key": None, "code": "invalid-number", "message": 'column "points": "many"'}


def test_a_row_is_kept_as_the_host_keeps_it(tmp_path):
    path = tmp_path / "rejected" / "customers.ndjson"
    with DeadLetters(path) as letters:
        letters.write({"id": 9007199254740993, "spent": Decimal("1.10"), "name": "Zoë"}, **WHY)
        assert not path.exists()
    text = path.read_text(encoding="utf-8")
    assert text.startswith('{"row":{"id":9007199254740993,"spent":1.10,"name":"Zoë"},"row_number":2,')
    assert {name: json.loads(text)[name] for name in WHY} == WHY
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_nothing_is_left_of_a_job_that_failed_or_had_none(tmp_path):
    with DeadLetters(tmp_path / "none.ndjson"):
        pass
    with pytest.raises(RuntimeError), DeadLetters(tmp_path / "failed.ndjson") as letters:
        letters.write({"id": 1}, **WHY)
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []

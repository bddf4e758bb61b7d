"""What a mirrored audience may lose: the reference host's rules, so that both decide alike (`tests/vectors/removals.json`).

Pure. An empty result of a broken query looks like "everybody has left"; so removals that are many, or that rest on a source that
can't be trusted, are withheld, and a person lets them through.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from destination_host.plugin import field

Facts = dict[str, str]
"""Names and values of a config, secrets never among them."""


@dataclass(frozen=True)
class MaxRemovals:
    """Removals are withheld where there are more than `count` and more than `ratio` of the known members."""

    count: int = 10
    ratio: float = 0.1

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError(f"max_removals.count is {self.count}: expected a number from 0")
        if not 0 <= self.ratio <= 1:
            raise ValueError(f"max_removals.ratio is {self.ratio}: expected a number from 0 to 1")


@dataclass(frozen=True)
class Situation:
    """What is known when the source has ended and all its rows are settled."""

    rows_read: int
    """Rows that the source had."""
    unnamed_rows: int
    """Rows that could not be mapped and whose key is not known either."""
    identity_change: str | None
    """How the keys are made differently than when they were delivered, if they are."""
    known: int
    """Keys that were known before the run."""
    leaving: int
    """Those of them that the source does not have any more."""
    max_removals: MaxRemovals = MaxRemovals()
    allow_removals: bool = False
    """Whether a person lets the removals through."""


class Reason(StrEnum):
    """Why removals are withheld."""

    UNNAMED_ROWS = "unnamed-rows"
    """Any key could be that of a row that could not be mapped. No flag overrides this."""
    OTHER_KEYS = "other-keys"
    """The keys are made in another way, so that none of the old ones would be found."""
    EMPTY_SOURCE = "empty-source"
    TOO_MANY = "too-many"


class Verdict(StrEnum):
    """What to do about the keys that have left."""

    NOTHING = "nothing"
    """None has."""
    REMOVE = "remove"
    WITHHOLD = "withhold"


@dataclass(frozen=True)
class Decision:
    """A verdict; with a reason and a message where removals are withheld."""

    verdict: Verdict
    reason: Reason | None = None
    message: str | None = None


def decide(situation: Situation) -> Decision:
    """Decides once a run, before the first removal."""
    leaving, known, most = situation.leaving, situation.known, situation.max_removals
    if leaving == 0:
        return Decision(Verdict.NOTHING)
    if situation.unnamed_rows:
        rows = "a row" if situation.unnamed_rows == 1 else f"{situation.unnamed_rows} rows"
        return _withhold(Reason.UNNAMED_ROWS, f"{rows} could not be mapped and no ID is known: any member's row could be among them")
    if situation.allow_removals:
        return Decision(Verdict.REMOVE)
    if situation.identity_change is not None:
        return _withhold(Reason.OTHER_KEYS, f"the keys are made in another way than those delivered: {situation.identity_change}")
    if situation.rows_read == 0:
        return _withhold(Reason.EMPTY_SOURCE, "the source is empty")
    if leaving > most.count and leaving > most.ratio * known:
        allowed = f"max_removals allows {most.count} or a share of {most.ratio:g}, whichever is more"
        return _withhold(Reason.TOO_MANY, f"{leaving} of {known} known members would be removed; {allowed}")
    return Decision(Verdict.REMOVE)


def _withhold(reason: Reason, message: str) -> Decision:
    return Decision(Verdict.WITHHOLD, reason, message)


def target(descriptor: Any, config: Mapping[str, Any]) -> Facts:
    """What a sync writes to. A state is for one target."""
    return _facts(descriptor, config, field(field(descriptor, "config_keys"), "target"))


def identity(descriptor: Any, config: Mapping[str, Any]) -> Facts:
    """What shapes the keys of a sync's records. Two configs that make the same keys have the same."""
    facts = _facts(descriptor, config, field(field(descriptor, "config_keys"), "identity"))
    key = _key_field(descriptor, config)
    if key is not None:
        # Without mappings, a column maps to the field of its name.
        mappings = config.get("mappings") or [{"source": key, "destination": key}]
        facts |= {f"column of {key}": str(mapping["source"]) for mapping in mappings if mapping["destination"] == key}
    return facts


def changes(was: Facts, now: Facts) -> str | None:
    """How facts differ, in words; None where they don't."""
    names = [name for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)]
    return "; ".join(f"{name} was {_shown(was, name)}, now it is {_shown(now, name)}" for name in names) or None


def _shown(facts: Facts, name: str) -> str:
    return json.dumps(facts[name], ensure_ascii=False) if name in facts else "not set"


def _facts(descriptor: Any, config: Mapping[str, Any], names: list[str]) -> Facts:
    secrets = {field(secret, "config_key") for secret in field(field(descriptor, "config_keys"), "secrets")}
    # A number and the same number in quotes are one, and so are an empty text and none.
    values = {name: _text(config.get(name)) for name in names if name not in secrets}
    return {name: value for name, value in values.items() if value}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _key_field(descriptor: Any, config: Mapping[str, Any]) -> str | None:
    types = field(descriptor, "object_types")
    chosen = [it for it in types if it.name == config.get("object_type")] or (types if len(types) == 1 else [])
    return str(field(chosen[0], "key_field")) if chosen else None

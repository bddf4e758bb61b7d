"""A plugin, loaded by wasmtime. What goes in and comes out is what the WIT says, in wasmtime's Python forms."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from os import PathLike
from pathlib import Path
from typing import Any, cast

from wasmtime import Config, Engine, Store, WasiConfig
from wasmtime.component import Component, Func, Linker, Record, Variant

INTERFACE = "etl:destination/destination@0.1.0"
"""The contract that plugins are loaded by."""

GRANTED = ("wasi:io/", "wasi:clocks/", "wasi:http/types@", "wasi:http/outgoing-handler@")
"""What a plugin may use."""
REFUSED = ("wasi:cli/", "wasi:filesystem/", "wasi:random/", "wasi:sockets/")
"""What a language's runtime imports: with an empty WasiConfig there is nothing behind it, but random numbers."""


class CallFailed(Exception):
    """A call that failed with the contract's `failure`."""

    transient: bool
    """Whether the same call may succeed later."""
    problem: Any
    """The contract's `problem`: `kind`, `message`, `status` and `retry-after-ms`."""

    def __init__(self, failure: Variant):
        # `execution-failed`, a case for engines alone, has no problem.
        self.transient, self.problem = failure.tag == "transient", failure.payload
        self.kind = str(self.problem.kind) if self.problem else "engine"
        self.message = str(self.problem.message) if self.problem else f"the plugin answered {failure.tag}"
        super().__init__(self.message)


class Plugin:
    """A loaded plugin, for one thread at a time.

    It may call any host by HTTP: load plugins that you trust.
    """

    def __init__(self, path: str | PathLike[str]):
        engine, component = _compiled(Path(path).resolve())
        forbidden = [name for name in component.type.imports(engine) if not (name.startswith(GRANTED + REFUSED) and "@0.2." in name)]
        if forbidden:
            raise ValueError(f"{path} imports what no plugin is granted: {', '.join(forbidden)}")
        linker = Linker(engine)
        linker.add_wasip2()
        linker.add_wasi_http()
        self._store = Store(engine)
        self._store.set_wasi(WasiConfig())
        self._store.set_wasi_http()
        self._instance = linker.instantiate(self._store, component)
        if self._instance.get_export_index(self._store, INTERFACE) is None:
            raise ValueError(f"{path} is not a compatible destination plugin: it does not export {INTERFACE}")

    def call(self, name: str, *arguments: Any, interface: str = "destination") -> Any:
        """Calls a function of the contract by its name in the WIT, such as `map-batch`; returns its result.

        `interface` names one of the optional interfaces for a function of theirs: `inspection`, `provisioning`, `effects`.
        Raises CallFailed where the result is a failure, ValueError where the plugin has no such function, and wasmtime's own errors
        where the plugin traps.
        """
        function = self._function(interface, name)
        answer = function(self._store, *arguments)
        function.post_return(self._store)
        if isinstance(answer, Variant):
            raise CallFailed(answer)
        return answer

    def _function(self, interface: str, name: str) -> Func:
        full_name = INTERFACE.replace("/destination@", f"/{interface}@")
        exports = self._instance.get_export_index(self._store, full_name)
        if exports is None:
            raise ValueError(f"the plugin does not export {full_name}")
        index = self._instance.get_export_index(self._store, name, exports)
        function = self._instance.get_func(self._store, index) if index is not None else None
        if function is None:
            raise ValueError(f"{full_name} has no function {name}")
        return function


def _compiled(path: Path) -> tuple[Engine, Component]:
    """The compiled plugin: once for a process, since a task takes longer to compile it than to map its rows."""
    stat = path.stat()
    return _compile(str(path), stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4)
def _compile(path: str, modified: int, size: int) -> tuple[Engine, Component]:
    engine = Engine(Config())
    return engine, Component.from_file(engine, path)


def record(**fields: Any) -> Record:
    """A record of the contract; `-` in a field's name is `_` here."""
    made = Record()
    for name, value in fields.items():
        setattr(made, name.replace("_", "-"), value)
    return made


def variant(tag: str, payload: Any = None) -> Variant:
    """A case of a variant."""
    return Variant(tag, payload)


def field(of: Record, name: str) -> Any:
    """A record's field by its name in the WIT, with `_` for `-`."""
    return getattr(of, name.replace("_", "-"))


def strings(texts: Iterable[str]) -> Record:
    """Texts as the contract packs them, and as Arrow does: end to end, with where each begins, in bytes."""
    encoded = [text.encode() for text in texts]
    return record(offsets=list(accumulate(map(len, encoded), initial=0)), data=b"".join(encoded).decode())


def texts(packed: Record) -> list[str]:
    """The texts of packed strings."""
    data = cast(str, field(packed, "data")).encode()
    return [data[start:end].decode() for start, end in pairwise(cast(Sequence[int], field(packed, "offsets")))]


def text_column(name: str, values: Sequence[str | None]) -> Record:
    """A column of texts, for `map-batch`. None is null."""
    # Arrow's bitmap: least bit first, a one where there is a value.
    validity = bytearray((len(values) + 7) // 8)
    for row, value in enumerate(values):
        validity[row // 8] |= (value is not None) << row % 8
    return record(name=name, validity=bytes(validity), values=variant("texts", strings(value or "" for value in values)))

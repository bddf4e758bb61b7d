"""The plugin in Python: the same component, by wasmtime. `pip install wasmtime`."""

from itertools import accumulate, pairwise

from wasmtime import Config, Engine, Store, WasiConfig
from wasmtime.component import Component, Linker, Record, Variant

INTERFACE = "etl:destination/destination@0.1.0"


class Failed(Exception):
    """A call that failed: whether it is worth another, and the contract's `problem`: its kind and what it says."""

    def __init__(self, transient, problem):
        super().__init__(problem.message)
        self.transient, self.problem = transient, problem
        self.kind, self.message = problem.kind, problem.message


class Plugin:
    """A loaded plugin. Its functions take and give what the WIT says: records with attributes, lists, texts."""

    def __init__(self, path):
        engine = Engine(Config())
        linker = Linker(engine)
        linker.add_wasip2()
        linker.add_wasi_http()
        self.store = Store(engine)
        self.store.set_wasi(WasiConfig())
        self.store.set_wasi_http()
        instance = linker.instantiate(self.store, Component.from_file(engine, path))
        interface = instance.get_export_index(self.store, INTERFACE)
        self.function = lambda name: instance.get_func(self.store, instance.get_export_index(self.store, name, interface))

    def call(self, name, *arguments):
        function = self.function(name)
        answer = function(self.store, *arguments)
        function.post_return(self.store)
        if isinstance(answer, Variant):
            raise Failed(answer.tag == "transient", answer.payload)
        return answer

    @staticmethod
    def record(**fields):
        made = Record()
        for name, value in fields.items():
            setattr(made, name.replace("_", "-"), value)
        return made

    @staticmethod
    def strings(texts):
        """Texts as the contract packs them, and as Arrow does: end to end, with where each begins, in bytes."""
        encoded = [text.encode() for text in texts]
        return Plugin.record(offsets=list(accumulate(map(len, encoded), initial=0)), data=b"".join(encoded).decode())

    @staticmethod
    def texts(strings):
        """The texts of packed strings."""
        data = strings.data.encode()
        return [data[start:end].decode() for start, end in pairwise(strings.offsets)]

    @staticmethod
    def variant(tag, payload=None):
        return Variant(tag, payload)

"""The package as it is installed."""

import importlib.metadata
from importlib import resources


def test_types_are_shipped_and_the_core_needs_wasmtime_alone():
    assert resources.files("destination_host").joinpath("py.typed").is_file()
    core = [it for it in importlib.metadata.requires("destination-host-python") if "extra ==" not in it]
    assert [it.split("~")[0] for it in core] == ["wasmtime"]

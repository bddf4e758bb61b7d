"""What the tests share: the plugin, loaded once."""

import os

import pytest

from destination_host import Plugin


@pytest.fixture(scope="session")
def component():
    return os.environ["COMPONENT"]


@pytest.fixture(scope="session")
def plugin(component):
    return Plugin(component)

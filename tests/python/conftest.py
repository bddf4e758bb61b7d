"""What the tests share: the plugin, loaded once, and laws that are tried without a clock."""

import os

import pytest
from hypothesis import settings

from destination_host import Plugin

settings.register_profile("suite", database=None, deadline=None)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def component():
    return os.environ["COMPONENT"]


@pytest.fixture(scope="session")
def plugin(component):
    return Plugin(component)

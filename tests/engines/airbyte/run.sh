#!/bin/sh
# The Airbyte destination behind PyAirbyte, which runs sources and destinations as the platform does, with the fake Talon.One behind
# it: run.sh [TEST…]. What is missing is installed first, from PyPI into target/.
set -eu

cd "$(dirname "$0")/../../.."

. tests/repository/install.sh

# Each in an environment of its own, as Airbyte has it. Airbyte's models of its protocol come with the first.
pypi "$PWD/target/airbyte" 'airbyte~=0.71.3' 'psutil~=7.0'
pypi "$PWD/target/source-faker" 'airbyte-source-faker~=7.2'
[ -n "${HOST:-}" ] || build_host

SOURCE_FAKER=$PWD/target/source-faker/bin/source-faker
AIRBYTE_PYTHON=$PWD/target/airbyte/bin/python
export SOURCE_FAKER AIRBYTE_PYTHON PYTHONPATH="$PWD/host/fake"
cd tests/engines/airbyte
if [ $# -gt 0 ]; then "$AIRBYTE_PYTHON" -m unittest --verbose "$@"; else "$AIRBYTE_PYTHON" -m unittest discover --verbose; fi

#!/bin/sh
# The Singer target in Meltano: the example in examples/meltano with a real tap in front of it, a real PostgreSQL, and the fake Talon.One
# behind it; and the test streams that the Singer SDK ships for targets: run.sh [TEST…]. What is missing is installed first:
# PostgreSQL from Debian's packages, the rest from PyPI into target/.
set -eu

cd "$(dirname "$0")/../../.."

. tests/repository/install.sh
. tests/databases/postgresql.sh

# Each in an environment of its own, as Meltano has it: their dependencies do not agree.
pypi "$PWD/target/meltano" 'meltano~=4.4' 'psutil~=7.0'
pypi "$PWD/target/tap-postgres" 'meltanolabs-tap-postgres~=0.10'
pypi "$PWD/target/singer-sdk" 'singer-sdk[testing]~=0.54'
[ -n "${HOST:-}" ] || build_host
start_postgresql

export PATH="$PWD/target/meltano/bin:$PATH"
TAP_POSTGRES=$PWD/target/tap-postgres/bin/tap-postgres
STREAMS=$("$PWD/target/singer-sdk/bin/python" -c 'import singer_sdk.testing as it; print(it.__path__[0])')/target_test_streams
export TAP_POSTGRES STREAMS PYTHONPATH="$PWD/host/fake"
cd tests/engines/meltano
if [ $# -gt 0 ]; then python3 -m unittest --verbose "$@"; else python3 -m unittest discover --verbose; fi

#!/bin/sh
# The operator in Airflow: the example in examples/airflow under a real scheduler (`airflow standalone`), with a run that is killed in
# the middle, against the fake Talon.One: run.sh [TEST…]. Airflow is installed first where it is missing, from PyPI into target/.
#
# Some of Airflow's ports are open to every interface, and its processes outlive what started them: so all of it runs in a network
# without a way out, and in a process namespace that ends with the test.
set -eu

cd "$(dirname "$0")/../../.."

. tests/repository/install.sh

venv=$PWD/target/airflow
pypi "$venv" --editable 'host/runners[airflow]' 'mypy~=2.4'
(cd host/runners && "$venv/bin/mypy" src/destination_host_runners/airflow)
[ -n "${HOST:-}" ] || build_host

export PATH="$venv/bin:$PATH" PYTHONPATH="$PWD/host/fake" AIRFLOW_HOME="$venv/home"
cd tests/engines/airflow
if [ $# -eq 0 ]; then set -- discover; fi
user=
[ "$(id -u)" = 0 ] || user=--map-root-user
# shellcheck disable=SC2016 # for the shell within
exec unshare ${user:+"$user"} --net --pid --fork --kill-child --mount-proc sh -c \
    'python3 up.py && exec python3 -m unittest "$@" --verbose' sh "$@"

#!/bin/sh
# Shell scripts by shellcheck, Python by ruff, the links of all pages by links.py. What is missing is installed first: shellcheck from
# Debian's packages, ruff from PyPI into target/.
set -eu

cd "$(dirname "$0")/../../.."

. tests/repository/install.sh

command -v git >/dev/null || debian "git is missing; install it" git
command -v shellcheck >/dev/null || debian "shellcheck is missing; install it" shellcheck
lint=$PWD/target/lint
pypi "$lint" 'ruff~=0.17'

git ls-files -z -- '*.sh' .ci/run | xargs -0 shellcheck --external-sources
"$lint/bin/ruff" check --no-cache --quiet .
"$lint/bin/ruff" format --no-cache --quiet --check host/python host/runners tests/python examples/python examples/spark examples/dask examples/dlt examples/dagster examples/airflow
"$lint/bin/python" tests/repository/scripts/links.py
say "$(git ls-files -- '*.sh' .ci/run | wc -l) shell scripts and $(git ls-files -- '*.py' | wc -l) files of Python are clean, and every link of $(git ls-files -- '*.md' | wc -l) pages leads somewhere"

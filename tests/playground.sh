#!/bin/sh
# Builds the page of examples/playground and tests it in a real Chromium. What is missing is installed first: the browser from Debian's
# packages, unless CHROMIUM names one, and the page's own tools from npm.
set -eu

cd "$(dirname "$0")/../examples/playground"

say() { echo "playground: $*" >&2; }
fail() { say "$*"; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

command -v npm >/dev/null || fail "npm is missing; install Node.js 20 or later"
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v google-chrome || true)}
if [ -z "$CHROMIUM" ]; then
    command -v apt-get >/dev/null || fail "no browser was found; install Chromium, or set CHROMIUM to one"
    say "installing chromium"
    as_root apt-get update -qq >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >&2
    CHROMIUM=$(command -v chromium)
fi
export CHROMIUM

say "installing the page's tools"
npm install --silent --no-audit --no-fund
npm run --silent build
npm run --silent test
say "pictures of the page are in examples/playground/dist/pictures"

#!/bin/sh
# Builds the page of examples/playground and tests it in a real Chromium. What is missing is installed first: the browser from Debian's
# packages, unless CHROMIUM names one, and the page's own tools from npm.
set -eu

cd "$(dirname "$0")/.."

. tests/install.sh
cd examples/playground

command -v npm >/dev/null || fail "npm is missing; install Node.js 20 or later"
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v google-chrome || true)}
if [ -z "$CHROMIUM" ]; then
    debian chromium "no browser was found; install Chromium, or set CHROMIUM to one"
    CHROMIUM=$(command -v chromium)
fi
export CHROMIUM

say "installing the page's tools"
npm install --silent --no-audit --no-fund
npm run --silent build
npm run --silent test
say "pictures of the page are in examples/playground/dist/pictures"

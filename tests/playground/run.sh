#!/bin/sh
# Builds the page of host/playground and tests it in a real Chromium. What is missing is installed first: the browser from Debian's
# packages, unless CHROMIUM names one, Node.js where there is none, and the page's own tools from npm.
set -eu

cd "$(dirname "$0")/../.."

. tests/repository/install.sh

need_node
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v google-chrome || true)}
if [ -z "$CHROMIUM" ]; then
    debian "no browser was found; install Chromium, or set CHROMIUM to one" chromium
    CHROMIUM=$(command -v chromium)
fi
export CHROMIUM

npm_install host/playground
npm_install tests/playground
npm --prefix host/playground run --silent build
(cd tests/playground && node --test page.test.mjs)
say "pictures of the page are in host/playground/dist/pictures"

#!/bin/sh
# Runs the tests of states that are not in a file, against real servers: PostgreSQL, an S3 and an Azure Blob Storage on this machine, and
# an S3 that ignores conditions on writes. KILLS=100 STOPS=20 for as many as a release is tried with.
set -eu

cd "$(dirname "$0")/../.."

. tests/repository/install.sh
. tests/databases/postgresql.sh

need_node
npm_install tests/state
pypi target/moto 'moto[server]~=5.1'
start_postgresql

# serve NAME PORT COMMAND…: starts a server in the background, and waits until it listens.
serve() {
    name=$1 port=$2
    shift 2
    "$@" >"$folder/$name.log" 2>&1 &
    servers="$servers $!"
    python3 - "$port" <<'PYTHON' || { cat "$folder/$name.log" >&2; fail "$name does not start"; }
import socket, sys, time
for _ in range(300):
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1).close()
        sys.exit()
    except OSError:
        time.sleep(0.1)
sys.exit("no answer")
PYTHON
}
# Below the ports that the system gives to clients.
free_port() { python3 -c '
import random, socket
while True:
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port := random.randrange(20000, 32000)))
        except OSError:
            continue
    print(port)
    break'; }
stop() {
    for server in $servers; do kill "$server" 2>/dev/null || true; done
    stop_postgresql
}
servers=
trap stop EXIT
modules=tests/state/node_modules/.bin

port=$(free_port)
serve moto "$port" target/moto/bin/moto_server -H 127.0.0.1 -p "$port"
export TEST_S3="http://127.0.0.1:$port"
port=$(free_port)
serve azurite "$port" "$modules/azurite-blob" --blobHost 127.0.0.1 --blobPort "$port" --inMemoryPersistence \
    --skipApiVersionCheck --disableTelemetry --silent
export TEST_AZURE="http://127.0.0.1:$port/devstoreaccount1"
port=$(free_port)
serve s3rver "$port" "$modules/s3rver" --address 127.0.0.1 --port "$port" --directory "$folder/s3rver" \
    --configure-bucket state --silent
export TEST_S3_WITHOUT_CONDITIONS="http://127.0.0.1:$port"

# shellcheck disable=SC2086 # RELEASE is a flag or nothing
cargo test --locked --workspace ${RELEASE:+--release} --test e2e -- --ignored elsewhere:: --nocapture --test-threads 1

# shellcheck shell=sh
# A PostgreSQL of the tests' own, and the drivers of the databases. Sourced, from the repository's folder, after install.sh.

find_server() { find /usr/lib/postgresql -name initdb -path '*/bin/*' 2>/dev/null | sort -V | tail -n 1; }

# start_postgresql: starts the server on a free port with an empty folder, until the script ends, and names it and the drivers in
# the environment. What is missing is installed first: the server and its client from Debian's packages, the drivers from PyPI.
start_postgresql() {
    if [ -z "$(find_server)" ]; then
        # The package would start a server of its own, which nobody here asked for.
        debian "PostgreSQL is missing; install its server and client" postgresql
    fi
    bin=$(dirname "$(find_server)")
    drivers=target/drivers
    pypi "$drivers" 'adbc-driver-postgresql~=1.13' 'adbc-driver-sqlite~=1.13'

    folder=$(mktemp -d)
    if [ "$(id -u)" = 0 ]; then chown postgres "$folder"; fi
    trap stop_postgresql EXIT
    trap 'exit 1' INT TERM
    printf 'the-password-of-the-tests' >"$folder/password"
    chmod 644 "$folder/password"
    as_server "$bin/initdb" --pgdata "$folder/data" --username sync --pwfile "$folder/password" --auth scram-sha-256 \
        --encoding UTF8 --locale C >/dev/null
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    as_server "$bin/pg_ctl" --pgdata "$folder/data" --wait --silent --log "$folder/log" \
        --options "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories= -c fsync=off" start ||
        { as_server cat "$folder/log" >&2; fail "PostgreSQL does not start"; }
    say "PostgreSQL $("$bin/postgres" --version | cut -d' ' -f3) listens on port $port"

    export TEST_POSTGRESQL="postgresql://sync:the-password-of-the-tests@127.0.0.1:$port/postgres"
    export TEST_PSQL="$bin/psql"
    TEST_POSTGRESQL_DRIVER=$(driver postgresql)
    TEST_SQLITE_DRIVER=$(driver sqlite)
    export TEST_POSTGRESQL_DRIVER TEST_SQLITE_DRIVER
}

# The server refuses to run as root.
as_server() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

stop_postgresql() {
    as_server "$bin/pg_ctl" --pgdata "$folder/data" --mode immediate stop >/dev/null 2>&1 || true
    rm -rf "$folder"
}

driver() { "$drivers/bin/python" -c "import adbc_driver_$1 as driver; print(driver._driver_path())"; }

//! DuckDB as a driver: a lake of Parquet, CSV and JSON files by one query, and its types to the last digit. What it holds is
//! told by DuckDB's own package for Python.

use std::fs;
use std::time::Instant;

use fake_talon_one::{Keep, Settings};

use super::{ask_duckdb, setting};
use crate::harness::{KEY, TestEnv, counts, sync_file};

/// Customers of the lake.
const CUSTOMERS: u64 = 1_000_000;

/// A sync whose rows are those of a query, its columns under their own names.
fn sync(query: &str) -> String {
    let (head, _) = sync_file("customer_profiles", "", &[], "csv", "").split_once("[source]").map(own).unwrap();
    format!(
        "{head}[source]\ntype = \"adbc\"\ndriver = \"{}\"\nentrypoint = \"duckdb_adbc_init\"\nquery = '''{query}'''\n",
        setting("TEST_DUCKDB_DRIVER")
    )
}

fn own((head, tail): (&str, &str)) -> (String, String) {
    (head.to_owned(), tail.to_owned())
}

fn printed(env: &TestEnv, query: &str) -> String {
    ask_duckdb(&env.path(":memory:"), &env.path(""), query)
}

/// Each expression, and how DuckDB itself prints its value `v` in the form that goes out.
const KINDS: [(&str, &str); 36] = [
    ("'170141183460469231731687303715884105727'::hugeint", "v::varchar"),
    ("'-170141183460469231731687303715884105728'::hugeint", "v::varchar"),
    ("'340282366920938463463374607431768211455'::uhugeint", "v::varchar"),
    ("'170141183460469231731687303715884105728'::uhugeint", "v::varchar"),
    ("5::uhugeint", "v::varchar"),
    ("sum(9223372036854775807)", "v::varchar"),
    ("18446744073709551615::ubigint", "v::varchar"),
    ("9223372036854775807::bigint", "v::varchar"),
    ("(-128)::tinyint", "v::varchar"),
    ("'-1234567890123456789012345678.0123456789'::decimal(38,10)", "v::varchar"),
    ("'99999999999999999999999999999999999999'::decimal(38,0)", "v::varchar"),
    ("12.30::decimal(4,2)", "v::varchar"),
    ("0.1::float", "v::varchar"),
    ("-1.5e300::double", "v::varchar"),
    ("true", "v::varchar"),
    ("'naïve — \"🎉\"'", "to_json(v)"),
    ("date '2024-02-29'", "to_json(strftime(v, '%Y-%m-%dT00:00:00Z'))"),
    ("timestamp '1969-12-31 23:59:59.999999'", "to_json(strftime(v, '%Y-%m-%dT%H:%M:%S.%fZ'))"),
    ("timestamp_s '2024-03-01 12:34:56'", "to_json(strftime(v, '%Y-%m-%dT%H:%M:%SZ'))"),
    ("timestamp_ms '2024-03-01 12:34:56.123'", "to_json(strftime(v, '%Y-%m-%dT%H:%M:%S.%gZ'))"),
    ("timestamp_ns '2024-03-01 12:34:56.123456789'", "to_json(replace(v::varchar, ' ', 'T') || 'Z')"),
    // An instant, whatever zone the session shows it in.
    ("timestamptz '2024-03-01 12:34:56.789012+02'", "to_json(strftime(v AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ'))"),
    ("time '23:59:59.123456'", "to_json(v::varchar)"),
    ("time '24:00:00'", "to_json(v::varchar)"),
    ("uuid '6f1c9a7d-2b4e-4f1c-9a7d-2b4e4f1c9a7d'", "to_json(v)"),
    ("'gold'::enum('silver', 'gold')", "to_json(v)"),
    ("'{\"a\": [1.10, 12345678901234567890]}'::json", "v"),
    ("[1, NULL, 9223372036854775807]", "to_json(v)"),
    ("['340282366920938463463374607431768211455'::uhugeint, 0]", "v::varchar"),
    ("['-170141183460469231731687303715884105728'::hugeint]", "v::varchar"),
    ("[1.10, 2.25]::decimal(38,2)[2]", "v::varchar"),
    ("[true, false]", "to_json(v)"),
    (
        "{'a': 'x', 'n': [{'u': '340282366920938463463374607431768211455'::uhugeint}]}",
        "'{\"a\":\"x\",\"n\":[{\"u\":' || v.n[1].u::varchar || '}]}'",
    ),
    ("map {'k': 7::hugeint, 'l': NULL}", "to_json(v)"),
    ("map {1: 'one'}", "to_json(v)"),
    ("[uuid '6f1c9a7d-2b4e-4f1c-9a7d-2b4e4f1c9a7d']", "to_json(v)"),
];

#[test]
#[ignore = "needs DuckDB: make databases"]
fn what_duckdb_prints_is_what_the_server_receives() {
    let env = TestEnv::permissive();
    let columns: Vec<String> = KINDS.iter().enumerate().map(|(at, (value, _))| format!("{value} AS k{at}")).collect();
    for zone in ["UTC", "America/New_York"] {
        // A statement before the query, as one that loads an extension.
        let query = format!("SET TimeZone = '{zone}'; SELECT 'c' AS integration_id, {}", columns.join(", "));
        env.write("sync.toml", sync(&query));
        env.sync(&[]).ends_with(0);
        let profiles = env.fake.profiles();
        for (at, (value, shown)) in KINDS.iter().enumerate() {
            let printed = printed(&env, &format!("SELECT {shown} FROM (SELECT {value} AS v)"));
            let received = profiles["c"].get(&format!("k{at}")).map(String::as_str).unwrap_or_default();
            // Spaces between the tokens of JSON mean nothing, digits do.
            assert_eq!(received.replace(' ', ""), printed.replace(' ', ""), "{value}");
        }
    }
}

#[test]
#[ignore = "needs DuckDB: make databases"]
fn what_its_driver_can_not_hand_over_is_refused_with_what_to_write_instead() {
    let env = TestEnv::permissive();
    for (value, instead) in [
        ("timetz '12:34:56+02'", "CAST(\"v\" AS VARCHAR)"),
        ("'101'::bit", "CAST(\"v\" AS VARCHAR)"),
        ("'99999999999999999999999999999999999999999999'::bignum", "CAST(\"v\" AS VARCHAR)"),
        ("[timetz '12:34:56+02']", "to_json(\"v\")"),
        ("{'a': {'b': '101'::bit}}", "to_json(\"v\")"),
        ("interval '1 month 2 days'", "CAST(\"v\" AS VARCHAR)"),
        ("union_value(num := 1)", "CAST(\"v\" AS VARCHAR)"),
        ("'infinity'::timestamp_ns", "CAST(\"v\" AS TIMESTAMP)"),
        ("['-infinity'::timestamp_ns]", "to_json(\"v\")"),
        ("'\\xAA\\xBB'::blob", "hex(\"v\")"),
        ("['infinity'::timestamp]", "CAST(\"v\" AS VARCHAR[])"),
    ] {
        env.write("sync.toml", sync(&format!("SELECT 'c' AS integration_id, {value} AS v")));
        let refused = env.sync(&[]);
        assert!([1, 2].contains(&refused.code), "{value}: {}", refused.all());
        refused.says("the column \"v\"");
        assert!(env.fake.requests().is_empty(), "{value}");
        // What is to be written instead goes through, or its row alone is rejected.
        env.write(
            "sync.toml",
            sync(&format!("SELECT integration_id, {instead} AS v FROM (SELECT 'c' AS integration_id, {value} AS v)")),
        );
        let outcome = env.sync(&[]);
        let infinite = instead.ends_with("TIMESTAMP)");
        assert_eq!(outcome.code, if infinite { 3 } else { 0 }, "{value}: {}", outcome.all());
        env.fake.reset();
    }
    // No time at all, and a year that no destination takes: each is its row's.
    env.write(
        "sync.toml",
        sync("SELECT * FROM (VALUES ('a', date '2024-02-29'), ('b', 'infinity'), ('c', date '20000-01-01')) t(integration_id, v)"),
    );
    env.sync(&[]).ends_with(3);
    assert_eq!(counts(&env.report(), ["delivered", "rejected"]), [1, 2]);
}

/// A folder of Parquet files, a CSV file of orders, and lines of JSON.
fn lake(env: &TestEnv) {
    let make = "
        CREATE TABLE customers AS SELECT i, printf('cust_%07d', i) AS customer_id, 'c' || i || '@example.com' AS email,
            (170141183460469231731687303715884105727::hugeint - i) AS points,
            (i * 123456789.0123456789 % 1000000007)::decimal(38, 10) AS balance,
            make_timestamp_ns(1700000000000000001 + i * 1234567890123) AS seen,
            [i, i + 1] AS tags, {'lat': i / 1000000, 'n': i} AS place, md5(i::varchar)::uuid AS device
            FROM range(CUSTOMERS) t(i);
        COPY (SELECT * EXCLUDE i, i % 20 AS part FROM customers) TO 'parts' (FORMAT parquet, PARTITION_BY (part));
        COPY (SELECT customer_id, (i % 977 + 0.25)::decimal(12, 2) AS amount FROM customers, range(i % 3))
            TO 'orders.csv' (HEADER);
        COPY (SELECT customer_id, {'level': i % 5} AS consent FROM customers WHERE i % 2 = 0) TO 'consents.json'";
    printed(env, &make.replace("CUSTOMERS", &CUSTOMERS.to_string()));
}

const QUERY: &str = "
    SELECT c.customer_id AS integration_id, c.email, c.points, c.balance, c.seen, c.tags, c.place, c.device,
           o.spent, o.orders, j.consent.level AS level
    FROM read_parquet('parts/**/*.parquet') c
    LEFT JOIN (SELECT customer_id, sum(amount) AS spent, count(*) AS orders
               FROM read_csv('orders.csv', types = {'amount': 'DECIMAL(12,2)'}) GROUP BY ALL) o USING (customer_id)
    LEFT JOIN read_json('consents.json') j USING (customer_id)";

#[test]
#[ignore = "needs DuckDB: make databases"]
fn a_lake_of_a_million_customers_is_delivered_by_one_query() {
    let env = TestEnv::new(Settings::new(KEY).any_attributes().count_only());
    lake(&env);
    let unlimited = "[limits]\nrequests_per_second = \"unlimited\"\nrequests_per_minute = \"unlimited\"\n";
    env.write("sync.toml", sync(QUERY) + unlimited);
    let begin = Instant::now();
    env.sync(&["--outcomes", "outcomes.parquet"]).ends_with(0);
    println!("a lake of Parquet, CSV and JSON: {:.0} rows/s", CUSTOMERS as f64 / begin.elapsed().as_secs_f64());
    assert_eq!(counts(&env.report(), ["rows_read", "delivered"]), [CUSTOMERS; 2]);
    // Everybody, each once.
    let differing = format!(
        "SELECT count(*), count(l.integration_id), count(o.key), count(DISTINCT o.key) \
         FROM ({QUERY}) l FULL JOIN (FROM 'outcomes.parquet' WHERE outcome = 'delivered') o ON o.key = l.integration_id"
    );
    assert_eq!(printed(&env, &differing), [CUSTOMERS; 4].map(|count| count.to_string()).join("|"));
}

#[test]
#[ignore = "needs DuckDB: make databases"]
fn a_lakes_rows_keep_every_digit_through_the_joins() {
    let env = TestEnv::new(Settings::new(KEY).any_attributes().keep(Keep::Counts));
    lake(&env);
    let some = format!("FROM ({QUERY}) WHERE hash(integration_id) % 50 = 0");
    env.write("sync.toml", sync(&format!("SELECT * {some}")));
    env.sync(&[]).ends_with(0);
    let shown = "integration_id, to_json(email), points::varchar, balance::varchar, \
                 to_json(replace(seen::varchar, ' ', 'T') || 'Z'), to_json(tags), to_json(place), \
                 to_json(device), spent::varchar, orders::varchar, level::varchar";
    let expected = printed(&env, &format!("SELECT {shown} {some} ORDER BY integration_id"));
    let columns = ["email", "points", "balance", "seen", "tags", "place", "device", "spent", "orders", "level"];
    let received: Vec<String> = env
        .fake
        .profiles()
        .iter()
        .map(|(id, attributes)| {
            let values = columns.map(|column| attributes.get(column).map(String::as_str).unwrap_or_default());
            format!("{id}|{}", values.join("|"))
        })
        .collect();
    let expected: Vec<&str> = expected.lines().collect();
    assert!(received.len() > 10_000, "{}", received.len());
    assert_eq!(received.len(), expected.len());
    for (received, expected) in received.iter().zip(expected) {
        assert_eq!(received, expected);
    }
}

#[test]
#[ignore = "needs DuckDB: make databases"]
fn a_driver_is_found_by_its_path_its_manifest_and_its_name() {
    let env = TestEnv::permissive();
    let library = setting("TEST_DUCKDB_DRIVER");
    let manifest = |entrypoint: &str| {
        format!(
            "manifest_version = 1\n[ADBC]\nversion = \"1.1.0\"\n[Driver]\n{entrypoint}\n[Driver.shared]\nlinux_amd64 = \"{library}\"\n"
        )
    };
    fs::create_dir(env.path("drivers")).unwrap();
    env.write("drivers/lake.toml", manifest("entrypoint = \"duckdb_adbc_init\""));
    env.write("drivers/silent.toml", manifest(""));
    env.write("drivers/broken.toml", "this is no manifest");
    let text = sync("SELECT 'c' AS integration_id, '340282366920938463463374607431768211455'::uhugeint AS v");
    let named = |driver: &str, entrypoint: &str| {
        let text = text.replace(&library, driver).replace("entrypoint = \"duckdb_adbc_init\"", entrypoint);
        env.write("sync.toml", text);
        let mut command = env.command(&["sync", "sync.toml"]);
        crate::harness::Outcome::of(command.env("ADBC_DRIVER_PATH", env.path("drivers")))
    };
    let init = "entrypoint = \"duckdb_adbc_init\"";
    for (driver, entrypoint) in [
        (library.as_str(), init),
        // From the folder of the sync file.
        ("drivers/lake.toml", ""),
        ("lake", ""),
    ] {
        named(driver, entrypoint).ends_with(0);
        // It is known for DuckDB, whatever it is called.
        assert_eq!(env.fake.profiles()["c"]["v"], "340282366920938463463374607431768211455", "{driver}");
        env.fake.reset();
    }
    let hint = "for DuckDB, entrypoint = \"duckdb_adbc_init\"";
    for (driver, entrypoint, said) in [
        (library.as_str(), "", hint),
        (library.as_str(), "entrypoint = \"wrong\"", "check `entrypoint`"),
        ("drivers/silent.toml", "", hint),
        ("drivers/broken.toml", "", "drivers/broken.toml"),
        ("drivers/none.toml", "", "drivers/none.toml"),
        ("drivers/lake.toml", init, "stands beside the manifest"),
        ("none", "", "cannot be loaded"),
    ] {
        named(driver, entrypoint).ends_with(2).says(said);
    }
    assert!(env.fake.requests().is_empty());
}

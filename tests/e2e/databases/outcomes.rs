//! What happened to each row, asked of a database: tables that the host fills, and files that DuckDB reads.

use fake_talon_one::{Fault, Faults};
use serde_json::Value;

use super::{ask_duckdb, psql, setting};
use crate::harness::{TestEnv, counts, sync_file};

/// Runs that the question is asked over.
const RUNS: usize = 30;

/// What one customer's row holds in each run; `None` where the source does not have it.
fn points(run: usize) -> Option<&'static str> {
    match run {
        0..=4 => Some("1"),
        5..=8 => Some("2"),
        9 => Some("many"),
        20 => None,
        _ => Some("3"),
    }
}

fn table(database: &str, uri: &str, table: &str) -> String {
    let driver = setting(&format!("TEST_{database}_DRIVER"));
    let opened = match database {
        "DUCKDB" => format!("entrypoint = \"duckdb_adbc_init\"\noptions = {{ path = \"{uri}\" }}"),
        _ => format!("uri = \"{uri}\""),
    };
    format!("[outcomes]\ndriver = \"{driver}\"\n{opened}\ntable = \"{table}\"\n")
}

fn profiles() -> String {
    let mappings = [("id", "integration_id", ""), ("points", "points", "type = \"number\"")];
    sync_file("customer_profiles", "", &mappings, "csv", "rows.csv")
}

/// A query's rows as lines, from DuckDB.
fn in_duckdb(env: &TestEnv, database: &str, query: &str) -> String {
    ask_duckdb(&env.path(database), &env.path(""), query)
}

#[test]
#[ignore = "needs a PostgreSQL server and DuckDB: make databases"]
fn what_happened_to_one_customer_is_one_query_over_thirty_runs() {
    let env = TestEnv::permissive();
    psql("DROP TABLE IF EXISTS row_outcomes", "");
    std::fs::create_dir(env.path("outcomes")).unwrap();
    for (database, uri) in [("POSTGRESQL", setting("TEST_POSTGRESQL")), ("DUCKDB", "outcomes.duckdb".to_owned())] {
        let name = database.to_lowercase();
        let sync = profiles().replace("name = \"e2e\"", &format!("name = \"crm-{name}\""));
        env.write("sync.toml", sync + &table(database, &uri, "row_outcomes"));
        for run in 0..RUNS {
            let mut rows = "id,points\n".to_owned();
            for customer in 0..100 {
                let held = if customer == 42 { points(run) } else { Some("7") };
                held.into_iter().for_each(|points| rows.push_str(&format!("cust_{customer},{points}\n")));
            }
            env.write("rows.csv", rows);
            if run == 12 {
                // A whole run during which nothing gets through. One that changes, so that there is something to send.
                env.write("rows.csv", env.read("rows.csv").replace("cust_42,3", "cust_42,4"));
                env.fake.inject(Faults::script([Fault::status(503).forever()]));
            }
            let file = format!("outcomes/{name}-{run:02}.parquet");
            let outcome = env.host(&["sync", "sync.toml", "--changed-only", "--outcomes", &file]);
            outcome.ends_with(match run {
                9 => 3,
                12 => 1,
                _ => 0,
            });
            env.fake.inject(Faults::none());
        }
    }

    // One query, the same for a table and for files.
    let query = |from: &str| {
        format!(
            "SELECT coalesce(change, '-') || ' ' || outcome || ' ' || coalesce(code, '-') \
             FROM {from} WHERE key = 'cust_42' ORDER BY time"
        )
    };
    let mut expected = vec!["unchanged unchanged -"; RUNS];
    expected[0] = "added delivered -";
    expected[5] = "changed delivered -";
    expected[9] = "- rejected invalid-number";
    expected[10] = "changed delivered -";
    expected[12] = "changed undelivered server";
    // What was not confirmed is sent again.
    expected[13] = "added delivered -";
    expected.remove(20);
    let expected = expected.join("\n");
    assert_eq!(psql(&query("row_outcomes"), ""), expected, "PostgreSQL's table");
    assert_eq!(in_duckdb(&env, "outcomes.duckdb", &query("row_outcomes")), expected, "DuckDB's table");
    for name in ["postgresql", "duckdb"] {
        let files = format!("'outcomes/{name}-*.parquet'");
        assert_eq!(in_duckdb(&env, ":memory:", &query(&files)), expected, "files of {name}");
    }

    // All that a table holds is what the files hold, to the letter.
    let all = "SELECT run_id, epoch_us(time), sync, row_number, key, action, change, outcome, code, message";
    let order = "ORDER BY run_id, row_number";
    let of_files = in_duckdb(&env, ":memory:", &format!("{all} FROM 'outcomes/duckdb-*.parquet' {order}"));
    assert_eq!(of_files.lines().count(), 100 * RUNS - 1);
    assert!(of_files == in_duckdb(&env, "outcomes.duckdb", &format!("{all} FROM row_outcomes {order}")));
    let of_files = in_duckdb(&env, ":memory:", &format!("{all} FROM 'outcomes/postgresql-*.parquet' {order}"));
    let of_table = all.replace("epoch_us(time)", "(extract(epoch FROM time) * 1000000)::bigint");
    assert!(of_files == psql(&format!("{of_table} FROM row_outcomes {order}"), ""));
    assert_eq!(psql("SELECT count(DISTINCT run_id) FROM row_outcomes", ""), RUNS.to_string());
}

/// Rows of which the last can't go into the table: all of the run's rows, or none, and none is lost.
#[test]
#[ignore = "needs a PostgreSQL server and DuckDB: make databases"]
fn a_table_that_refuses_a_row_takes_none_of_the_run_and_the_lines_are_kept() {
    const COLUMNS: &str = "run_id text, time timestamptz, sync text, row_number bigint, key text NOT NULL, action text, \
                           change text, outcome text, code text, message text";
    let mut rows: String = (0..20_000).map(|id| format!("{id},1\n")).collect();
    rows.push_str(",1\n");
    for (database, uri) in [("POSTGRESQL", setting("TEST_POSTGRESQL")), ("DUCKDB", "strict.duckdb".to_owned())] {
        let env = TestEnv::permissive();
        let run = |statement: &str| match database {
            "DUCKDB" => in_duckdb(&env, &uri, statement),
            _ => psql(statement, ""),
        };
        run("DROP TABLE IF EXISTS strict");
        run(&format!("CREATE TABLE strict ({COLUMNS})"));
        env.write("rows.csv", format!("id,points\n{rows}"));
        env.write("sync.toml", profiles() + &table(database, &uri, "strict"));
        let refused = env.sync(&[]);
        refused.ends_with(1).says("the outcomes cannot be written to strict").says("e2e.outcomes.ndjson.interrupted");
        assert!(!refused.all().contains("password-of-the-tests"));
        assert_eq!(counts(&env.report(), ["delivered", "rejected"]), [20_000, 1], "the rows are through");
        assert_eq!(env.report()["failure"]["kind"], "output");
        assert_eq!(run("SELECT count(*) FROM strict"), "0", "{database}");
        let kept = env.read("e2e.outcomes.ndjson.interrupted");
        let last: Value = serde_json::from_str(kept.lines().last().unwrap()).unwrap();
        assert_eq!((kept.lines().count(), &last["outcome"]), (20_001, &Value::from("delivered")));

        // Without that row, and a second time: each run's rows are added to the others.
        env.write("rows.csv", "id,points\na,1\nb,2\n");
        env.sync(&[]).ends_with(0);
        env.sync(&[]).ends_with(0);
        assert_eq!(run("SELECT count(*), count(DISTINCT run_id) FROM strict"), "4|2");
        assert!(!env.path("e2e.outcomes.ndjson.part").exists());
        env.sync(&["--dry-run"]).ends_with(0);
        assert_eq!(run("SELECT count(*) FROM strict"), "4", "a dry run writes nothing there");
    }
}

#[test]
#[ignore = "needs a PostgreSQL server and DuckDB: make databases"]
fn a_table_that_does_not_fit_is_known_before_the_first_request() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id,points\na,1\n");
    let postgresql = setting("TEST_POSTGRESQL");
    let wrong = postgresql.replace("the-password-of-the-tests", "another-password");
    let columns = "run_id text, time timestamptz, sync text, row_number {}, key text, action text, change text, \
                   outcome text, code text, message text";
    let other_order = "message text, time timestamptz, sync text, row_number bigint, key text, action text, change text, \
                       outcome text, code text, run_id text";
    for (name, columns) in [
        ("other_type", columns.replace("{}", "text")),
        ("other_order", other_order.to_owned()),
        ("one_more", columns.replace("{}", "bigint") + ", team text"),
        ("one_less", "run_id text".to_owned()),
    ] {
        psql(&format!("DROP TABLE IF EXISTS {name}; CREATE TABLE {name} ({columns})"), "");
        in_duckdb(&env, "other.duckdb", &format!("CREATE TABLE {name} ({columns})"));
        for (database, uri) in [("POSTGRESQL", postgresql.as_str()), ("DUCKDB", "other.duckdb")] {
            env.write("sync.toml", profiles() + &table(database, uri, name));
            env.sync(&[]).ends_with(2).says(name).says("outcomes need run_id text, time timestamp with time zone");
        }
    }
    env.write("sync.toml", profiles() + &table("POSTGRESQL", &wrong, "row_outcomes"));
    let refused = env.sync(&[]);
    refused.ends_with(1).says("password authentication failed");
    assert!(!refused.all().contains("another-password"));
    assert!(env.fake.requests().is_empty());

    // A schema of its own is named before a dot, and a name that is not plain is taken to the letter.
    psql("DROP SCHEMA IF EXISTS reverse_etl CASCADE; CREATE SCHEMA reverse_etl", "");
    env.write("sync.toml", profiles() + &table("POSTGRESQL", &postgresql, "reverse_etl.Row outcomes"));
    env.sync(&[]).ends_with(0);
    env.sync(&[]).ends_with(0);
    assert_eq!(psql("SELECT count(*) FROM reverse_etl.\"Row outcomes\"", ""), "2");
}

/// A database that is a file and the rows' own source at once.
#[test]
#[ignore = "needs DuckDB: make databases"]
fn a_database_is_not_read_and_written_by_one_run() {
    let env = TestEnv::permissive();
    in_duckdb(&env, "crm.duckdb", "CREATE TABLE customers AS SELECT 'a' AS id, 1 AS points");
    let (head, _) = profiles().split_once("[source]").map(|(head, tail)| (head.to_owned(), tail.to_owned())).unwrap();
    let driver = setting("TEST_DUCKDB_DRIVER");
    let source = format!(
        "[source]\ntype = \"adbc\"\ndriver = \"{driver}\"\nentrypoint = \"duckdb_adbc_init\"\nquery = \"FROM customers\"\n\
         options = {{ path = \"crm.duckdb\" }}\n"
    );
    env.write("sync.toml", head.clone() + &source + &table("DUCKDB", "./crm.duckdb", "o"));
    env.sync(&[]).ends_with(2).says("outcomes.path").says("source.path");
    env.write("sync.toml", head + &source + &table("DUCKDB", "o.duckdb", "o"));
    env.sync(&[]).ends_with(0);
    assert_eq!(in_duckdb(&env, "o.duckdb", "SELECT key, outcome FROM o"), "a|delivered");
    // What a driver makes is its owner's alone, too.
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(env.path("o.duckdb")).unwrap().permissions().mode() & 0o777, 0o600);
}

/// What a killed run leaves can be asked like all else.
#[test]
#[ignore = "needs DuckDB: make databases"]
fn a_part_is_read_by_duckdb() {
    let env = TestEnv::permissive();
    let rows: String = (0..40).map(|id| format!("cust_{id},1\n")).collect();
    env.write("rows.csv", format!("id,points\n{rows}"));
    let sync = profiles().replace("retry =", "batch_size = 10\nretry =") + "[limits]\nconcurrency = 1\n";
    env.write("sync.toml", sync);
    env.fake.inject(Faults::script([Fault::pass().times(2), Fault::hold().once()]));
    let mut killed = env.command(&["sync", "sync.toml", "--outcomes", "o.parquet"]).spawn().unwrap();
    env.fake.wait_for(3, std::time::Duration::from_secs(120)).unwrap();
    killed.kill().unwrap();
    killed.wait().unwrap();
    let part = "read_ndjson('o.parquet.part', ignore_errors = true)";
    let told = in_duckdb(&env, ":memory:", &format!("SELECT outcome, count(*) FROM {part} GROUP BY ALL"));
    assert_eq!(told, "delivered|20");
}

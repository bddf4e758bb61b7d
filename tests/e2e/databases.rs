//! Databases, as sources and for outcomes: a real PostgreSQL, SQLite and DuckDB, through the drivers that users install. They
//! need what `tests/databases/run.sh` starts and installs: `make databases`.

mod duckdb;
mod outcomes;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray};
use fake_talon_one::{Keep, Settings};

use crate::harness::{KEY, Outcome, TestEnv, counts, sync_file};
use crate::sources::{arrow_stream, parquet_file};

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run this by tests/databases/run.sh"))
}

/// What `psql` prints for a statement, with `input` for a COPY.
fn psql(statement: &str, input: &str) -> String {
    let mut child = Command::new(setting("TEST_PSQL"))
        .args([
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set",
            "ON_ERROR_STOP=1",
            "--command",
            statement,
        ])
        .arg(setting("TEST_POSTGRESQL"))
        .env("PGTZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{statement}");
    String::from_utf8(output.stdout).unwrap().trim_end_matches('\n').to_owned()
}

/// What DuckDB's own package for Python says to a statement: rows as lines, values between bars. Paths are taken from `folder`.
fn ask_duckdb(database: &Path, folder: &Path, statement: &str) -> String {
    const PROGRAM: &str = "import duckdb, sys\n\
        connection = duckdb.connect(':memory:' if sys.argv[1].endswith(':memory:') else sys.argv[1])\n\
        connection.execute('SET enable_progress_bar = false')\n\
        for row in connection.execute(sys.argv[2]).fetchall():\n    \
            print('|'.join('' if value is None else str(value) for value in row))";
    let output = Command::new(setting("TEST_DUCKDB_PYTHON"))
        .args(["-c", PROGRAM])
        .arg(database)
        .arg(statement)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end_matches('\n').to_owned()
}

/// A sync file whose rows are a query's.
fn query(sync: &str, database: &str, uri: &str, query: &str) -> String {
    let (head, _) = sync.split_once("[source]").unwrap();
    let driver = setting(&format!("TEST_{database}_DRIVER"));
    format!("{head}[source]\ntype = \"adbc\"\ndriver = \"{driver}\"\nuri = \"{uri}\"\nquery = '''{query}'''\n")
}

#[test]
#[ignore = "needs a PostgreSQL server: make databases"]
fn what_postgresql_holds_is_what_the_server_receives() {
    let env = TestEnv::permissive();
    psql(
        "DROP TABLE IF EXISTS kinds; CREATE TABLE kinds (id uuid PRIMARY KEY, amount numeric(38,9), big bigint, \
         seen timestamptz, born date, tags text[], extra jsonb, ok boolean, ratio double precision, note text); \
         INSERT INTO kinds VALUES \
         ('6f1c9a7d-2b4e-4f1c-9a7d-2b4e4f1c9a7d', 12345678901234567890123456789.123456789, 9007199254740993, \
          '2024-03-01 12:34:56.789012+02', '2024-02-29', ARRAY['red', 'dark \"blue\"', NULL], '{\"a\": [1.10, \"x\"]}', true, 0.1, \
          'naïve — 🎉'), \
         ('00000000-0000-0000-0000-000000000001', -0.000000001, -9223372036854775808, '1969-12-31 23:59:59.999999+00', \
          '1900-01-01', '{}', '[]', false, -1.5e300, ''), \
         ('00000000-0000-0000-0000-000000000002', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        "",
    );
    let columns = ["amount", "big", "seen", "born", "tags", "extra", "ok", "ratio", "note"];
    let mut mappings = vec![("id", "integration_id", "")];
    mappings.extend(columns.map(|column| (column, column, "")));
    let sync = sync_file("customer_profiles", "", &mappings, "csv", "rows.csv");
    env.write(
        "sync.toml",
        query(
            &sync,
            "POSTGRESQL",
            &setting("TEST_POSTGRESQL"),
            "SELECT id, amount, big, seen, born, to_json(tags) AS tags, extra, ok, ratio, note FROM kinds ORDER BY id",
        ),
    );
    env.sync(&[]).ends_with(0);

    let profiles = env.fake.profiles();
    assert_eq!(profiles.len(), 3);
    // Each value as PostgreSQL itself writes it, in the form that goes out.
    let printed = [
        ("amount", "amount::text"),
        ("big", "big::text"),
        ("seen", "to_json(to_char(seen AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'))"),
        ("born", "to_json(to_char(born, 'YYYY-MM-DD\"T00:00:00Z\"'))"),
        ("tags", "to_json(tags)"),
        ("extra", "extra::text"),
        ("ok", "ok::text"),
        ("note", "to_json(note)"),
    ];
    for (id, attributes) in &profiles {
        for (column, expression) in printed {
            let shown = psql(&format!("SELECT {expression} FROM kinds WHERE id = '{id}'"), "");
            let received = attributes.get(column).map(String::as_str).unwrap_or_default();
            match column {
                // Spaces between the tokens of JSON mean nothing, digits do.
                "extra" | "tags" => assert_eq!(received.replace(' ', ""), shown.replace(' ', ""), "{id} {column}"),
                _ => assert_eq!(received, shown, "{id} {column}"),
            }
        }
        let ratio = psql(&format!("SELECT ratio::text FROM kinds WHERE id = '{id}'"), "");
        let received = attributes.get("ratio").map(|digits| digits.parse::<f64>().unwrap());
        assert_eq!(received, ratio.parse().ok(), "{id} ratio");
    }
}

#[test]
#[ignore = "needs a PostgreSQL server: make databases"]
fn a_database_that_fails_is_quoted_and_removes_nobody() {
    let env = TestEnv::permissive();
    let settings = "audience_id = 42\nsync_mode = \"mirror\"\n";
    let sync = sync_file("customer_profile_audiences", settings, &[("id", "integration_id", "")], "csv", "rows.csv");
    let uri = setting("TEST_POSTGRESQL");
    let members = "SELECT id::text AS id FROM generate_series(0, 99999) AS id";
    env.write("sync.toml", query(&sync, "POSTGRESQL", &uri, members));
    env.sync(&[]).ends_with(0);
    assert_eq!(env.fake.members(42).len(), 100_000);

    let wrong = uri.replace("the-password-of-the-tests", "another-password");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("postgresql://sync@{free}/postgres?connect_timeout=2");
    // The third ends its own connection in the middle of its rows.
    let dropped = "SELECT CASE WHEN id = 50000 THEN pg_terminate_backend(pg_backend_pid())::text ELSE id::text END AS id \
                   FROM generate_series(0, 60000) AS id";
    for (uri, text, said) in [
        (&uri, "SELECT nope AS id", "column \"nope\" does not exist"),
        (&wrong, members, "password authentication failed for user \"sync\""),
        (&uri, dropped, "terminating connection due to administrator command"),
        (&uri, "SELECT (1 / (id - 50000))::text AS id FROM generate_series(0, 60000) AS id", "division by zero"),
        (&nobody, members, "Connection refused"),
    ] {
        env.write("sync.toml", query(&sync, "POSTGRESQL", uri, text));
        let outcome = env.host(&["sync", "sync.toml", "--allow-removals"]);
        outcome.ends_with(1).says(said);
        assert!(!outcome.all().contains("password-of-the-tests") && !outcome.all().contains("another-password"));
        assert_eq!(env.fake.members(42).len(), 100_000, "{said}");
    }
    env.write("sync.toml", query(&sync, "POSTGRESQL", &uri, "SELECT 1 AS id, 2 AS id"));
    env.sync(&[]).ends_with(1).says("has two columns named \"id\"");
}

/// A variable stands for itself in a URL, whatever is in it: it opens the database, adds no parameter, and is never printed.
#[test]
#[ignore = "needs a PostgreSQL server: make databases"]
fn a_password_of_any_characters_opens_the_database_and_is_never_printed() {
    let uri = setting("TEST_POSTGRESQL");
    let (_, place) = uri.split_once('@').unwrap();
    for password in ["Sup3r%zzSecret", "a b c d", "a&b=c&d", "x&port=1&host=127.0.0.2", "p@ss/w:rd?#", "quote\"\\x"] {
        psql(&format!("DROP ROLE IF EXISTS odd; CREATE ROLE odd LOGIN PASSWORD '{password}'"), "");
        let env = TestEnv::permissive();
        let sync = sync_file("customer_profiles", "", &[("id", "integration_id", "")], "csv", "rows.csv");
        for uri in [format!("postgresql://odd:${{PW}}@{place}"), format!("postgresql://odd@{place}?password=${{PW}}")] {
            env.write("sync.toml", query(&sync, "POSTGRESQL", &uri, "SELECT 'a' AS id"));
            for (given, code) in [(password.to_owned(), 0), (format!("{password}wrong"), 1)] {
                for format in ["text", "json"] {
                    let mut command = env.command(&["sync", "sync.toml", "--log-format", format, "--report", "r.json"]);
                    let outcome = Outcome::of(command.env("PW", &given).env("DESTINATION_HOST_LOG", "trace"));
                    outcome.ends_with(code);
                    let told = outcome.all() + &env.read("r.json");
                    assert!(!told.contains(password), "{password} is printed: {told}");
                }
            }
        }
        assert_eq!(env.fake.profiles().len(), 1);
    }
}

#[test]
#[ignore = "needs SQLite's driver: make databases"]
fn sqlite_is_read_by_its_driver() {
    let env = TestEnv::permissive();
    let database = rusqlite::Connection::open(env.path("crm.sqlite")).unwrap();
    database
        .execute_batch(
            "CREATE TABLE customers (id TEXT, points INTEGER, ratio REAL, note TEXT); \
             INSERT INTO customers VALUES ('007', 9007199254740993, 0.1, NULL), ('008', NULL, -1.5, '🎉')",
        )
        .unwrap();
    drop(database);
    let mappings =
        [("id", "integration_id", ""), ("points", "points", ""), ("ratio", "ratio", ""), ("note", "note", "")];
    let sync = sync_file("customer_profiles", "", &mappings, "csv", "rows.csv");
    let uri = env.path("crm.sqlite").display().to_string();
    env.write("sync.toml", query(&sync, "SQLITE", &uri, "SELECT * FROM customers"));
    env.sync(&[]).ends_with(0);
    let profiles = env.fake.profiles();
    let shown =
        |id: &str| profiles[id].iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
    assert_eq!(shown("007"), "points=9007199254740993 ratio=0.1");
    assert_eq!(shown("008"), "note=\"🎉\" ratio=-1.5");
    env.write("sync.toml", query(&sync, "SQLITE", &uri, "SELECT * FROM no_such_table"));
    env.sync(&[]).ends_with(1).says("no such table: no_such_table");
}

/// A query gets a first sync file as a file does. An address that holds a password is taken from the environment.
#[test]
#[ignore = "needs SQLite's driver: make databases"]
fn a_first_sync_file_is_made_for_a_query() {
    let env = TestEnv::permissive();
    let path = env.path("crm.sqlite").display().to_string();
    let database = rusqlite::Connection::open(&path).unwrap();
    database
        .execute_batch("CREATE TABLE c (id TEXT, mail TEXT, points INTEGER); INSERT INTO c VALUES ('007', 'a@b.c', 5)")
        .unwrap();
    drop(database);
    let driver = setting("TEST_SQLITE_DRIVER");
    let secret = format!("file:{path}?vfs=unix&password=s3cret");
    for (uri, written) in [(&path, format!("uri = \"{path}\"")), (&secret, "uri = \"${DATABASE_URI}\"".to_owned())] {
        let arguments = ["init", "--driver", &driver, "--uri", uri, "--query", "SELECT * FROM c"];
        let made = env.host(&arguments);
        made.ends_with(0).says(&written);
        assert!(!made.all().contains("s3cret"), "{}", made.all());
        env.write("made.toml", &made.stdout);
        let preview = Outcome::of(env.command(&["preview", "made.toml"]).env("DATABASE_URI", uri));
        preview.ends_with(0).says(r#"{"integrationId":"007","attributes":{"email":"a@b.c","points":5}}"#);
    }
}

const CUSTOMERS: i64 = 100_000;

/// A made-up customer: values by column, as text; `None` is null.
fn customer(n: i64) -> [Option<String>; 7] {
    let some = |every: i64, text: String| (n % every != 0).then_some(text);
    [
        Some(format!("cust_{n:06}")),
        some(11, format!("someone+{n}@example.com")),
        some(13, format!("Zoë \"{n}\", née O'Neil")),
        some(7, (n * 31 - 1000).to_string()),
        some(5, format!("{}.{:02}", n * 7, n % 100)),
        some(3, format!("{:04}-{:02}-{:02}", 1990 + n % 35, 1 + n % 12, 1 + n % 28)),
        some(2, (n % 4 == 1).to_string()),
    ]
}

const COLUMNS: [&str; 7] = ["customer_id", "email", "name", "points", "balance", "signup", "vip"];

/// The customers as text: CSV.
fn csv() -> String {
    let quoted =
        |value: Option<String>| value.map_or(String::new(), |text| format!("\"{}\"", text.replace('"', "\"\"")));
    let line = |n| customer(n).map(quoted).join(",") + "\n";
    format!("{}\n{}", COLUMNS.join(","), (0..CUSTOMERS).map(line).collect::<String>())
}

/// The customers as columns of the types that Arrow has for them.
fn typed() -> RecordBatch {
    let texts = |column: usize| -> Vec<Option<String>> {
        (0..CUSTOMERS).map(|n| customer(n).into_iter().nth(column).unwrap()).collect()
    };
    let days = |text: &str| {
        let date = arrow_cast::cast(&StringArray::from(vec![text]), &arrow_schema::DataType::Date32).unwrap();
        arrow_array::cast::AsArray::as_primitive::<arrow_array::types::Date32Type>(&date).value(0)
    };
    let cents = |text: &str| text.replace('.', "").parse::<i128>().unwrap();
    let columns: [ArrayRef; 7] = [
        Arc::new(StringArray::from(texts(0))),
        Arc::new(StringArray::from(texts(1))),
        Arc::new(StringArray::from(texts(2))),
        Arc::new(Int64Array::from_iter(texts(3).iter().map(|v| v.as_ref().map(|text| text.parse::<i64>().unwrap())))),
        Arc::new(
            Decimal128Array::from_iter(texts(4).iter().map(|v| v.as_deref().map(cents)))
                .with_precision_and_scale(12, 2)
                .unwrap(),
        ),
        Arc::new(Date32Array::from_iter(texts(5).iter().map(|v| v.as_deref().map(days)))),
        Arc::new(BooleanArray::from_iter(texts(6).iter().map(|v| v.as_deref().map(|text| text == "true")))),
    ];
    RecordBatch::try_from_iter(COLUMNS.into_iter().zip(columns)).unwrap()
}

#[test]
#[ignore = "needs databases and their drivers: make databases"]
fn the_same_customers_come_out_of_every_source() {
    let env = TestEnv::new(Settings::new(KEY).any_attributes().keep(Keep::Counts));
    let csv = csv();
    env.write("rows.csv", &csv);
    let ndjson: String = (0..CUSTOMERS)
        .map(|n| {
            let values = COLUMNS.iter().zip(customer(n)).filter_map(|(name, value)| Some((*name, value?)));
            let members: Vec<String> = values
                .map(|(name, text)| match name {
                    "points" | "balance" | "vip" => format!("\"{name}\":{text}"),
                    _ => format!("\"{name}\":{}", serde_json::Value::from(text)),
                })
                .collect();
            format!("{{{}}}\n", members.join(","))
        })
        .collect();
    env.write("rows.ndjson", ndjson);
    let typed = typed();
    parquet_file(&env, "rows.parquet", &typed);
    env.write("rows.arrow", arrow_stream(&typed));
    let table =
        "customer_id text, email text, name text, points bigint, balance numeric(12,2), signup date, vip boolean";
    psql(&format!("DROP TABLE IF EXISTS customers; CREATE TABLE customers ({table})"), "");
    psql("COPY customers FROM STDIN WITH (FORMAT csv, HEADER)", &csv);
    let sqlite = env.path("rows.sqlite");
    fill_sqlite(&sqlite);

    let mappings = [
        ("customer_id", "integration_id", ""),
        ("email", "email", ""),
        ("name", "name", ""),
        ("points", "points", "type = \"number\""),
        ("balance", "balance", "type = \"number\""),
        ("signup", "signup_date", "type = \"time\""),
        ("vip", "vip", "type = \"boolean\""),
    ];
    let unlimited = "[limits]\nrequests_per_second = \"unlimited\"\nrequests_per_minute = \"unlimited\"\n";
    let file = |kind: &str, path: &str| sync_file("customer_profiles", "", &mappings, kind, path) + unlimited;
    let all = "SELECT * FROM customers";
    let syncs = [
        ("CSV", file("csv", "rows.csv")),
        ("NDJSON", file("ndjson", "rows.ndjson")),
        ("Parquet", file("parquet", "rows.parquet")),
        ("Arrow", file("arrow", "rows.arrow")),
        ("SQLite", query(&file("csv", ""), "SQLITE", &sqlite.display().to_string(), all) + unlimited),
        ("PostgreSQL", query(&file("csv", ""), "POSTGRESQL", &setting("TEST_POSTGRESQL"), all) + unlimited),
    ];
    let mut first = None;
    for (name, sync) in syncs {
        env.fake.reset();
        env.write("sync.toml", sync);
        let begin = Instant::now();
        let outcome: Outcome = env.sync(&[]);
        outcome.ends_with(0);
        let rate = CUSTOMERS as f64 / begin.elapsed().as_secs_f64();
        assert_eq!(counts(&env.report(), ["rows_read", "delivered"]), [CUSTOMERS as u64; 2], "{name}");
        println!("{name:<10} {rate:>9.0} rows/s");
        let profiles = env.fake.profiles();
        match &first {
            None => first = Some(profiles),
            Some(first) => assert!(*first == profiles, "{name} brings other profiles than CSV"),
        }
    }
    assert_eq!(first.unwrap()["cust_000001"].len(), 6);
}

/// SQLite has no decimals, dates and booleans: they are texts there.
fn fill_sqlite(path: &std::path::Path) {
    let mut database = rusqlite::Connection::open(path).unwrap();
    database
        .execute_batch("CREATE TABLE customers (customer_id TEXT, email TEXT, name TEXT, points INTEGER, balance TEXT, signup TEXT, vip TEXT)")
        .unwrap();
    let transaction = database.transaction().unwrap();
    {
        let mut insert = transaction.prepare("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?)").unwrap();
        for n in 0..CUSTOMERS {
            insert.execute(customer(n)).unwrap();
        }
    }
    transaction.commit().unwrap();
}

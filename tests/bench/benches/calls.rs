//! Calls across the border, beside the same code without one: what the sandbox costs.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

use std::hint::black_box;

use bench::{COLUMNS, CONFIG, customer, packed};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use destination_engine::bindings::{Column, Strings, Values};
use destination_engine::http::client::{ClientSettings, HttpClient};
use destination_engine::http::hooks::HttpContext;
use destination_engine::http::rate_limiter::RateLimiter;
use destination_engine::limits::Limits;
use destination_engine::plugin::Plugin;
use destination_engine::plugin::runtime::{CompileCache, Runtime};
use destination_engine::plugin::session::Session;
use talon_one_destination::bindings::exports::etl::destination::destination as guest;
use tokio::runtime;

const ROWS: usize = 1000;

fn session(runtime: &runtime::Runtime) -> Session {
    runtime.block_on(async {
        let engine = Runtime::new(Limits::default(), CompileCache::User).unwrap();
        let component = std::fs::read("../../target/component/talon-one-destination.wasm").unwrap();
        let plugin = Plugin::load(&engine, &component, "plugin").await.unwrap();
        let client = HttpClient::new(&ClientSettings::default()).unwrap();
        plugin.session(CONFIG, HttpContext::new(client, RateLimiter::unlimited())).unwrap()
    })
}

/// The same values for both sides.
struct Texts(Vec<(Vec<u32>, String)>);

impl Texts {
    fn of(rows: usize) -> Self {
        let column = |at: usize| packed((0..rows).map(|n| customer(n).into_iter().nth(at).unwrap()));
        Self((0..COLUMNS.len()).map(column).collect())
    }

    fn columns(&self) -> Vec<Column<'_>> {
        let named = COLUMNS.iter().zip(&self.0);
        named
            .map(|(name, (offsets, data))| Column {
                name,
                validity: &[],
                values: Values::Texts(Strings { offsets, data }),
            })
            .collect()
    }
}

fn calls(criterion: &mut Criterion) {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let session = session(&runtime);
    let mut group = criterion.benchmark_group("map-batch");
    for rows in [1, ROWS, 8 * ROWS] {
        group.throughput(Throughput::Elements(rows as u64));
        let (texts, own) = (Texts::of(rows), bench::columns(rows));
        let crossing = texts.columns();
        group.bench_function(BenchmarkId::new("native", rows), |bencher| {
            bencher.iter(|| black_box(talon_one_destination::map_batch(CONFIG, black_box(&own), &[]).unwrap()));
        });
        group.bench_function(BenchmarkId::new("sandbox", rows), |bencher| {
            bencher.iter(|| {
                runtime.block_on(async { black_box(session.map_batch(black_box(&crossing), &[]).await.unwrap()) })
            });
        });
    }
    group.finish();

    // Where a batch's time goes: nothing but the border, and the request's body.
    let mut group = criterion.benchmark_group("border");
    let nobody = Texts::of(0);
    let columns = nobody.columns();
    group.bench_function("empty-call", |bencher| {
        bencher.iter(|| runtime.block_on(async { black_box(session.map_batch(&columns, &[]).await.unwrap()) }));
    });
    let mapped = runtime.block_on(async { session.map_batch(&Texts::of(ROWS).columns(), &[]).await.unwrap() });
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("render-batch", |bencher| {
        bencher.iter(|| runtime.block_on(async { black_box(session.render_batch(&mapped.batch).await.unwrap()) }));
    });
    group.finish();

    let mut group = criterion.benchmark_group("columns");
    for (name, values) in kinds() {
        let ids = packed((0..ROWS).map(|n| format!("{n}")));
        let columns = [
            guest::Column {
                name: "customer_id".to_owned(),
                validity: Vec::new(),
                values: guest::Values::Texts(guest::Strings { offsets: ids.0, data: ids.1 }),
            },
            guest::Column { name: "value".to_owned(), validity: Vec::new(), values },
        ];
        let config = r#"{"deployment_url":"https://yourcompany.talon.one","api_key":"0123456789abcdef","object_type":"customer_profiles",
            "mappings":[{"source":"customer_id","destination":"integration_id"},{"source":"value","destination":"value"}]}"#;
        group.throughput(Throughput::Elements(ROWS as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(talon_one_destination::map_batch(config, black_box(&columns), &[]).unwrap()));
        });
    }
    group.finish();
}

/// A column of each kind of value.
fn kinds() -> Vec<(&'static str, guest::Values)> {
    let numbers = || (0_i32..).take(ROWS);
    let texts = |text: fn(usize) -> String| {
        let (offsets, data) = packed((0..ROWS).map(text));
        guest::Strings { offsets, data }
    };
    vec![
        ("text", guest::Values::Texts(texts(|n| format!("someone {n}")))),
        ("integer", guest::Values::Integers(numbers().map(|n| i64::from(n) * 1_000_003).collect())),
        ("float", guest::Values::Floats(numbers().map(|n| f64::from(n) / 7.0).collect())),
        ("decimal", guest::Values::Decimals(texts(|n| format!("{n}.{:09}", n * 7)))),
        ("boolean", guest::Values::Booleans(numbers().map(|n| n % 2 == 0).collect())),
        ("date", guest::Values::Dates(numbers().collect())),
        ("json", guest::Values::Json(texts(|n| format!("[{n},\"a\"]")))),
    ]
}

criterion_group!(benches, calls);
criterion_main!(benches);

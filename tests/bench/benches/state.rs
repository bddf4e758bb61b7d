//! What a run asks of its state file: a look at each row's key, and the record of a delivery.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use destination_engine::arrow::records::Record;
use destination_engine::bindings::Action;
use destination_host::state::sqlite::State;
use destination_host::state::{Change, Facts, Ledger, Resend};
use destination_host::sync_file::SyncName;

const KEYS: usize = 100_000;
const BATCH: usize = 1000;

fn record(key: &str) -> Record<'_> {
    Record { row: 0, key, action: Action::Upsert, payload: "" }
}

fn begin(path: &std::path::Path) -> Box<dyn Ledger> {
    let state = State::open_or_create(path).unwrap();
    state.begin(&SyncName::new("bench").unwrap(), &Facts::new(), &Facts::new()).unwrap()
}

fn deliver(ledger: &mut dyn Ledger, keys: &[String]) {
    for key in keys {
        ledger.mark_pending(record(key), Change::Added).unwrap();
        ledger.confirm(record(key), 7).unwrap();
    }
    ledger.commit().unwrap();
}

fn state(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.sqlite");
    let keys: Vec<String> = (0..KEYS).map(|n| format!("cust_{n:08}")).collect();
    let mut ledger = begin(&path);
    keys.chunks(BATCH).for_each(|keys| deliver(&mut *ledger, keys));
    ledger.finish(true).unwrap();

    let mut group = criterion.benchmark_group("state");
    group.throughput(Throughput::Elements(BATCH as u64));
    let mut ledger = begin(&path);
    group.bench_function("look-up", |bencher| {
        bencher.iter(|| {
            let mut records = keys.iter().take(BATCH).map(|key| (record(key), 7));
            black_box(ledger.diff(&mut records, Resend::Changed).unwrap())
        });
    });
    let mut next = KEYS;
    group.bench_function("deliver", |bencher| {
        bencher.iter_batched(
            || {
                next += BATCH;
                (next..next + BATCH).map(|n| format!("cust_{n:08}")).collect::<Vec<_>>()
            },
            |keys| deliver(&mut *ledger, &keys),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, state);
criterion_main!(benches);

//! What a state elsewhere costs: a first load and a run in which nothing changed, in rows a second, beside a file. Figures, no verdict.

use std::time::Instant;

use fake_talon_one::Settings;

use super::{Kind, fresh, host, mirror};
use crate::harness::{KEY, TestEnv};

/// Members of the audience; batches of a thousand.
const MEMBERS: u32 = 200_000;

#[test]
#[ignore = "needs servers: make state"]
fn what_it_costs() {
    let kinds = Kind::all();
    let file = Kind { name: "file", url: String::new(), environment: Vec::new() };
    for kind in [&file].into_iter().chain(&kinds) {
        let env = TestEnv::new(Settings::new(KEY).any_attributes().audience(42, "Summer sale").count_only());
        mirror(&env, kind, &fresh("speed"), 30);
        let mut sync = env.read("sync.toml").replace("batch_size = 5", "batch_size = 1000");
        if kind.url.is_empty() {
            sync = sync.replace(&kind.section(30), "");
        }
        env.write("sync.toml", sync);
        let lines: String = (0..MEMBERS).map(|id| format!("customer-{id:09}\n")).collect();
        env.write("rows.csv", format!("id\n{lines}"));
        let timed = || {
            let began = Instant::now();
            host(&env, kind, &["sync", "sync.toml"]).ends_with(0);
            f64::from(MEMBERS) / began.elapsed().as_secs_f64()
        };
        let (first, unchanged, again) = (timed(), timed(), timed());
        println!(
            "{:>10}: first load {first:>9.0} rows/s; nothing changed {unchanged:>9.0} rows/s, once more {again:>9.0} rows/s",
            kind.name
        );
    }
}

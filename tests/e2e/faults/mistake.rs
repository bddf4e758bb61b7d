//! What an attribute that is not defined costs, by the number of rows.

use std::fmt::Write as _;

use fake_talon_one::{Batches, ErrorDetail, Settings};

use crate::harness::{KEY, TestEnv, counts, sync_file};

#[test]
#[ignore = "takes minutes: make faults"]
fn an_undefined_attribute_costs_few_requests_however_many_rows_there_are() {
    for rows in [1_000, 100_000, 1_000_000] {
        for batches in [Batches::Atomic, Batches::NonAtomic] {
            for detail in [ErrorDetail::PerItem, ErrorDetail::WholeBatch] {
                let env = TestEnv::new(Settings::new(KEY).batches(batches).error_detail(detail));
                let mut text = String::from("id,tier\n");
                (0..rows).for_each(|id| writeln!(text, "{id:07},gold").unwrap());
                env.write("rows.csv", text);
                let mappings = [("id", "integration_id", ""), ("tier", "loyalty_tier", "")];
                env.write("sync.toml", sync_file("customer_profiles", "", &mappings, "csv", "rows.csv"));
                let outcome = env.sync(&[]);
                // A single batch is one run's worth of rejected rows: it does not exceed limits.max_rejected.
                outcome.ends_with(if rows > 1_000 { 1 } else { 3 });
                let [rejected] = counts(&env.report(), ["rejected"]);
                let requests = env.fake.requests().len();
                println!(
                    "mistake: {rows} rows, {batches:?}, {detail:?}: {requests} requests, {rejected} rows rejected"
                );
                assert!(requests < 100, "{requests}");
            }
        }
    }
}

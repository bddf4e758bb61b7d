//! Rows of one's own in a whole run: with its rate limit, retries, state and report, and without a sync file.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use destination_engine::{ClientSettings, CompileCache, HttpClient, Limits, Plugin, RecordBatch, Runtime};
use destination_host::embedded;
use destination_host::pipeline::Run;
use destination_host::source::{Chunk, Source, SourceError};
use destination_host::sync_file::{Destination, StateSpec, SyncName};

/// Customers that a program has in its hands. A real one would read a queue or an API, some thousand rows at a time.
struct Customers {
    columns: [String; 2],
    names: std::vec::IntoIter<&'static str>,
}

impl Source for Customers {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        let names: Vec<&str> = self.names.by_ref().take(2).collect();
        if names.is_empty() {
            return Ok(None);
        }
        let ids: ArrayRef = Arc::new(StringArray::from_iter_values(names.iter().map(|name| format!("cust_{name}"))));
        let names: ArrayRef = Arc::new(StringArray::from(names));
        let rows = RecordBatch::try_from_iter(self.columns.iter().zip([ids, names]));
        rows.map(|rows| Some(rows.into())).map_err(|error| SourceError::new("the customers", error.to_string()))
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what came of it")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(key), Some(state)) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: source URL KEY STATE".into());
    };
    let runtime = Runtime::new(Limits::default(), CompileCache::User)?;
    let plugin = Plugin::load(&runtime, embedded::COMPONENT, embedded::NAME).await?;
    let client = HttpClient::new(&ClientSettings::default())?;

    let config = serde_json::json!({"deployment_url": url, "api_key": key, "object_type": "customer_profile_audiences",
                                    "audience_id": 42, "sync_mode": "mirror"});
    let customers = Customers {
        columns: ["integration_id".to_owned(), "name".to_owned()],
        names: vec!["ada", "grace", "edsger"].into_iter(),
    };
    let run =
        Run::new(&plugin, &client, SyncName::new("vip")?, Destination::from_json(&config.to_string())?, customers);
    let report = run.state(StateSpec::at(state)).deliver().await?;
    println!("{} added, {} unchanged, {} requests", report.counts.added, report.counts.unchanged, report.requests);
    Ok(())
}

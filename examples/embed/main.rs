//! The plugin in a Rust engine, by the host's library: maps two customers and delivers them. It needs a Talon.One:
//!
//!     destination-host fake --port 8085
//!     cargo run --package destination-host --example embed http://127.0.0.1:8085 demo-key

use destination_host::bindings::{Column, Strings, Values};
use destination_host::embedded;
use destination_host::http_client::{ClientSettings, HttpClient};
use destination_host::limits::Limits;
use destination_host::outgoing::Outgoing;
use destination_host::pace::Pace;
use destination_host::plugin::Plugin;
use destination_host::runtime::{CompileCache, Runtime};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what came of it")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(key)) = (arguments.next(), arguments.next()) else {
        return Err("embed URL KEY".into());
    };
    // Once a process: the engine, the plugin, and the client that all requests go through.
    let runtime = Runtime::new(Limits::default(), CompileCache::User)?;
    let plugin = Plugin::load(&runtime, embedded::COMPONENT, embedded::NAME).await?;
    let client = HttpClient::new(&ClientSettings::default())?;

    // Once a sync: its config, judged before it is used. The key stays out of the sandbox.
    let config = serde_json::json!({
        "deployment_url": url, "api_key": key, "object_type": "customer_profiles",
        "mappings": [{"source": "id", "destination": "integration_id"}, {"source": "name", "destination": "name"}],
    })
    .to_string();
    for issue in plugin.validate_config(&config).await? {
        println!("{}: {}", issue.path, issue.message);
    }
    let session = plugin.session(&config, Outgoing::new(client, Pace::unlimited()))?;

    // For each batch: columns in Arrow's layout, mapped and delivered.
    let column = |name, offsets, data| Column { name, validity: &[], values: Values::Texts(Strings { offsets, data }) };
    let columns = [column("id", &[0, 6, 12], "cust_1cust_2"), column("name", &[0, 3, 8], "AdaGrace")];
    let mapping = session.map_batch(&columns, &[]).await?;
    for issue in &mapping.issues {
        println!("row {} is rejected: {}", issue.row, issue.message);
    }
    let report = session.send_batch(&mapping.batch).await.answer?;
    println!("{} delivered in {} request", report.accepted.len(), report.requests);
    Ok(())
}

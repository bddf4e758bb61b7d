//! The plugin in a Rust engine: maps two customers and delivers them.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use destination_engine::{
    ClientSettings, CompileCache, HttpClient, HttpContext, Limits, Plugin, RateLimiter, RecordBatch, Runtime,
};
use destination_host::embedded;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what came of it")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(key)) = (arguments.next(), arguments.next()) else {
        return Err("usage: embed URL KEY".into());
    };
    let runtime = Runtime::new(Limits::default(), CompileCache::User)?;
    let plugin = Plugin::load(&runtime, embedded::COMPONENT, embedded::NAME).await?;
    let client = HttpClient::new(&ClientSettings::default())?;

    let config =
        serde_json::json!({"deployment_url": url, "api_key": key, "object_type": "customer_profiles"}).to_string();
    for issue in plugin.validate_config(&config).await? {
        println!("{}: {}", issue.path, issue.message);
    }
    let session = plugin.session(&config, HttpContext::new(client, RateLimiter::unlimited()))?;

    let ids: ArrayRef = Arc::new(StringArray::from(vec!["cust_1", "cust_2"]));
    let names: ArrayRef = Arc::new(StringArray::from(vec!["Ada", "Grace"]));
    let mapping = session.map(&RecordBatch::try_from_iter([("integration_id", ids), ("name", names)])?).await?;
    for issue in &mapping.issues {
        println!("row {} is rejected: {}", issue.row, issue.message);
    }
    let report = session.send_batch(&mapping.batch).await.answer?;
    println!("{} delivered in {} request", report.accepted.len(), report.requests);
    Ok(())
}

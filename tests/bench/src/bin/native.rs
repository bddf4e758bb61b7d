//! The same job as a good engineer would write it for once: CSV rows to profiles, a thousand a request, four requests under
//! way. No sandbox, no state, no retries, no limits, no report: what all that costs is the difference.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const BATCH: usize = 1000;
const IN_FLIGHT: usize = 4;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    integration_id: String,
    attributes: Attributes,
}

#[derive(Serialize)]
struct Attributes {
    email: String,
    name: String,
    signup_date: String,
    tier: String,
    lifetime_value: f64,
    marketing_opt_in: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    customer_profiles: &'a [Profile],
}

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(url)) = (arguments.next(), arguments.next()) else { return Err("native CSV URL".into()) };
    let target = format!("{url}/v2/customer_profiles?silent=yes");
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let room = Arc::new(Semaphore::new(IN_FLIGHT));
    let (sender, mut batches) = tokio::sync::mpsc::channel::<Vec<Profile>>(IN_FLIGHT);
    let reader = std::thread::spawn(move || read(&path, &sender));
    let mut sending = JoinSet::new();
    while let Some(batch) = batches.recv().await {
        let place = Arc::clone(&room).acquire_owned().await?;
        let (client, target) = (client.clone(), target.clone());
        sending.spawn(async move {
            let body = serde_json::to_vec(&Body { customer_profiles: &batch })?;
            let request = Request::put(target)
                .header("authorization", "ApiKey-v1 bench")
                .header("content-type", "application/json")
                .body(Full::from(body))?;
            let response = client.request(request).await?;
            let status = response.status();
            response.into_body().collect().await?;
            drop(place);
            if status == StatusCode::NO_CONTENT { Ok(()) } else { Err(Failure::from(status.to_string())) }
        });
    }
    while let Some(sent) = sending.join_next().await {
        sent??;
    }
    reader.join().map_err(|_| "the reader died")?
}

fn read(path: &str, to: &tokio::sync::mpsc::Sender<Vec<Profile>>) -> Result<(), Failure> {
    let mut batch = Vec::with_capacity(BATCH);
    for record in csv::Reader::from_path(path)?.into_records() {
        let record = record?;
        let text = |at: usize| record.get(at).unwrap_or_default().to_owned();
        batch.push(Profile {
            integration_id: text(0),
            attributes: Attributes {
                email: text(1),
                name: text(2),
                signup_date: format!("{}T00:00:00Z", text(3)),
                tier: text(4),
                lifetime_value: text(5).parse()?,
                marketing_opt_in: text(6) == "yes",
            },
        });
        if batch.len() == BATCH {
            to.blocking_send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)))?;
        }
    }
    if !batch.is_empty() {
        to.blocking_send(batch)?;
    }
    Ok(())
}

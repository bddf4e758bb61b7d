//! The vectors of the optional interfaces: what is listed, compared, planned, created, resolved and counted.

#![expect(clippy::needless_pass_by_value, reason = "an answer is given away to be shown")]

use destination_engine::arrow::records::Texts;
use destination_engine::bindings::{
    Column, Comparison, ConfigIssue, Difference, Discovery, MissingObject, Strings, TimeUnit, Timestamps, Values,
};
use destination_engine::http::rate_limiter::Route;
use destination_engine::plugin::Plugin;
use destination_engine::plugin::answers::{Delivery, KeyPage};
use destination_engine::plugin::instance::CallError;
use destination_engine::plugin::session::{Inspection, Session};
use fake_talon_one::{Fake, Settings};
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use super::{agree, batch, differing, failure, inject, plugin, report, session, vectors};

/// Accounts that the vectors are played on at once: the engine keeps to three requests a second for each endpoint.
const ACCOUNTS: usize = 4;

#[tokio::test]
async fn the_optional_interfaces_answer_as_the_vectors_say() {
    let plugin = plugin().await;
    let mut accounts = JoinSet::new();
    for first in 0..ACCOUNTS {
        let some = vectors("extensions.json").into_iter().skip(first).step_by(ACCOUNTS).collect();
        accounts.spawn(play(plugin.clone(), some));
    }
    agree(&accounts.join_all().await.concat());
}

/// Those that differ, as they came out.
async fn play(plugin: Plugin, vectors: Vec<Json>) -> Vec<Json> {
    let fake = Fake::start(Settings::demo("demo-key").management_key("demo-management-key")).unwrap();
    let mut wrong = Vec::new();
    for vector in vectors {
        fake.reset();
        for step in vector["world"].as_array().unwrap() {
            let (name, body) = step.as_object().unwrap().iter().next().unwrap();
            fake.control(name, body.to_string()).unwrap();
        }
        inject(&fake, &vector["faults"]);
        let outcome = outcome(&plugin, &session(&plugin, &vector["config"], &fake), &vector).await;
        wrong.extend(differing(vector, &outcome, &fake));
    }
    wrong
}

async fn outcome(plugin: &Plugin, session: &Session, vector: &Json) -> Json {
    let inspection = session.inspection().unwrap();
    let provisioning = session.provisioning().unwrap();
    match vector["call"].as_str().unwrap() {
        "inspection.route-limits" => route_limits(plugin, vector),
        "inspection.discover" => told(inspection.discover().await.answer, discovery),
        "inspection.compare-fields" => {
            let answer = inspection.compare_fields(&columns(vector)).await.answer;
            told(answer, |comparison| comparison.map_or(Json::Null, comparison_of))
        }
        "inspection.list-keys" => listing(&inspection, vector).await,
        "inspection.compare-records" => {
            told(inspection.compare_records(&batch(&vector["records"])).await.answer, differences)
        }
        "provisioning.plan" => told(provisioning.plan(&columns(vector)).await.answer, missing),
        "provisioning.create" => told(provisioning.create(&objects(vector)).await.answer, |()| Json::Null),
        "provisioning.resolve" => {
            // Which order its members have is nobody's promise.
            told(provisioning.resolve().await.answer, |config| serde_json::from_str(&config).unwrap())
        }
        "effects.send-batch" => {
            let effects = session.effects().unwrap();
            told(effects.send_batch(&batch(&vector["records"])).await.answer, delivery)
        }
        other => panic!("{other} is not a call of the optional interfaces"),
    }
}

fn told<T>(answer: Result<T, CallError>, shown: impl FnOnce(T) -> Json) -> Json {
    match answer {
        Ok(answer) => json!({"answer": shown(answer)}),
        Err(CallError::Failed(it)) => json!({"failure": failure(&it)}),
        Err(error) => json!({"error": error.to_string()}),
    }
}

/// The engine asked when it loaded the plugin, and shows a route to nobody: it is compared with the vector's.
fn route_limits(plugin: &Plugin, vector: &Json) -> Json {
    let expected = vector["outcome"]["answer"].as_array().unwrap();
    let expected = expected.iter().map(|it| {
        let route = Route::new(it["method"].as_str().unwrap(), it["path"].as_str().unwrap()).unwrap();
        (route, it["requests_per_second"].as_u64().unwrap())
    });
    let limits = plugin.route_limits().iter().map(|limit| (limit.route.clone(), u64::from(limit.per_second.get())));
    if limits.eq(expected) { vector["outcome"].clone() } else { json!(format!("{:?}", plugin.route_limits())) }
}

fn discovery(found: Discovery) -> Json {
    let fields = found.fields.iter().map(|it| {
        json!({
            "name": it.name,
            "field_type": it.field_type,
            "description": it.description,
            "closed_list": it.closed_list,
            "custom": it.custom,
        })
    });
    let targets = found.targets.iter().map(|it| json!({"id": it.id, "name": it.name, "description": it.description}));
    json!({"fields": fields.collect::<Vec<_>>(), "targets": targets.collect::<Vec<_>>()})
}

fn comparison_of(comparison: Comparison) -> Json {
    let issues = |issues: Vec<ConfigIssue>| -> Vec<Json> {
        issues.iter().map(|it| json!({"path": it.path, "message": it.message, "hint": it.hint})).collect()
    };
    json!({"faults": issues(comparison.faults), "notes": issues(comparison.notes)})
}

/// All pages, up to the last or to a failure. With `twice` each page that has a cursor is asked for again.
async fn listing(inspection: &Inspection, vector: &Json) -> Json {
    let mut cursor = vector["cursor"].as_str().map(str::to_owned);
    let mut pages: Vec<Json> = Vec::new();
    loop {
        let page = inspection.list_keys(cursor.as_deref()).await.answer;
        let again = if cursor.is_some() && vector["twice"] == true {
            inspection.list_keys(cursor.as_deref()).await.answer.map(Some)
        } else {
            Ok(None)
        };
        let next = page.as_ref().ok().and_then(|page| page.next.clone());
        for page in [page.map(Some), again] {
            match page {
                Ok(page) => pages.extend(page.map(key_page)),
                Err(error) if pages.is_empty() => return told(Err::<(), _>(error), |()| Json::Null),
                Err(error) => {
                    let mut outcome = told(Err::<(), _>(error), |()| Json::Null);
                    outcome["answer"] = json!(pages);
                    return outcome;
                }
            }
        }
        cursor = next;
        if cursor.is_none() {
            return json!({"answer": pages});
        }
    }
}

/// What the cursor looks like is the plugin's own.
fn key_page(page: KeyPage) -> Json {
    json!({"keys": keys(&page.keys), "more": page.next.is_some(), "total": page.total})
}

/// A few keys, or the number of many.
fn keys(keys: &Texts) -> Json {
    if keys.len() > 100 { json!(keys.len()) } else { json!(keys.iter().collect::<Vec<_>>()) }
}

fn differences(found: Vec<Difference>) -> Json {
    found
        .iter()
        .map(|it| json!({"record": it.record_index, "field": it.field, "expected": it.expected, "found": it.found}))
        .collect()
}

fn missing(objects: Vec<MissingObject>) -> Json {
    let shown = |it: &MissingObject| json!({"kind": it.kind, "name": it.name, "field_type": it.field_type, "description": it.description});
    objects.iter().map(shown).collect()
}

fn objects(vector: &Json) -> Vec<MissingObject> {
    let text = |it: &Json, name: &str| it[name].as_str().unwrap().to_owned();
    let objects = vector["objects"].as_array().unwrap().iter();
    objects
        .map(|it| MissingObject {
            kind: text(it, "kind"),
            name: text(it, "name"),
            field_type: it["field_type"].as_str().map(str::to_owned),
            description: text(it, "description"),
        })
        .collect()
}

fn delivery(delivery: Delivery) -> Json {
    // In which order effects are counted is nobody's promise.
    let effects = delivery.effects.iter().map(|it| (it.effect.clone(), json!(it.count)));
    json!({"report": report(&delivery.report), "effects": effects.collect::<serde_json::Map<_, _>>()})
}

/// Columns of these types, without rows.
fn columns(vector: &Json) -> Vec<Column<'_>> {
    let none = || Strings { offsets: &[], data: "" };
    let column = |it: &'_ Json| -> Values<'static> {
        match it["values"].as_str().unwrap() {
            "nulls" => Values::Nulls(0),
            "booleans" => Values::Booleans(&[]),
            "integers" => Values::Integers(&[]),
            "floats" => Values::Floats(&[]),
            "decimals" => Values::Decimals(none()),
            "texts" => Values::Texts(none()),
            "dates" => Values::Dates(&[]),
            "timestamps" => Values::Timestamps(Timestamps { unit: TimeUnit::Millisecond, zone: None, counts: &[] }),
            "json" => Values::Json(none()),
            other => panic!("{other} are no values"),
        }
    };
    let columns = vector["columns"].as_array().unwrap().iter();
    columns.map(|it| Column { name: it["name"].as_str().unwrap(), validity: &[], values: column(it) }).collect()
}

//! `validate-config`: what it says of good and bad configs, and what the other calls do with a bad one.

use destination_engine::arrow::records::{MappedBatch, Record};
use destination_engine::bindings::{Action, ConfigIssue, ProblemKind, SecretUse};
use destination_engine::plugin::answers::Failure;
use destination_engine::plugin::instance::CallError;
use destination_engine::plugin::session::Session;
use serde_json::{Map, Value};

use super::report::Findings;
use super::rules::{ALL_AT_ONCE, INVALID_CALL, NONSENSE, SECRET_UNTOLD, UNKNOWN_KEY, VALID};
use super::subject::{Subject, fault_of, text_of, told};

/// Texts that are no config.
const NONSENSE_TEXTS: [&str; 8] = ["", "[]", "{", "null", "7", "\"text\"", "\0", "{\"a\":1}}"];

const UNKNOWN: &str = "conform_unknown_key";

/// Tries the rules; false where the config given is not valid, and nothing else can be tried with it.
pub(super) async fn check(subject: &Subject, findings: &mut Findings) -> bool {
    let valid = match subject.plugin.validate_config(&text_of(&subject.config)).await {
        Ok(issues) => issues.iter().map(shown).collect(),
        Err(error) => vec![told(&error)],
    };
    let is_valid = valid.is_empty();
    findings.judge(VALID, valid);
    nonsense(subject, findings).await;
    unknown_key(subject, findings).await;
    all_at_once(subject, findings).await;
    secrets(subject, findings).await;
    if is_valid {
        invalid_calls(subject, findings).await;
    }
    is_valid
}

fn shown(issue: &ConfigIssue) -> String {
    if issue.path.is_empty() { issue.message.clone() } else { format!("{}: {}", issue.path, issue.message) }
}

async fn nonsense(subject: &Subject, findings: &mut Findings) {
    for text in NONSENSE_TEXTS {
        let fault = match subject.plugin.validate_config(text).await {
            Ok(issues) if issues.is_empty() => Some(format!("{text:?} has no issue")),
            Ok(issues) => issues
                .iter()
                .find(|it| it.message.trim().is_empty())
                .map(|_| format!("an issue of {text:?} has no message")),
            Err(error) => Some(format!("{text:?}: {error}")),
        };
        findings.judge(NONSENSE, fault);
    }
}

async fn unknown_key(subject: &Subject, findings: &mut Findings) {
    let mut config = subject.config.clone();
    config.insert(UNKNOWN.to_owned(), Value::Bool(true));
    let fault = match subject.plugin.validate_config(&text_of(&config)).await {
        Ok(issues) if issues.iter().any(|it| shown(it).contains(UNKNOWN)) => None,
        Ok(_) => Some(format!("the key {UNKNOWN} is in no issue")),
        Err(error) => Some(told(&error)),
    };
    findings.judge(UNKNOWN_KEY, fault);
}

/// Two faults: a required key is missing, or an unknown one there twice under two names.
async fn all_at_once(subject: &Subject, findings: &mut Findings) {
    let schema: Value = serde_json::from_str(&subject.descriptor().config_schema).unwrap_or_default();
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut config = subject.config.clone();
    let mut expected: Vec<String> = Vec::new();
    for key in required.iter().take(2) {
        config.remove(*key);
        expected.push((*key).to_owned());
    }
    for number in expected.len()..2 {
        let key = format!("{UNKNOWN}_{number}");
        config.insert(key.clone(), Value::Bool(true));
        expected.push(key);
    }
    let fault = match subject.plugin.validate_config(&text_of(&config)).await {
        Ok(issues) => {
            let told: Vec<String> = issues.iter().map(shown).collect();
            let untold: Vec<&String> =
                expected.iter().filter(|key| !told.iter().any(|it| it.contains(key.as_str()))).collect();
            (!untold.is_empty()).then(|| format!("with faults at {expected:?}, nothing is said of {untold:?}"))
        }
        Err(error) => Some(told(&error)),
    };
    findings.judge(ALL_AT_ONCE, fault);
}

/// Each secret in a place and a form where a plugin might quote it. The host takes the value out of what it shows, so what is
/// looked for is what the host puts there.
async fn secrets(subject: &Subject, findings: &mut Findings) {
    let keys = &subject.descriptor().config_keys.secrets;
    let keys: Vec<&str> =
        keys.iter().map(|it| it.config_key.as_str()).filter(|key| subject.config.contains_key(*key)).collect();
    if keys.is_empty() {
        return findings.skip(SECRET_UNTOLD, "the config holds no secret");
    }
    for key in keys {
        for value in ["Conform-Secret-1234 \u{7}", "conform-secret-1234", "https://conform-secret-1234/"] {
            let mut config = subject.config.clone();
            config.insert(key.to_owned(), value.into());
            config.insert(UNKNOWN.to_owned(), Value::Bool(true));
            let fault = match subject.plugin.validate_config(&text_of(&config)).await {
                Ok(issues) => issues
                    .iter()
                    .map(|it| format!("{} {}", shown(it), it.hint.as_deref().unwrap_or_default()))
                    .find(|it| it.contains("[hidden]") || it.to_lowercase().contains("conform-secret"))
                    .map(|told| format!("an issue repeats `{key}`: {}", told.replace(value, "[hidden]"))),
                Err(error) => Some(told(&error)),
            };
            findings.judge(SECRET_UNTOLD, fault);
        }
    }
}

/// A session without a way out, of a config that is not valid; or why there is none.
pub(super) async fn invalid(subject: &Subject) -> Result<Session, String> {
    let mut config: Map<String, Value> = subject.config.clone();
    config.insert(UNKNOWN.to_owned(), Value::Bool(true));
    match subject.plugin.validate_config(&text_of(&config)).await {
        Ok(issues) if !issues.is_empty() => subject.session(&config),
        _ => Err("no config is known to be invalid: see 304".to_owned()),
    }
}

async fn invalid_calls(subject: &Subject, findings: &mut Findings) {
    let session = match invalid(subject).await {
        Ok(session) => session,
        Err(reason) => return findings.skip(INVALID_CALL, reason),
    };
    let mut batch = MappedBatch::default();
    // One record is never more than 4 GiB.
    let _ = batch.push(Record { row: 0, key: "conform-1", action: Action::Upsert, payload: "" });
    let mapped = session.map_batch(&subject.sample.borrowed(), &[]).await.map(drop);
    let rendered = session.render_batch(&batch).await.map(drop);
    let sent = session.send_batch(&batch).await.answer.map(drop);
    for (call, answer) in [("map-batch", mapped), ("render-batch", rendered), ("send-batch", sent)] {
        let fault = match answer {
            Err(CallError::Failed(Failure::Permanent(problem))) if problem.kind == ProblemKind::Configuration => None,
            Err(CallError::Failed(failure)) => Some(format!("{call} fails otherwise: {failure:?}")),
            Err(error) => fault_of(&error),
            Ok(()) => Some(format!("{call} succeeds with a config that validate-config does not take")),
        };
        findings.judge(INVALID_CALL, fault);
    }
}

/// Whether the host keeps a secret of this config from the plugin.
pub(super) fn has_kept_secret(subject: &Subject) -> bool {
    !subject.secrets(Some(SecretUse::Headers)).is_empty()
}

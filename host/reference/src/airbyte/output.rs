//! The lines that a destination writes: each one message of the protocol, as JSON, without its end.
//!
//! Pure. What the platform makes of a failure depends on its type: it tries again, asks the person who configured it, or takes it
//! for a fault of the software.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::report::FailureKind;
use crate::target::checkpoints::Checkpoint;

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Level {
    /// How it is getting on.
    Info,
    /// Something that is no error and should be seen.
    Warn,
    /// What went wrong.
    Error,
}

/// Whose a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum FailureType {
    /// Who configured it has to change something.
    #[serde(rename = "config_error")]
    Config,
    /// Another attempt may succeed.
    #[serde(rename = "transient_error")]
    Transient,
    /// A fault of the software, or of the system around it.
    #[serde(rename = "system_error")]
    System,
}

impl From<FailureKind> for FailureType {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Configuration
            | FailureKind::Authentication
            | FailureKind::NotFound
            | FailureKind::Refused
            | FailureKind::TooManyRejected => Self::Config,
            // What comes from the source was cut short, or is not what it should be: it may come whole the next time.
            FailureKind::Source
            | FailureKind::Connection
            | FailureKind::Timeout
            | FailureKind::RateLimited
            | FailureKind::Server
            | FailureKind::Interrupted => Self::Transient,
            FailureKind::Row
            | FailureKind::Internal
            | FailureKind::State
            | FailureKind::Plugin
            | FailureKind::DeadLetters
            | FailureKind::Output
            | FailureKind::Skipped => Self::System,
        }
    }
}

/// A line of the log.
#[must_use]
pub fn log(level: Level, message: &str) -> String {
    json!({ "type": "LOG", "log": { "level": level, "message": message } }).to_string()
}

/// What a sync has failed of. `emitted_at`: milliseconds since 1970.
#[must_use]
pub fn error(failure: FailureType, message: &str, emitted_at: u64) -> String {
    let error = json!({ "message": message, "failure_type": failure });
    json!({ "type": "TRACE", "trace": { "type": "ERROR", "emitted_at": emitted_at, "error": error } }).to_string()
}

/// Whether the way to the destination is open, and what can be said of it.
#[must_use]
pub fn connection_status(succeeded: bool, message: &str) -> String {
    let status = if succeeded { "SUCCEEDED" } else { "FAILED" };
    json!({ "type": "CONNECTION_STATUS", "connectionStatus": { "status": status, "message": message } }).to_string()
}

/// What the destination is.
#[must_use]
pub fn spec(spec: &Value) -> String {
    json!({ "type": "SPEC", "spec": spec }).to_string()
}

/// What the destination takes.
#[must_use]
pub fn destination_catalog(catalog: &Value) -> String {
    json!({ "type": "DESTINATION_CATALOG", "destination_catalog": catalog }).to_string()
}

/// A STATE as it came, with how many records it stands for. Rejected ones are counted among the records, as the platform counts
/// what it handed over.
pub(super) fn state(checkpoint: &Checkpoint) -> String {
    /// Numbers with a decimal point, by the protocol.
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Stats {
        record_count: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        rejected_record_count: Option<f64>,
    }
    #[expect(clippy::cast_precision_loss, reason = "the protocol's numbers are floats")]
    let stats = Stats {
        record_count: checkpoint.rows as f64,
        rejected_record_count: (checkpoint.rejected > 0).then_some(checkpoint.rejected as f64),
    };
    let with_stats = || -> serde_json::Result<String> {
        let stats = serde_json::value::to_raw_value(&stats)?;
        let mut state: BTreeMap<&str, &RawValue> = serde_json::from_str(checkpoint.state.get())?;
        state.insert("destinationStats", &stats);
        serde_json::to_string(&state)
    };
    // One that is no object was refused when it came.
    let state = with_stats().unwrap_or_else(|_| checkpoint.state.get().trim().to_owned());
    format!(r#"{{"type":"STATE","state":{state}}}"#)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn a_state_comes_back_as_it_came_with_its_counts() {
        let line = |rejected| {
            let text = r#"{"type": "STREAM", "id": 9007199254740993, "stream": {"stream_state": {"n": 1.10}}}"#;
            state(&Checkpoint { state: RawValue::from_string(text.to_owned()).unwrap(), rows: 3, rejected })
        };
        assert_eq!(
            line(1),
            r#"{"type":"STATE","state":{"destinationStats":{"recordCount":3.0,"rejectedRecordCount":1.0},"id":9007199254740993,"stream":{"stream_state": {"n": 1.10}},"type":"STREAM"}}"#
        );
        assert!(line(0).contains(r#"{"recordCount":3.0}"#));
    }

    #[test]
    fn each_message_is_one_line() {
        for line in [log(Level::Warn, "a\nb"), error(FailureType::Config, "a\nb", 1), connection_status(false, "a\nb")]
        {
            assert!(!line.contains('\n'), "{line}");
            serde_json::from_str::<Value>(&line).unwrap();
        }
    }
}

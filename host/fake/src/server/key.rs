//! The key of a request: of the kind that its call takes, and the right one.

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HeaderValue};

use crate::api::error_body::Problem;
use crate::server::exchange::Exchange;

/// A kind of API key. Each API takes its own alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Integration,
    Management,
}

impl Kind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Integration => "ApiKey-v1",
            Self::Management => "ManagementKey-v1",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Integration => "an Integration API key",
            Self::Management => "a Management API key",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Integration => Self::Management,
            Self::Management => Self::Integration,
        }
    }
}

impl Exchange {
    /// Says what is wrong with the key, never the key.
    pub(super) fn key(&self, kind: Kind) -> Result<(), Problem> {
        let settings = &self.shared.settings;
        let right = match kind {
            Kind::Integration => settings.api_keys.as_slice(),
            Kind::Management => settings.management_key.as_slice(),
        };
        let of = |kind: Kind, value: &[u8]| {
            let rest = value.strip_prefix(kind.prefix().as_bytes())?;
            rest.is_empty().then(Vec::new).or_else(|| Some(rest.strip_prefix(b" ")?.to_vec()))
        };
        let mut sent = self.head.headers.get_all(AUTHORIZATION).iter();
        let reason = match (sent.next().map(HeaderValue::as_bytes), sent.next()) {
            (None, _) => "the Authorization header is missing".to_owned(),
            (_, Some(_)) => "there is more than one Authorization header".to_owned(),
            (Some(value), None) => match of(kind, value) {
                Some(key) if key.is_empty() => "the key is empty".to_owned(),
                Some(key) if right.iter().any(|right| key == right.as_bytes()) => return Ok(()),
                Some(_) => "this key does not exist".to_owned(),
                None if of(kind.other(), value).is_some() => {
                    format!("{} was sent, this call takes {}", kind.other().label(), kind.label())
                }
                None => format!("the Authorization header must be \"{} \" and the key", kind.prefix()),
            },
        };
        let details = format!("Unauthorized - Invalid API key: {reason}");
        Err(Problem::request(StatusCode::UNAUTHORIZED, "Unauthorized", details))
    }
}

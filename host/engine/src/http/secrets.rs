//! The secret values of a config. The host keeps them: what runs in the sandbox gets a stand-in for each, and the value takes
//! its place in the headers of a request that is let out, and nowhere else.
//!
//! So a plugin can't give a key away: it does not have it. One that says it needs the value itself gets it, where the host's
//! user trusts it ([`crate::plugin::trust`]). An answer that repeats the value has the stand-in put back
//! before the plugin sees it. A form of the value that is not the value (in base64, say, or torn in two) is not recognised.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use memchr::memmem;
use serde_json::{Map, Value};

use crate::bindings::{self, SecretUse};
use crate::redaction::{HIDDEN, Redaction};

/// A value shorter than this is not taken out of answers: no real key is so short, and ordinary words would be torn.
const SHORTEST: usize = 4;

/// Secrets and their stand-ins. Cheap to clone; never printed.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    all: Arc<[Secret]>,
    redaction: Redaction,
}

struct Secret {
    /// The config's key.
    key: String,
    value: String,
    /// None where the plugin is given the value itself.
    stand_in: Option<String>,
}

impl Secret {
    /// The value, and what stands for it in the sandbox.
    fn kept(&self) -> Option<(&str, &str)> {
        Some((&self.value, self.stand_in.as_deref()?))
    }
}

/// A secret is where none may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misplaced {
    #[error("the plugin put the secret `{0}` into a URL; the host gives secrets to headers alone")]
    Url(String),
    #[error("the value of `{0}` can't stand in a header: it has a line break or another control character")]
    Header(String),
}

impl Secrets {
    /// The values of these keys of a config.
    pub(crate) fn of(config: &Map<String, Value>, keys: &[bindings::Secret]) -> Self {
        let values = keys.iter().filter_map(|secret| Some((secret, config.get(&secret.config_key)?.as_str()?)));
        let secrets =
            values.filter(|(_, value)| !value.is_empty()).enumerate().map(|(index, (secret, value))| Secret {
                key: secret.config_key.clone(),
                value: value.to_owned(),
                stand_in: match secret.used_in {
                    SecretUse::Headers => Some(format!("kept-by-the-host-{index}")),
                    SecretUse::Plugin => None,
                },
            });
        let all: Arc<[Secret]> = secrets.collect();
        let texts = all.iter().flat_map(|secret| [Some(secret.value.as_str()), secret.stand_in.as_deref()]);
        Self { redaction: Redaction::of(texts.flatten().map(|text| (text, HIDDEN))), all }
    }

    /// The config with a stand-in for each secret.
    pub(crate) fn hide(&self, mut config: Map<String, Value>) -> Map<String, Value> {
        for secret in self.all.iter() {
            if let Some(stand_in) = &secret.stand_in {
                config.insert(secret.key.clone(), Value::String(stand_in.clone()));
            }
        }
        config
    }

    /// Puts the values in the place of the stand-ins of such a config.
    pub(crate) fn restore(&self, config: &mut Map<String, Value>) {
        for secret in self.all.iter() {
            config.insert(secret.key.clone(), Value::String(secret.value.clone()));
        }
    }

    /// Puts the values into the headers of a request that may leave.
    pub(crate) fn reveal(&self, path: &str, headers: &mut HeaderMap) -> Result<(), Misplaced> {
        for secret in self.all.iter() {
            let Some((real, stand_in)) = secret.kept() else { continue };
            if path.contains(stand_in) {
                return Err(Misplaced::Url(secret.key.clone()));
            }
            for value in headers.values_mut() {
                if let Some(whole) = replaced(value.as_bytes(), stand_in.as_bytes(), real.as_bytes()) {
                    let sensitive = value.is_sensitive();
                    *value = HeaderValue::from_bytes(&whole).map_err(|_| Misplaced::Header(secret.key.clone()))?;
                    value.set_sensitive(sensitive);
                }
            }
        }
        Ok(())
    }

    /// Puts the stand-ins back into the headers of an answer that repeat a value.
    pub(crate) fn conceal_headers(&self, headers: &mut HeaderMap) {
        for (value, stand_in) in self.concealed() {
            for header in headers.values_mut() {
                // A stand-in can stand wherever the value did.
                if let Some(Ok(whole)) =
                    replaced(header.as_bytes(), value, stand_in).map(|whole| HeaderValue::from_bytes(&whole))
                {
                    *header = whole;
                }
            }
        }
    }

    /// Puts the stand-ins back into a body that repeats a value.
    pub(crate) fn conceal(&self, body: &mut Bytes) {
        for (value, stand_in) in self.concealed() {
            if let Some(whole) = replaced(body, value, stand_in) {
                *body = whole.into();
            }
        }
    }

    /// How much of a body that goes on can be concealed by itself: what is behind may be the beginning of a value.
    pub(crate) fn certain(&self, begun: &[u8]) -> usize {
        let longest = self.concealed().map(|(value, _)| value.len()).max().unwrap_or_default();
        let mut certain = (begun.len() + 1).saturating_sub(longest.max(1));
        // Not in the middle of a value that is there. One value may stand over the end of another.
        for _ in self.all.iter() {
            for (value, _) in self.concealed() {
                let within = |at: &usize| *at < certain && certain < at + value.len();
                if let Some(at) = memmem::find_iter(begun, value).find(within) {
                    certain = at + value.len();
                }
            }
        }
        certain
    }

    /// The values that are taken out of answers, and what stands for them.
    fn concealed(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let kept = self.all.iter().filter_map(Secret::kept).filter(|(value, _)| value.len() >= SHORTEST);
        kept.map(|(value, stand_in)| (value.as_bytes(), stand_in.as_bytes()))
    }

    /// What takes the values out of texts.
    pub(crate) fn redaction(&self) -> &Redaction {
        &self.redaction
    }

    /// Takes the values out of a text for people.
    pub(crate) fn redact(&self, text: &mut String) {
        self.redaction.apply(text);
    }
}

/// `None` where there is nothing to replace.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Option<Vec<u8>> {
    memmem::find(bytes, from)?;
    let mut whole = Vec::with_capacity(bytes.len() + to.len());
    let mut rest = 0;
    for at in memmem::find_iter(bytes, from) {
        whole.extend_from_slice(bytes.get(rest..at)?);
        whole.extend_from_slice(to);
        rest = at + from.len();
    }
    whole.extend_from_slice(bytes.get(rest..)?);
    Some(whole)
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all.iter().map(|secret| &secret.key)).finish()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::string_slice, reason = "a test that cannot go on fails")]

    use http::header::AUTHORIZATION;

    use super::*;

    const KEY: &str = "0123-4567-key";

    fn keys(used_in: SecretUse, names: &[&str]) -> Vec<bindings::Secret> {
        names.iter().map(|name| bindings::Secret { config_key: (*name).to_owned(), used_in }).collect()
    }

    fn secrets() -> (Secrets, Map<String, Value>) {
        let config: Map<String, Value> =
            serde_json::from_str(&format!(r#"{{"api_key":"{KEY}","token":"","url":"https://x","pin":"12"}}"#)).unwrap();
        let secrets = Secrets::of(&config, &keys(SecretUse::Headers, &["api_key", "token", "pin"]));
        let hidden = secrets.hide(config);
        (secrets, hidden)
    }

    #[test]
    fn the_config_has_stand_ins_and_the_header_the_values() {
        let (secrets, hidden) = secrets();
        let text = Value::Object(hidden.clone()).to_string();
        assert!(!text.contains(KEY) && text.contains("https://x"), "{text}");
        assert!(!format!("{secrets:?}").contains(KEY));

        let mut headers = HeaderMap::new();
        let stand_in = hidden["api_key"].as_str().unwrap();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("ApiKey-v1 {stand_in}")).unwrap());
        headers.insert("x-pin", HeaderValue::from_str(hidden["pin"].as_str().unwrap()).unwrap());
        secrets.reveal("/v2/x?y", &mut headers).unwrap();
        assert_eq!(headers[AUTHORIZATION], format!("ApiKey-v1 {KEY}"));
        assert_eq!(headers["x-pin"], "12");
    }

    #[test]
    fn a_secret_in_a_url_or_one_that_is_no_header_is_refused() {
        let (secrets, hidden) = secrets();
        let path = format!("/v2/x?key={}", hidden["api_key"].as_str().unwrap());
        assert_eq!(secrets.reveal(&path, &mut HeaderMap::new()), Err(Misplaced::Url("api_key".to_owned())));

        let config = serde_json::from_str::<Map<String, Value>>("{\"api_key\":\"a\\nb: c\"}").unwrap();
        let secrets = Secrets::of(&config, &keys(SecretUse::Headers, &["api_key"]));
        let hidden = secrets.hide(config);
        let mut headers = HeaderMap::new();
        headers.insert("k", HeaderValue::from_str(hidden["api_key"].as_str().unwrap()).unwrap());
        assert_eq!(secrets.reveal("/", &mut headers), Err(Misplaced::Header("api_key".to_owned())));
    }

    #[test]
    fn an_answer_that_repeats_a_value_has_the_stand_in_again() {
        let (secrets, hidden) = secrets();
        let stand_in = hidden["api_key"].as_str().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-echo", HeaderValue::from_str(&format!("{KEY}, {KEY}")).unwrap());
        let mut body = Bytes::from(format!("you sent {KEY}."));
        secrets.conceal_headers(&mut headers);
        secrets.conceal(&mut body);
        assert_eq!(headers["x-echo"], format!("{stand_in}, {stand_in}"));
        assert_eq!(body, format!("you sent {stand_in}."));
        let untouched = body.clone();
        secrets.conceal(&mut body);
        assert_eq!(body, untouched);
    }

    #[test]
    fn a_value_that_comes_in_pieces_is_recognised_wherever_it_is_cut() {
        let config = serde_json::from_str(r#"{"a":"abcabc","b":"bcabcd","c":"xyz1"}"#).unwrap();
        let secrets = Secrets::of(&config, &keys(SecretUse::Headers, &["a", "b", "c"]));
        let text = "abcabcabcabcd bcabcabc xyz1 abcab xyz";
        let mut expected = Bytes::from(text);
        secrets.conceal(&mut expected);
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let (mut seen, mut held) = (Vec::new(), Vec::new());
                for piece in [&text[..first], &text[first..second], &text[second..]] {
                    held.extend_from_slice(piece.as_bytes());
                    let behind = held.split_off(secrets.certain(&held));
                    let mut certain = Bytes::from(std::mem::replace(&mut held, behind));
                    secrets.conceal(&mut certain);
                    seen.extend_from_slice(&certain);
                }
                let mut rest = Bytes::from(held);
                secrets.conceal(&mut rest);
                seen.extend_from_slice(&rest);
                let seen = String::from_utf8(seen).unwrap();
                for value in ["abcabc", "bcabcd", "xyz1"] {
                    assert!(!seen.contains(value), "{seen}, cut at {first} and {second}");
                }
            }
        }
        assert!(Secrets::default().certain(b"abc") == 3, "without secrets nothing is held back");
    }

    #[test]
    fn a_plugin_that_needs_the_value_has_it_and_people_do_not() {
        let config: Map<String, Value> = serde_json::from_str(&format!(r#"{{"hmac":"{KEY}"}}"#)).unwrap();
        let secrets = Secrets::of(&config, &keys(SecretUse::Plugin, &["hmac"]));
        assert_eq!(secrets.hide(config.clone()), config);
        let mut body = Bytes::from(format!("you sent {KEY}."));
        secrets.conceal(&mut body);
        assert_eq!(body, format!("you sent {KEY}."), "it knows it anyway");
        secrets.reveal("/", &mut HeaderMap::new()).unwrap();
        let mut text = format!("{KEY} was refused");
        secrets.redact(&mut text);
        assert_eq!(text, "[hidden] was refused");
    }

    #[test]
    fn a_text_for_people_has_neither() {
        let (secrets, hidden) = secrets();
        let mut text = format!("{KEY} {} 12", hidden["api_key"].as_str().unwrap());
        secrets.redact(&mut text);
        assert_eq!(text, "[hidden] [hidden] 12");
    }
}

//! The API keys, each kind a type of its own: a request to one API can't carry the key of the other. The types have neither `Debug` nor
//! `Display`: there is no way to print a key by accident.

use destination_toolkit::config::Issue;

/// The key of the Integration API. Every request that delivers carries it.
#[derive(Clone)]
pub(crate) struct IntegrationKey(String);

/// The key of the Management API, for what looks and creates.
#[derive(Clone)]
pub(crate) struct ManagementKey(String);

/// What is said of a kind of key.
struct Kind {
    /// With an article.
    name: &'static str,
    /// How its header begins.
    prefix: &'static str,
    /// How the header of the other kind begins.
    other_prefix: &'static str,
    other_name: &'static str,
    /// Where to get one.
    create: &'static str,
    /// What replaces it in a text that repeats it.
    scrubbed: &'static str,
}

const INTEGRATION: Kind = Kind {
    name: "an Integration API key",
    prefix: "ApiKey-v1",
    other_prefix: "ManagementKey-v1",
    other_name: "a Management API key",
    create: "create an Integration API key in the Campaign Manager under Settings > Integration API Keys",
    scrubbed: "[api key]",
};

const MANAGEMENT: Kind = Kind {
    name: "a Management API key",
    prefix: "ManagementKey-v1",
    other_prefix: "ApiKey-v1",
    other_name: "an Integration API key",
    create: "create a Management API key in the Campaign Manager under Account > Management API Keys",
    scrubbed: "[management key]",
};

impl IntegrationKey {
    pub(super) fn parse(text: &str) -> Result<Self, Issue> {
        parse(text, &INTEGRATION).map(Self)
    }

    /// The value of the `authorization` header. The one way out of this type.
    pub(super) fn authorization(&self) -> String {
        authorization(&self.0, &INTEGRATION)
    }

    /// The text without the key, should it repeat it.
    pub(super) fn scrub(&self, text: &str) -> String {
        text.replace(&self.0, INTEGRATION.scrubbed)
    }
}

impl ManagementKey {
    /// `integration` is the other key of the config: one text is not both.
    pub(super) fn parse(text: &str, integration: Option<&IntegrationKey>) -> Result<Self, Issue> {
        let key = parse(text, &MANAGEMENT)?;
        if integration.is_some_and(|integration| integration.0 == key) {
            return Err(
                Issue::new("is the same text as api_key: expected a Management API key").hint(MANAGEMENT.create)
            );
        }
        Ok(Self(key))
    }

    /// The value of the `authorization` header. The one way out of this type.
    pub(super) fn authorization(&self) -> String {
        authorization(&self.0, &MANAGEMENT)
    }

    /// The text without the key, should it repeat it.
    pub(super) fn scrub(&self, text: &str) -> String {
        text.replace(&self.0, MANAGEMENT.scrubbed)
    }
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn authorization(key: &str, kind: &Kind) -> String {
    format!("{} {key}", kind.prefix)
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn parse(text: &str, kind: &Kind) -> Result<String, Issue> {
    let begins_with =
        |prefix: &str| text.trim_start().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let another = |what: &str| Issue::new(format!("is {what}: expected {}", kind.name)).hint(kind.create);
    if text.trim().is_empty() {
        return Err(another("empty"));
    }
    if begins_with(kind.other_prefix) {
        return Err(another(kind.other_name));
    }
    if begins_with("Bearer ") {
        return Err(another("a session token of the Management API"));
    }
    if begins_with(kind.prefix) {
        let prefix = kind.prefix;
        return Err(Issue::new(format!("begins with `{prefix}`: expected the key alone"))
            .hint(format!("leave out `{prefix}` and the space after it; the plugin adds them")));
    }
    if text.trim().len() != text.len() {
        return Err(Issue::new("has spaces or line breaks around it: expected the key alone"));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Issue::new("holds a space, a line break or a character that no key has: expected the key alone"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123abcd4567";

    #[test]
    fn a_key_goes_into_the_header_and_out_of_texts() {
        let key = IntegrationKey::parse(KEY).ok().unwrap();
        assert_eq!(key.authorization(), "ApiKey-v1 0123abcd4567");
        assert_eq!(key.scrub("key 0123abcd4567 and 0123abcd4567 again"), "key [api key] and [api key] again");
        let key = ManagementKey::parse(KEY, None).ok().unwrap();
        assert_eq!(key.authorization(), "ManagementKey-v1 0123abcd4567");
        assert_eq!(key.scrub("key 0123abcd4567"), "key [management key]");
    }

    #[test]
    fn a_wrong_key_is_rejected_without_being_repeated() {
        for (text, issue, of_management) in [
            (String::new(), "is empty", "is empty: expected a Management"),
            (" \n".to_owned(), "is empty", "is empty"),
            (format!("ApiKey-v1 {KEY}"), "the key alone", "is an Integration API key: expected a Management API key"),
            (format!("apikey-v1 {KEY}"), "leave out", "is an Integration API key"),
            (
                format!("ManagementKey-v1 {KEY}"),
                "is a Management API key: expected an Integration API key",
                "leave out `ManagementKey-v1`",
            ),
            (format!(" managementkey-V1 {KEY}"), "Management API key", "the key alone"),
            (format!("Bearer {KEY}"), "session token", "session token"),
            (format!("{KEY}\n"), "line breaks around", "line breaks around"),
            (format!(" {KEY}"), "spaces", "spaces"),
            (format!("{KEY} {KEY}"), "holds a space", "holds a space"),
            (format!("{KEY}\u{7f}"), "no key has", "no key has"),
            (format!("{KEY}é"), "no key has", "no key has"),
        ] {
            for (error, issue) in
                [(IntegrationKey::parse(&text).err(), issue), (ManagementKey::parse(&text, None).err(), of_management)]
            {
                let message = format!("{error:?}");
                assert!(message.contains(issue), "{text:?}: {message}");
                assert!(!message.contains(KEY), "{message}");
            }
        }
    }

    #[test]
    fn one_text_is_not_both_keys() {
        let integration = IntegrationKey::parse(KEY).ok();
        let message = format!("{:?}", ManagementKey::parse(KEY, integration.as_ref()).err());
        assert!(message.contains("the same text as api_key") && !message.contains(KEY), "{message}");
    }
}

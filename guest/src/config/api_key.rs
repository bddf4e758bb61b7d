//! The Integration API key. The type has neither `Debug` nor `Display`: there is no way to print it by accident.

use destination_toolkit::config::Issue;

/// What to do about a key of the wrong kind.
const WHERE: &str = "create an Integration API key in the Campaign Manager under Settings > Integration API Keys";

/// What replaces a key in a text that repeats it.
const SCRUBBED: &str = "[api key]";

/// A key that is valid in an HTTP header.
#[derive(Clone)]
pub(crate) struct ApiKey(String);

impl ApiKey {
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(super) fn parse(text: &str) -> Result<Self, Issue> {
        let begins_with = |prefix: &str| {
            text.trim_start().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        if text.trim().is_empty() {
            return Err(Issue::new("is empty: expected an Integration API key").hint(WHERE));
        }
        if begins_with("ManagementKey-v1") {
            return Err(Issue::new("is a Management API key: expected an Integration API key").hint(WHERE));
        }
        if begins_with("Bearer ") {
            return Err(
                Issue::new("is a session token of the Management API: expected an Integration API key").hint(WHERE)
            );
        }
        if begins_with("ApiKey-v1") {
            return Err(Issue::new("begins with `ApiKey-v1`: expected the key alone")
                .hint("leave out `ApiKey-v1` and the space after it; the plugin adds them"));
        }
        if text.trim().len() != text.len() {
            return Err(Issue::new("has spaces or line breaks around it: expected the key alone"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Issue::new(
                "holds a space, a line break or a character that no key has: expected the key alone",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The value of the `authorization` header. The one way out of this type.
    pub(super) fn authorization(&self) -> String {
        format!("ApiKey-v1 {}", self.0)
    }

    /// The text without the key, should it repeat it. For everything that a server says.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn scrub(&self, text: &str) -> String {
        text.replace(&self.0, SCRUBBED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123abcd4567";

    #[test]
    fn a_key_goes_into_the_header_and_out_of_texts() {
        let key = ApiKey::parse(KEY).map_err(|issue| format!("{issue:?}"));
        assert_eq!(key.as_ref().map(ApiKey::authorization), Ok("ApiKey-v1 0123abcd4567".to_owned()));
        assert_eq!(
            key.map(|key| key.scrub("key 0123abcd4567 and 0123abcd4567 again")),
            Ok("key [api key] and [api key] again".to_owned())
        );
    }

    #[test]
    fn a_wrong_key_is_rejected_without_being_repeated() {
        for (text, issue) in [
            (String::new(), "is empty"),
            (" \n".to_owned(), "is empty"),
            (format!("ApiKey-v1 {KEY}"), "the key alone"),
            (format!("apikey-v1 {KEY}"), "leave out"),
            (format!("ManagementKey-v1 {KEY}"), "Management API key"),
            (format!(" managementkey-V1 {KEY}"), "Management API key"),
            (format!("Bearer {KEY}"), "session token"),
            (format!("{KEY}\n"), "line breaks around"),
            (format!(" {KEY}"), "spaces"),
            (format!("{KEY} {KEY}"), "holds a space"),
            (format!("{KEY}\u{7f}"), "no key has"),
            (format!("{KEY}é"), "no key has"),
        ] {
            let message = format!("{:?}", ApiKey::parse(&text).err());
            assert!(message.contains(issue), "{text:?}: {message}");
            assert!(!message.contains(KEY), "{message}");
        }
    }
}

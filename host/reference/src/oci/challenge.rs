//! What a registry asks for when it answers 401: a password, or a token from another server (the header `www-authenticate`).
//!
//! Pure.

use destination_engine::redaction::percent_encoded;

/// How to ask again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// With a user name and password.
    Basic,
    /// With a token, which this URL gives.
    Token(String),
}

/// The first challenge that can be met.
pub(super) fn read<'a>(headers: impl IntoIterator<Item = &'a str>, repository: &str) -> Option<Challenge> {
    headers.into_iter().find_map(|header| {
        let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Challenge::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let parameters = parameters(rest);
        let named =
            |name: &str| parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let realm = named("realm")?;
        let scope = named("scope").cloned().unwrap_or_else(|| format!("repository:{repository}:pull"));
        let mut url =
            format!("{realm}{}scope={}", if realm.contains('?') { '&' } else { '?' }, percent_encoded(&scope));
        if let Some(service) = named("service") {
            url.push_str(&format!("&service={}", percent_encoded(service)));
        }
        Some(Challenge::Token(url))
    })
}

/// `key="value"` or `key=value`, with commas between; a backslash in quotes keeps what follows.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    let mut rest = text.trim_start_matches([' ', ',']);
    while let Some((key, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => until_quote(quoted),
            None => {
                let (value, after) = after.split_once(',').unwrap_or((after, ""));
                (value.trim().to_owned(), after)
            }
        };
        parameters.push((key.trim().to_owned(), value));
        rest = after.trim_start_matches([' ', ',']);
    }
    parameters
}

fn until_quote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => value.extend(characters.next()),
            other => value.push(other),
        }
    }
    (value, characters.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(url: &str) -> Option<Challenge> {
        Some(Challenge::Token(url.to_owned()))
    }

    #[test]
    fn a_token_is_asked_of_the_server_that_the_registry_names() {
        let header = r#"Bearer realm="https://auth.example.com/token",service="registry.example.com",scope="repository:a/b:pull""#;
        let url = "https://auth.example.com/token?scope=repository%3Aa%2Fb%3Apull&service=registry.example.com";
        assert_eq!(read([header], "a/b"), token(url));
        let short = r#"bearer realm="https://auth.example.com/token?x=1""#;
        assert_eq!(read([short], "a"), token("https://auth.example.com/token?x=1&scope=repository%3Aa%3Apull"));
        let unquoted = r"Bearer scope=s, realm=https://auth.example.com/t";
        assert_eq!(read([unquoted], "a"), token("https://auth.example.com/t?scope=s"));
        let escaped = r#"Bearer realm="https://auth.example.com/\"t\"", scope="s""#;
        assert_eq!(read([escaped], "a"), token("https://auth.example.com/\"t\"?scope=s"));
    }

    proptest! {
        #[test]
        fn any_header_has_an_end(header in "[Bb]earer ((realm|scope|service|x)=|[\",\\\\ é=x]){0,12}") {
            if let Some(Challenge::Token(url)) = read([header.as_str()], "a") {
                prop_assert!(url.contains("scope="));
            }
        }
    }

    #[test]
    fn of_several_the_first_that_can_be_met() {
        assert_eq!(read(["Negotiate", "Basic realm=\"x\""], "a"), Some(Challenge::Basic));
        assert_eq!(read(["Bearer", "basic"], "a"), Some(Challenge::Basic));
        for header in ["", "Negotiate", "Bearer", "Bearer realm", "Bearer service=\"x\""] {
            assert_eq!(read([header], "a"), None, "{header}");
        }
    }
}

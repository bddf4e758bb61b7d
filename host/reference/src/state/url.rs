//! Where a state is that is not kept in a file: a URL, read once.

use std::fmt;

/// A place for the states of syncs. It may hold a password: nothing shows it whole.
#[derive(Clone, PartialEq, Eq)]
pub struct StateUrl {
    kind: UrlKind,
    text: String,
}

/// What is at a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlKind {
    /// `postgresql://user:password@host/database`
    PostgreSql,
    /// `s3://bucket/prefix`
    S3,
    /// `gs://bucket/prefix`
    Gcs,
    /// `az://container/prefix`
    Azure,
}

impl UrlKind {
    const ALL: [(&'static str, Self); 5] = [
        ("postgresql", Self::PostgreSql),
        ("postgres", Self::PostgreSql),
        ("s3", Self::S3),
        ("gs", Self::Gcs),
        ("az", Self::Azure),
    ];

    /// The feature of this crate that can use it.
    #[cfg(not(all(feature = "object-store-state", feature = "postgres-state")))]
    pub(crate) fn feature(self) -> &'static str {
        match self {
            Self::PostgreSql => "postgres-state",
            Self::S3 | Self::Gcs | Self::Azure => "object-store-state",
        }
    }
}

impl StateUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it, and what to write, without its text.
    pub fn parse(text: &str) -> Result<Self, (String, &'static str)> {
        const FORM: &str = "write postgresql://user:${PASSWORD}@host/database, s3://bucket/folder, gs://bucket/folder or \
                            az://container/folder";
        let Some((scheme, rest)) = text.split_once("://") else { return Err(("is not a URL".to_owned(), FORM)) };
        let Some((_, kind)) = UrlKind::ALL.into_iter().find(|(known, _)| *known == scheme) else {
            let known = scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
            let what = if known { format!("begins with {scheme}://") } else { "is not a URL".to_owned() };
            return Err((what, FORM));
        };
        if kind != UrlKind::PostgreSql {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() {
                return Err(("names no bucket".to_owned(), FORM));
            }
            if bucket.contains(['@', '?', '#', ':']) || prefix.contains(['?', '#']) {
                let what = "has more than a bucket and a folder in it".to_owned();
                return Err((what, "credentials and endpoints of object stores come from the environment"));
            }
        }
        Ok(Self { kind, text: text.to_owned() })
    }

    /// What is there.
    pub fn kind(&self) -> UrlKind {
        self.kind
    }

    /// All of it, with its password.
    #[cfg(feature = "postgres-state")]
    pub(crate) fn secret(&self) -> &str {
        &self.text
    }

    /// What of it no output may show: the password, as it stands there.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let authority = self.text.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
        let password = authority.and_then(|(user, _)| user.split_once(':'));
        password.map(|(_, password)| password.to_owned()).into_iter().collect()
    }

    /// The bucket or container, and the folder in it.
    #[cfg(any(feature = "object-store-state", test))]
    pub(crate) fn bucket_and_prefix(&self) -> (&str, &str) {
        let rest = self.text.split_once("://").map_or("", |(_, rest)| rest);
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        (bucket, prefix.trim_matches('/'))
    }
}

/// Without user, password and parameters.
impl fmt::Display for StateUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.text.split_once("://").unwrap_or_default();
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
        write!(f, "{scheme}://{}", place.trim_end_matches('/'))
    }
}

impl fmt::Debug for StateUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn a_url_is_shown_without_what_is_secret() {
        for (text, shown) in [
            ("postgresql://u:p%40ss@db.example.com:5432/crm?sslmode=require", "postgresql://db.example.com:5432/crm"),
            ("postgres://u:p@ss@h/d", "postgres://h/d"),
            ("s3://bucket/a/b/", "s3://bucket/a/b"),
            ("gs://bucket", "gs://bucket"),
        ] {
            let url = StateUrl::parse(text).unwrap();
            assert_eq!((url.to_string(), format!("{url:?}")), (shown.to_owned(), format!("StateUrl({shown})")));
        }
        assert_eq!(StateUrl::parse("az://c/a/b/").unwrap().bucket_and_prefix(), ("c", "a/b"));
    }

    #[test]
    fn what_names_no_place_is_told() {
        for (text, what) in [
            ("state.sqlite", "is not a URL"),
            ("p@ss://x", "is not a URL"),
            ("mysql://h/d", "begins with mysql://"),
            ("s3:///x", "names no bucket"),
            ("s3://key:secret@bucket/x", "has more than a bucket and a folder in it"),
            ("az://c/x?sig=secret", "has more than a bucket and a folder in it"),
        ] {
            assert_eq!(StateUrl::parse(text).unwrap_err().0, what, "{text}");
        }
    }
}

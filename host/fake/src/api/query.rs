//! A request's query: decoded, each parameter one that the call takes, and none twice.

use hyper::StatusCode;
use percent_encoding::percent_decode_str;

use crate::api::error_body::{Problem, Source};

/// Items of a page at most, and where nothing else is asked.
const PAGE: usize = 1000;

/// The parameters of one request.
#[derive(Debug)]
pub(crate) struct Query(Vec<(String, String)>);

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    skip: usize,
    size: usize,
}

/// The field that a list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sort<'a> {
    pub(crate) field: &'a str,
    pub(crate) descending: bool,
}

impl Query {
    /// `text` is what stands behind the `?`; `known` are the parameters that the call takes.
    pub(crate) fn read(text: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for pair in text.into_iter().flat_map(|text| text.split('&')) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(name).ok_or_else(|| invalid(name, "its name is not percent-encoded UTF-8"))?;
            if !known.contains(&name.as_str()) {
                return Err(invalid(&name, &format!("there is no such parameter; those known are {known:?}")));
            }
            if parameters.iter().any(|(earlier, _)| *earlier == name) {
                return Err(invalid(&name, "it stands more than once"));
            }
            let value = decoded(value).ok_or_else(|| invalid(&name, "its value is not percent-encoded UTF-8"))?;
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, Problem> {
        self.text(name).ok_or_else(|| invalid(name, "it is required"))
    }

    /// False where it is not there.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.text(name) {
            Some("true") => Ok(true),
            None | Some("false") => Ok(false),
            Some(other) => Err(invalid(name, &format!("it must be true or false, it is {other:?}"))),
        }
    }

    /// `pageSize` and `skip`.
    pub(crate) fn page(&self) -> Result<Page, Problem> {
        let number = |name, default, least, most| match self.text(name).map(str::parse) {
            None => Ok(default),
            Some(Ok(number)) if (least..=most).contains(&number) => Ok(number),
            Some(_) => {
                let range = if most == usize::MAX { format!("{least} or more") } else { format!("{least} to {most}") };
                Err(invalid(name, &format!("it must be a whole number, {range}")))
            }
        };
        Ok(Page { skip: number("skip", 0, 0, usize::MAX)?, size: number("pageSize", PAGE, 1, PAGE)? })
    }

    /// `sort`, where it is one of these fields.
    pub(crate) fn sort(&self, fields: &[&str]) -> Result<Option<Sort<'_>>, Problem> {
        let Some(text) = self.text("sort") else { return Ok(None) };
        let (field, descending) = text.strip_prefix('-').map_or((text, false), |field| (field, true));
        if fields.contains(&field) {
            return Ok(Some(Sort { field, descending }));
        }
        Err(invalid("sort", &format!("this list can't be sorted by {field:?}; it can by {fields:?}")))
    }

    /// Numbers separated by commas, at most so many of them; none where the parameter is not there.
    pub(crate) fn numbers(&self, name: &str, most: usize) -> Result<Option<Vec<i64>>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let numbers: Result<Vec<i64>, _> = text.split(',').map(str::parse).collect();
        match numbers {
            Ok(numbers) if numbers.len() <= most => Ok(Some(numbers)),
            Ok(numbers) => Err(invalid(name, &format!("it must have at most {most} IDs, it has {}", numbers.len()))),
            Err(_) => Err(invalid(name, &format!("it must be whole numbers separated by commas, it is {text:?}"))),
        }
    }
}

impl Page {
    /// The items of this page, and whether there are more after it.
    pub(crate) fn of<T>(self, items: impl Iterator<Item = T>) -> (Vec<T>, bool) {
        let mut items = items.skip(self.skip);
        let page: Vec<T> = items.by_ref().take(self.size).collect();
        (page, items.next().is_some())
    }
}

impl Sort<'_> {
    pub(crate) fn order(self, ordering: std::cmp::Ordering) -> std::cmp::Ordering {
        if self.descending { ordering.reverse() } else { ordering }
    }
}

/// Text out of a path or a query; none where it is not UTF-8. A `+` stands for itself.
pub(crate) fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

pub(crate) fn invalid(parameter: &str, reason: &str) -> Problem {
    let details = format!("the query parameter {parameter:?} can't be taken: {reason}");
    let source = Source::Parameter(parameter.to_owned());
    Problem { source, ..Problem::request(StatusCode::BAD_REQUEST, "Invalid parameter", details) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

    use super::*;

    #[test]
    fn parameters_are_decoded_and_known_and_stand_once() {
        let query = Query::read(Some("name=%C3%BC%26%2B+&sort=-id"), &["name", "sort"]).unwrap();
        assert_eq!(query.text("name"), Some("ü&++"));
        assert_eq!(query.sort(&["id"]).unwrap(), Some(Sort { field: "id", descending: true }));
        assert!(query.sort(&["name"]).is_err());
        for text in ["", "other=1", "name=1&name=1", "name=%ff", "name=1&"] {
            assert!(Query::read(Some(text), &["name"]).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_page_is_within_what_is_published() {
        let page = |text| Query::read(Some(text), &["skip", "pageSize"]).unwrap().page();
        assert_eq!(page("skip=3&pageSize=2").unwrap().of(0..10), (vec![3, 4], true));
        assert_eq!(page("skip=8&pageSize=2").unwrap().of(0..10), (vec![8, 9], false));
        assert_eq!(page("skip=10").unwrap().of(0..10), (vec![], false));
        for text in ["pageSize=0", "pageSize=1001", "skip=-1", "pageSize=", "skip=x"] {
            assert!(page(text).is_err(), "{text}");
        }
    }
}

//! Listings against an export that may change, break off, or lie.

use std::cell::RefCell;

use destination_toolkit::bindings::ProblemKind;
use destination_toolkit::http::{Headers, Response, TransportErrorKind};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::testing::{
    Server, TestClock, answer, answer_text, assert_keys, audience, managed_audience, permanent, status_of, unpacked,
};

/// What the server says; tests change it between pages.
struct Audience {
    csv: String,
    count: Option<i64>,
    /// How the export ends, apart from its end.
    truncated: Option<TransportErrorKind>,
}

impl Audience {
    fn of(ids: &[&str]) -> RefCell<Self> {
        let lines: String = ids.iter().map(|id| format!("\"{}\"\n", id.replace('"', "\"\""))).collect();
        let count = i64::try_from(ids.len()).ok();
        RefCell::new(Self { csv: format!("profileintegrationid\n{lines}"), count, truncated: None })
    }
}

fn size(keys: usize) -> PageSize {
    PageSize { keys, ..PAGE_SIZE }
}

/// A page: its keys, the cursor of the next one, the total.
type Page = (Vec<String>, Option<String>, Option<u64>);

/// A listing: its keys, the total on each page, how often the export was asked for.
type Listing = (Vec<String>, Vec<Option<u64>>, usize);

/// One page; `open` is what the instance keeps.
fn ask(
    audience: &RefCell<Audience>,
    cursor: Option<&str>,
    size: PageSize,
    open: &mut Option<OpenListing>,
) -> (Result<Page, Failure>, usize) {
    let mut server = Server::new(|_, request| {
        let Audience { csv, count, truncated } = &*audience.borrow();
        match request.path.as_ref() {
            "/v1/audiences/42/memberships/export" => Ok(Response {
                status: 200,
                headers: Headers { content_type: Some("application/csv".to_owned()), ..Headers::default() },
                body: csv.as_bytes().to_vec(),
                truncated: *truncated,
            }),
            path if path.starts_with("/v1/audiences/analytics?audienceIds=42") => {
                let members = json!({"audienceId": 42, "membersCount": count});
                answer(200, &json!({"hasMore": false, "data": [members]}))
            }
            path => answer(404, &json!({"message": path})),
        }
    });
    let config = managed_audience(&json!({"retry": {"max_attempts": 1}}));
    let page = page(&config, cursor, size, open, &mut server, &mut TestClock::new());
    assert_keys(&server);
    let page = page.map(|page| (unpacked(&page.keys).into_iter().map(str::to_owned).collect(), page.next, page.total));
    (page, server.requests.iter().filter(|request| request.path.contains("export")).count())
}

/// A whole listing: all keys, the totals of the first and the last page, and how often the export was asked for.
fn list(audience: &RefCell<Audience>, size: PageSize, keeps: impl Fn(usize) -> bool) -> Result<Listing, Failure> {
    let (mut all, mut totals, mut exports, mut open, mut cursor) = (Vec::new(), Vec::new(), 0, None, None::<String>);
    for number in 0.. {
        if !keeps(number) {
            open = None;
        }
        let (page, asked) = ask(audience, cursor.as_deref(), size, &mut open);
        let (keys, next, total) = page?;
        all.extend(keys);
        totals.push(total);
        exports += asked;
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    Ok((all, totals, exports))
}

const IDS: [&str; 7] = ["cust_1", "a,b", "say \"hi\"", "line\nbreak", "  ", "Zoë", "x"];

#[test]
fn all_members_are_listed_from_one_export() {
    let (keys, totals, exports) = list(&Audience::of(&IDS), size(3), |_| true).unwrap();
    assert_eq!(keys, IDS);
    assert_eq!(totals, [Some(7), None, Some(7)]);
    assert_eq!(exports, 1, "it is kept open from page to page");
}

#[test]
fn another_instance_goes_on_where_one_ended() {
    let (keys, totals, exports) = list(&Audience::of(&IDS), size(2), |_| false).unwrap();
    assert_eq!((keys, totals), (IDS.map(str::to_owned).to_vec(), vec![Some(7), None, None, Some(7)]));
    assert_eq!(exports, 4);
}

#[test]
fn the_first_page_is_never_the_last() {
    for ids in [&IDS[..0], &IDS[..1], &IDS[..]] {
        let (keys, totals, _) = list(&Audience::of(ids), PAGE_SIZE, |_| true).unwrap();
        let count = u64::try_from(ids.len()).unwrap();
        assert_eq!((keys.len(), totals), (ids.len(), vec![Some(count), Some(count)]));
    }
}

#[test]
fn a_count_that_is_not_there_or_another_is_handed_on() {
    let audience = Audience::of(&IDS);
    audience.borrow_mut().count = None;
    assert_eq!(list(&audience, PAGE_SIZE, |_| true).unwrap().1, [None, None]);
    audience.borrow_mut().count = Some(9);
    assert_eq!(list(&audience, PAGE_SIZE, |_| true).unwrap().1, [Some(9), Some(9)]);
    audience.borrow_mut().count = Some(-1);
    let (kind, message) = permanent(list(&audience, PAGE_SIZE, |_| true));
    assert_eq!(kind, ProblemKind::Server);
    assert!(message.contains("\"membersCount\" is -1"), "{message}");
}

#[test]
fn a_repeated_page_has_the_same_keys() {
    let audience = Audience::of(&IDS);
    let mut open = None;
    let (first, _) = ask(&audience, None, size(2), &mut open);
    let cursor = first.unwrap().1.unwrap();
    let (second, asked) = ask(&audience, Some(&cursor), size(2), &mut open);
    assert_eq!(asked, 0);
    let (again, asked) = ask(&audience, Some(&cursor), size(2), &mut open);
    assert_eq!(asked, 1, "the instance has read on, so it asks again");
    assert_eq!(second.unwrap(), again.unwrap());
}

#[test]
fn members_that_changed_between_pages_are_not_put_together() {
    for csv in [
        "profileintegrationid\ncust_0\n\"a,b\"\nz\n",
        "profileintegrationid\n\"cust_1\"\n",
        "profileintegrationid\n\"cust_1\"\n\"a,c\"\nz\n",
        "profileintegrationid\n",
    ] {
        let audience = Audience::of(&IDS);
        let (first, _) = ask(&audience, None, size(2), &mut None);
        let cursor = first.unwrap().1.unwrap();
        audience.borrow_mut().csv = csv.to_owned();
        let (kind, message) = permanent(ask(&audience, Some(&cursor), size(2), &mut None).0);
        assert_eq!(kind, ProblemKind::Refused);
        assert!(message.contains("changed while they were listed"), "{message}");
    }
    // What changed behind the cursor is no matter of the pages before it.
    let audience = Audience::of(&IDS[..3]);
    let (first, _) = ask(&audience, None, size(2), &mut None);
    audience.borrow_mut().csv.push_str("new\n");
    let (second, _) = ask(&audience, first.unwrap().1.as_deref(), size(9), &mut None);
    assert_eq!(second.unwrap().0, ["say \"hi\"", "new"]);
}

#[test]
fn an_export_that_is_cut_short_is_a_transient_failure() {
    let whole = Audience::of(&IDS).borrow().csv.clone();
    for at in 0..whole.len() {
        // Between two lines the connection alone tells.
        let between = at > 20 && whole.is_char_boundary(at) && whole[..at].ends_with("\"\n");
        if !whole.is_char_boundary(at) || between || whole[..at] == *"profileintegrationid\n" {
            continue;
        }
        let audience = Audience::of(&IDS);
        audience.borrow_mut().csv.truncate(at);
        let result = list(&audience, PAGE_SIZE, |_| true);
        let inner = whole[..at].ends_with('\n') && result.is_ok();
        assert!(inner || matches!(result, Err(Failure::Transient(_))), "cut at {at}: {result:?}");
    }
    for at in [0, 21, 30, 31] {
        let audience = Audience::of(&IDS);
        audience.borrow_mut().csv.truncate(at);
        audience.borrow_mut().truncated = Some(TransportErrorKind::Reset);
        let Err(Failure::Transient(problem)) = list(&audience, PAGE_SIZE, |_| true) else {
            unreachable!("an export that breaks off at {at} is taken for whole");
        };
        assert_eq!(problem.kind, ProblemKind::Connection);
    }
}

#[test]
fn what_broke_while_nobody_read_is_asked_for_again() {
    let audience = Audience::of(&IDS);
    let mut open = None;
    audience.borrow_mut().truncated = Some(TransportErrorKind::Reset);
    let (first, _) = ask(&audience, None, size(2), &mut open);
    audience.borrow_mut().truncated = None;
    let (rest, asked) = ask(&audience, first.unwrap().1.as_deref(), PAGE_SIZE, &mut open);
    assert_eq!((rest.unwrap().0, asked), (IDS[2..].iter().map(|id| (*id).to_owned()).collect(), 1));
}

#[test]
fn what_is_not_the_export_is_named() {
    let audience = Audience::of(&[]);
    audience.borrow_mut().csv = "<html>\n<title>Sign in</title>".to_owned();
    let (kind, message) = permanent(list(&audience, PAGE_SIZE, |_| true));
    assert_eq!(kind, ProblemKind::Server);
    assert!(
        message.contains("GET /v1/audiences/*/memberships/export") && message.contains("not the header"),
        "{message}"
    );
    assert!(message.contains("check deployment_url"), "{message}");

    let mut server = Server::new(|_, request| match request.path.contains("export") {
        true => answer_text(200, "text/html; charset=utf-8", "<title>Sign in</title>"),
        false => answer(200, &json!({"data": []})),
    });
    let listed = page(&managed_audience(&json!({})), None, PAGE_SIZE, &mut None, &mut server, &mut TestClock::new());
    let (_, message) = permanent(listed);
    assert!(message.contains("a sign-in page of a proxy"), "{message}");

    let mut server = Server::new(|_, request| match request.path.contains("export") {
        true => answer(404, &json!({"message": "no such audience"})),
        false => answer(200, &json!({"data": []})),
    });
    let listed = page(&managed_audience(&json!({})), None, PAGE_SIZE, &mut None, &mut server, &mut TestClock::new());
    assert_eq!(status_of(&listed), Some(404));
    let (kind, message) = permanent(listed);
    assert_eq!(kind, ProblemKind::NotFound);
    assert!(message.contains("Talon.One has no audience 42"), "{message}");
}

#[test]
fn without_what_it_takes_nothing_is_asked() {
    let cases = [
        (audience("mirror"), None, "management_key is missing"),
        (crate::testing::managed(&json!({})), None, "customer profiles can't"),
        (
            managed_audience(&json!({"audience_id": null, "audience_name": "VIP"})),
            None,
            "audience_name is not resolved",
        ),
        (managed_audience(&json!({})), Some("x"), "not one of this plugin's"),
        (managed_audience(&json!({})), Some("1-0-1"), "not one of this plugin's"),
        (managed_audience(&json!({})), Some("1-00000000000000000-1"), "not one of this plugin's"),
    ];
    for (config, cursor, what) in cases {
        let mut server = Server::new(|_, _| answer(200, &json!({"data": []})));
        let listed = page(&config, cursor, PAGE_SIZE, &mut None, &mut server, &mut TestClock::new());
        let (_, message) = permanent(listed);
        assert!(message.contains(what), "{message}");
        assert!(server.requests.is_empty());
    }
}

#[test]
fn an_open_export_of_another_audience_is_not_read_on() {
    let audience = Audience::of(&IDS);
    let mut open = None;
    let (first, _) = ask(&audience, None, size(2), &mut open);
    let cursor = first.unwrap().1.unwrap();
    if let Some(open) = &mut open {
        open.target.audience = AudienceId::new(43).unwrap();
    }
    assert_eq!(ask(&audience, Some(&cursor), size(2), &mut open).1, 1);
}

#[test]
fn a_page_has_a_bounded_size() {
    let ids: Vec<String> = (0..100).map(|number| format!("{number:0>50}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let small = PageSize { bytes: 200, ..PAGE_SIZE };
    let (page, _) = ask(&Audience::of(&ids), None, small, &mut None);
    assert_eq!(page.unwrap().0.len(), 4);
}

proptest! {
    #[test]
    fn any_pages_on_any_instances_give_the_same_keys(
        ids in proptest::collection::vec(".{0,5}|[a\",\r\n]{0,4}", 0..30),
        keys in 1_usize..12,
        bytes in 1_usize..40,
        kept: u32,
    ) {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let size = PageSize { keys, bytes };
        let (listed, totals, _) = list(&Audience::of(&ids), size, |page| kept >> (page % 32) & 1 == 1).unwrap();
        prop_assert_eq!(listed, ids.clone());
        let count = u64::try_from(ids.len()).ok();
        prop_assert_eq!((totals[0], totals[totals.len() - 1]), (count, count));
    }
}

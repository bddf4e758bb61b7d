//! How a fake is set up before it starts.

use std::sync::Arc;

use tokio_rustls::rustls::ServerConfig;

use crate::api::bulk::Batches;
use crate::api::error_body::ErrorDetail;
use crate::clock::Clock;
use crate::deployment::Deployment;
use crate::deployment::attributes::AttributeType;
use crate::deployment::audiences::Audiences;
use crate::deployment::campaigns::{AudienceEvent, Campaigns, Effect, Rule};
use crate::deployment::definitions::{Definitions, NewAttribute};
use crate::faults::Faults;
use crate::rate::Rates;
use crate::recorder::Keep;

/// Bodies that a fake keeps where nothing else is said: enough for any test, and bounded.
const BODIES_KEPT: usize = 10_000;
/// Bytes of a body that are taken where nothing else is said: a thousand profiles of 16 KB each.
const BODY_LIMIT: u64 = 16_000_000;
/// Requests a second that each endpoint of the Management API takes, as its description says.
const MANAGEMENT_RATE: u32 = 3;

/// Everything about a fake that is fixed before it starts. It can't be printed: it holds the keys.
#[derive(Clone)]
pub struct Settings {
    pub(crate) api_keys: Vec<String>,
    pub(crate) management_key: Option<String>,
    definitions: Definitions,
    audiences: Audiences,
    campaigns: Campaigns,
    rate_limit: Option<u32>,
    management_rate_limit: Option<u32>,
    pub(crate) body_limit: u64,
    pub(crate) batches: Batches,
    pub(crate) error_detail: ErrorDetail,
    pub(crate) pointers: bool,
    pub(crate) keep: Keep,
    pub(crate) count_only: bool,
    pub(crate) faults: Faults,
    pub(crate) clock: Clock,
    pub(crate) port: u16,
    pub(crate) tls: Option<Arc<ServerConfig>>,
}

impl Settings {
    /// Takes this Integration API key and no other, and no Management API key. The attributes `name`, `email`, `phone` and `signup_date` exist, no
    /// audience does; batches are atomic, errors have an entry an item with its pointer, and there is no rate limit.
    #[must_use]
    pub fn new(api_key: impl Into<String>) -> Self {
        Self {
            api_keys: vec![api_key.into()],
            management_key: None,
            definitions: Definitions::built_in(),
            audiences: Audiences::default(),
            campaigns: Campaigns::default(),
            rate_limit: None,
            management_rate_limit: Some(MANAGEMENT_RATE),
            body_limit: BODY_LIMIT,
            batches: Batches::Atomic,
            error_detail: ErrorDetail::PerItem,
            pointers: true,
            keep: Keep::Bodies(BODIES_KEPT),
            count_only: false,
            faults: Faults::none(),
            clock: Clock::system(),
            port: 0,
            tls: None,
        }
    }

    /// The shop of the examples: its attributes, and audience 42, "Summer sale", with a rule for those who join it and one for those
    /// who leave it.
    #[must_use]
    pub fn demo(api_key: impl Into<String>) -> Self {
        use AttributeType::{Boolean, Location, Number, String, Strings, Time};
        let rule = |name: &str, on, effect| Rule { name: name.to_owned(), on, audience: 42, effect };
        Self::new(api_key)
            .described("loyalty_tier", String, "bronze, silver or gold")
            .described("lifetime_value", Number, "what the customer has spent, in euro")
            .attribute("order_count", Number)
            .described("marketing_opt_in", Boolean, "agreed to be written to")
            .attribute("last_order_at", Time)
            .attribute("birthday", Time)
            .described("favourite_stores", Strings, "numbers of shops")
            .attribute("home_location", Location)
            .audience(42, "Summer sale")
            .rule(rule("Welcome to the summer sale", AudienceEvent::Joined, Effect::TriggerWebhook))
            .rule(rule("The summer sale is over", AudienceEvent::Left, Effect::ShowNotification))
    }

    /// Takes this Management API key for the calls of the Management API; without it all of them answer 401.
    #[must_use]
    pub fn management_key(self, key: impl Into<String>) -> Self {
        Self { management_key: Some(key.into()), ..self }
    }

    /// Takes this Integration API key too: as those of one deployment, each has all rights.
    #[must_use]
    pub fn another_key(mut self, api_key: impl Into<String>) -> Self {
        self.api_keys.push(api_key.into());
        self
    }

    /// Defines an attribute of profiles, or defines it again.
    #[must_use]
    pub fn attribute(self, name: &str, kind: AttributeType) -> Self {
        self.described(name, kind, "")
    }

    /// Defines an attribute of profiles that has a description.
    #[must_use]
    pub fn described(mut self, name: &str, kind: AttributeType, description: &str) -> Self {
        let attribute = NewAttribute::of_profiles(name, kind);
        self.definitions.define(NewAttribute { description: description.to_owned(), ..attribute });
        self
    }

    /// Defines an attribute of profiles that takes these values alone.
    #[must_use]
    pub fn closed_list(mut self, name: &str, kind: AttributeType, values: &[&str]) -> Self {
        let suggestions = values.iter().map(|value| (*value).to_owned()).collect();
        let attribute = NewAttribute::of_profiles(name, kind);
        self.definitions.define(NewAttribute { suggestions, restricted_by_suggestions: true, ..attribute });
        self
    }

    /// Takes attributes that are not defined, with any value.
    #[must_use]
    pub fn any_attributes(mut self) -> Self {
        self.definitions.any = true;
        self
    }

    /// Creates an audience.
    #[must_use]
    pub fn audience(mut self, id: i64, name: &str) -> Self {
        self.audiences.create(id, name);
        self
    }

    /// Adds a rule to the campaigns.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.campaigns.rules.push(rule);
        self
    }

    /// Gives an audience so many members that take no memory, `member_00000000` and on.
    #[must_use]
    pub fn crowd(mut self, audience: i64, count: u64) -> Self {
        self.audiences.gather(audience, count);
        self
    }

    /// Requests to the Integration API that any one second lets through. Those over it get a 429 with `Retry-After` in
    /// seconds; 0 refuses all.
    #[must_use]
    pub fn rate_limit(self, per_second: u32) -> Self {
        Self { rate_limit: Some(per_second), ..self }
    }

    /// The same for each endpoint of the Management API: 3, as is.
    #[must_use]
    pub fn management_rate_limit(self, per_second: u32) -> Self {
        Self { management_rate_limit: Some(per_second), ..self }
    }

    /// Bytes of a body that are taken; a longer one gets a 413.
    #[must_use]
    pub fn body_limit(self, bytes: u64) -> Self {
        Self { body_limit: bytes, ..self }
    }

    /// What a bad item does to the good ones beside it.
    #[must_use]
    pub fn batches(self, batches: Batches) -> Self {
        Self { batches, ..self }
    }

    /// How a refused batch is told.
    #[must_use]
    pub fn error_detail(self, detail: ErrorDetail) -> Self {
        Self { error_detail: detail, ..self }
    }

    /// Whether errors point into the body.
    #[must_use]
    pub fn pointers(self, pointers: bool) -> Self {
        Self { pointers, ..self }
    }

    /// How much of each request is remembered.
    #[must_use]
    pub fn keep(self, keep: Keep) -> Self {
        Self { keep, ..self }
    }

    /// For benchmarks: bodies are counted and thrown away. They are not checked, the state stays empty, and a thousand
    /// requests take no more memory than their counts. Key, path and headers are still checked.
    #[must_use]
    pub fn count_only(self) -> Self {
        Self { count_only: true, keep: Keep::Counts, ..self }
    }

    /// Faults from the first request on.
    #[must_use]
    pub fn faults(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }

    /// The clock of arrival times, the rate limit and dates.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The port to listen on; 0, as is, takes a free one.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// Serves TLS. The certificate must be good for `127.0.0.1`, or for the name that the client is given. HTTP/2 is
    /// offered where `config` names it in its ALPN protocols.
    #[must_use]
    pub fn tls(self, config: Arc<ServerConfig>) -> Self {
        Self { tls: Some(config), ..self }
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    pub(crate) fn rates(&self) -> Rates {
        Rates::new(self.rate_limit, self.management_rate_limit)
    }

    pub(crate) fn deployment(&self) -> Deployment {
        let deployment = Deployment::new(self.definitions.clone(), self.audiences.clone());
        Deployment { campaigns: self.campaigns.clone(), ..deployment }
    }
}

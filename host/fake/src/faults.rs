//! Which fault strikes which request: a script, a random mix, or a function.
//!
//! The choice depends on the order in which requests arrive and on nothing else, so that it is the same in every run of
//! one seed.

pub(crate) mod fault;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use serde::Deserialize;

use crate::faults::fault::{Fault, Kind};

/// A plan of faults.
#[derive(Debug, Clone)]
pub struct Faults(Plan);

type Choose = dyn Fn(&Arrival) -> Option<Fault> + Send + Sync;

#[derive(Clone)]
enum Plan {
    Script(Vec<Step>),
    Random { seed: u64, percent: u8, mix: Vec<Fault>, drawn: u64 },
    Function(Arc<Choose>),
}

/// A fault, how often it strikes, and which requests.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawStep")]
pub struct Step {
    fault: Fault,
    /// How often it still strikes; none for ever.
    left: Option<u64>,
    method: Option<Method>,
    path: Option<String>,
}

/// A request as far as a plan of faults sees it.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// How many requests came before it, since the fake started.
    pub sequence: u64,
    /// How long the fake had been running, by its clock.
    pub at: Duration,
    /// The request's method.
    pub method: Method,
    /// The request's path without the query.
    pub path: String,
}

impl Fault {
    /// A step that strikes once.
    #[must_use]
    pub fn once(self) -> Step {
        self.times(1)
    }

    /// A step that strikes so many requests.
    #[must_use]
    pub fn times(self, times: u64) -> Step {
        Step { fault: self, left: Some(times), method: None, path: None }
    }

    /// A step that strikes every request from then on.
    #[must_use]
    pub fn forever(self) -> Step {
        Step { fault: self, left: None, method: None, path: None }
    }
}

impl Step {
    /// Strikes only requests with this path; the query does not count.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// Strikes only requests with this method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    fn takes(&mut self, arrival: &Arrival) -> bool {
        let fits = self.left != Some(0)
            && self.method.as_ref().is_none_or(|method| *method == arrival.method)
            && self.path.as_ref().is_none_or(|path| *path == arrival.path);
        if fits && let Some(left) = &mut self.left {
            *left -= 1;
        }
        fits
    }
}

impl From<Fault> for Step {
    fn from(fault: Fault) -> Self {
        fault.once()
    }
}

impl Faults {
    /// No faults.
    #[must_use]
    pub fn none() -> Self {
        Self(Plan::Script(Vec::new()))
    }

    /// Steps in order: a request is struck by the first step that fits it and is not used up. A bare fault strikes
    /// once; [`Fault::pass`] lets requests through before the next step. After the last one all is well.
    #[must_use]
    pub fn script<S: Into<Step>>(steps: impl IntoIterator<Item = S>) -> Self {
        Self(Plan::Script(steps.into_iter().map(Into::into).collect()))
    }

    /// So many of a hundred requests are struck by one of `mix`, drawn evenly. Over 100 counts as 100; an empty mix
    /// strikes none.
    #[must_use]
    pub fn random(seed: u64, percent: u8, mix: impl IntoIterator<Item = Fault>) -> Self {
        Self(Plan::Random { seed, percent, mix: mix.into_iter().collect(), drawn: 0 })
    }

    /// Whatever `choose` says of each request. It is called once a request, in order of arrival, and must not inject
    /// another plan itself.
    #[must_use]
    pub fn function(choose: impl Fn(&Arrival) -> Option<Fault> + Send + Sync + 'static) -> Self {
        Self(Plan::Function(Arc::new(choose)))
    }

    /// The fault for the request that has just arrived; none, or a `pass`, for no fault.
    pub(crate) fn strike(&mut self, arrival: &Arrival) -> Option<Fault> {
        match &mut self.0 {
            Plan::Script(steps) => steps.iter_mut().find_map(|step| step.takes(arrival).then(|| step.fault.clone())),
            Plan::Random { seed, percent, mix, drawn } => {
                let number = scattered(*seed, *drawn);
                *drawn += 1;
                if number % 100 >= u64::from(*percent) {
                    return None;
                }
                let choice = (number / 100).checked_rem(mix.len() as u64)?;
                mix.get(usize::try_from(choice).ok()?).cloned()
            }
            Plan::Function(choose) => choose(arrival),
        }
    }
}

/// The `n`th number of a seed's series: the steps of SplitMix64, whose numbers do not depend on one another. No crate's
/// generator promises the same series in its next release.
fn scattered(seed: u64, n: u64) -> u64 {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let mixed = |x: u64, shift: u32, factor: u64| (x ^ (x >> shift)).wrapping_mul(factor);
    let start = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(GOLDEN));
    let twice = mixed(mixed(start, 30, 0xbf58_476d_1ce4_e5b9), 27, 0x94d0_49bb_1331_11eb);
    twice ^ (twice >> 31)
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Script(steps) => f.debug_tuple("Script").field(steps).finish(),
            Self::Random { seed, percent, mix, drawn } => f
                .debug_struct("Random")
                .field("seed", seed)
                .field("percent", percent)
                .field("mix", mix)
                .field("drawn", drawn)
                .finish(),
            Self::Function(_) => f.write_str("Function"),
        }
    }
}

/// A plan as JSON: `{"script":[{"fault":"reset","times":2}]}`, `{"random":{"seed":1,"percent":30,"mix":[…]}}`.
impl<'de> Deserialize<'de> for Faults {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match RawFaults::deserialize(deserializer)? {
            RawFaults::Script(steps) => Self::script(steps),
            RawFaults::Random { seed, percent, mix } => Self::random(seed, percent, mix),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum RawFaults {
    Script(Vec<Step>),
    Random { seed: u64, percent: u8, mix: Vec<Fault> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    fault: Kind,
    #[serde(default)]
    applied: bool,
    /// Absent is once, null is for ever.
    #[serde(default = "once")]
    times: Option<u64>,
    method: Option<String>,
    path: Option<String>,
}

/// What serde takes for an absent `times`.
const fn once() -> Option<u64> {
    Some(1)
}

impl TryFrom<RawStep> for Step {
    type Error = String;

    fn try_from(raw: RawStep) -> Result<Self, Self::Error> {
        let method = raw.method.map(|method| method.parse().map_err(|_| format!("{method:?} is no method")));
        let fault = Fault { kind: raw.fault, applied: raw.applied };
        Ok(Self { fault, left: raw.times, method: method.transpose()?, path: raw.path })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::unreachable, reason = "a test may stop at what it did not expect")]

    use super::*;

    fn arrival(sequence: u64, method: Method, path: &str) -> Arrival {
        Arrival { sequence, at: Duration::ZERO, method, path: path.to_owned() }
    }

    fn names(faults: &mut Faults, requests: u64) -> Vec<&'static str> {
        (0..requests)
            .map(|n| faults.strike(&arrival(n, Method::PUT, "/a")).map_or("none", |fault| fault.kind.name()))
            .collect()
    }

    #[test]
    fn a_script_runs_in_order_and_ends() {
        let mut faults = Faults::script([Fault::pass().times(2), Fault::reset().once(), Fault::hang().times(2)]);
        assert_eq!(names(&mut faults, 7), ["pass", "pass", "reset", "hang", "hang", "none", "none"]);
        assert_eq!(names(&mut Faults::script([Fault::reset().forever()]), 3), ["reset"; 3]);
        assert_eq!(names(&mut Faults::none(), 2), ["none"; 2]);
    }

    #[test]
    fn a_step_waits_for_a_request_that_fits() {
        let mut faults =
            Faults::script([Fault::reset().once().path("/b").method(Method::POST), Fault::hang().times(2)]);
        let mut strike = |method, path| faults.strike(&arrival(0, method, path)).map(|fault| fault.kind.name());
        assert_eq!(strike(Method::POST, "/a"), Some("hang"));
        assert_eq!(strike(Method::PUT, "/b"), Some("hang"));
        assert_eq!(strike(Method::PUT, "/b"), None);
        assert_eq!(strike(Method::POST, "/b"), Some("reset"));
        assert_eq!(strike(Method::POST, "/b"), None);
    }

    #[test]
    fn a_seed_always_gives_the_same_faults_at_about_the_rate() {
        let draw = |seed| names(&mut Faults::random(seed, 30, [Fault::reset(), Fault::status(503)]), 10_000);
        let drawn = draw(7);
        assert_eq!(drawn, draw(7));
        assert_ne!(drawn, draw(8));
        let count = |name| drawn.iter().filter(|drawn| **drawn == name).count();
        assert_eq!(count("reset") + count("answer") + count("none"), 10_000);
        assert!((1_350..1_650).contains(&count("reset")), "{}", count("reset"));
        assert!((1_350..1_650).contains(&count("answer")), "{}", count("answer"));
    }

    #[test]
    fn a_seeds_first_numbers_are_fixed() {
        assert_eq!(scattered(0, 0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(scattered(0, 1), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn the_ends_of_random() {
        assert_eq!(names(&mut Faults::random(1, 0, [Fault::reset()]), 100), ["none"; 100]);
        assert_eq!(names(&mut Faults::random(1, 100, [Fault::reset()]), 100), ["reset"; 100]);
        assert_eq!(names(&mut Faults::random(1, 100, []), 3), ["none"; 3]);
    }

    #[test]
    fn a_function_sees_the_request() {
        let mut faults = Faults::function(|arrival| (arrival.sequence % 2 == 1).then(Fault::reset));
        assert_eq!(names(&mut faults, 4), ["none", "reset", "none", "reset"]);
    }

    #[test]
    fn a_script_in_json() {
        let json = r#"{"script":[
            {"fault":"pass","times":2},
            {"fault":{"answer":{"status":429,"retry_after":{"seconds":3}}},"path":"/a","method":"PUT"},
            {"fault":{"answer":{"status":503,"retry_after":{"date_in":-5},
                                "body":{"content_type":"text/html","text":"<p>"}}}},
            {"fault":{"slow":{"millis":20}},"times":null},
            {"fault":"reset","applied":true}]}"#;
        let Faults(Plan::Script(steps)) = serde_json::from_str(json).unwrap() else { unreachable!() };
        let expected = [
            Fault::pass().times(2),
            Fault::status(429).retry_after_secs(3).once().path("/a").method(Method::PUT),
            Fault::status(503).retry_after_date(-5).body("text/html", "<p>").once(),
            Fault::slow(Duration::from_millis(20)).forever(),
            Fault::reset().applied().once(),
        ];
        assert_eq!(steps, expected);
    }

    #[test]
    fn json_that_is_no_plan_is_refused() {
        for (json, told) in [
            (r#"{"script":[{"fault":"melt"}]}"#, "melt"),
            (r#"{"script":[{"fault":"reset","time":2}]}"#, "time"),
            (r#"{"script":[{"fault":{"answer":{"status":101}}}]}"#, "101"),
            (r#"{"script":[{"fault":{"answer":{"status":503,"retry_after":{"raw":"a\nb"}}}}]}"#, "can't stand"),
            (r#"{"script":[{"fault":"reset","method":"P T"}]}"#, "is no method"),
            (r#"{"random":{"seed":1,"mix":[]}}"#, "percent"),
            (r#"{}"#, "expected"),
        ] {
            let error = serde_json::from_str::<Faults>(json).unwrap_err().to_string();
            assert!(error.contains(told), "{json}: {error}");
        }
    }
}

//! The rules, each with its number. A number stays with its rule; `wit/README.md` explains them in the same order.

use serde::Serialize;

/// What a plugin must be able to do for a rule to be about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Every plugin.
    Base,
    /// One whose config has `mappings`.
    FieldMapping,
    /// One that has `map-row`.
    MapRow,
    /// One whose object type can be mirrored.
    Mirror,
    /// One whose config holds a secret.
    Secrets,
    /// One whose server is named by the config, so that a recording one can take its place.
    Recordable,
    /// One that exports `inspection` or `provisioning`.
    Asking,
    /// One that exports `inspection`.
    Inspection,
    /// One that exports `provisioning`.
    Provisioning,
    /// One that exports `effects`.
    Effects,
}

/// A rule of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its number: hundreds say what it is about.
    pub number: u16,
    /// What holds where it is kept.
    pub title: &'static str,
    /// What a plugin must be able to do for it.
    pub capability: Capability,
}

impl Rule {
    /// What the rule is about.
    #[must_use]
    pub fn group(self) -> &'static str {
        match self.number / 100 {
            1 => "component",
            2 => "descriptor",
            3 => "config",
            4 => "mapping",
            5 => "rendering",
            6 => "sending",
            7 => "connection check",
            8 => "looking and creating",
            9 => "inspection",
            10 => "provisioning",
            _ => "effects",
        }
    }
}

const fn base(number: u16, title: &'static str) -> Rule {
    Rule { number, title, capability: Capability::Base }
}

const fn sent(number: u16, title: &'static str) -> Rule {
    Rule { number, title, capability: Capability::Recordable }
}

const fn asking(number: u16, title: &'static str) -> Rule {
    Rule { number, title, capability: Capability::Asking }
}

const fn inspection(number: u16, title: &'static str) -> Rule {
    Rule { number, title, capability: Capability::Inspection }
}

const fn provisioning(number: u16, title: &'static str) -> Rule {
    Rule { number, title, capability: Capability::Provisioning }
}

const fn effects(number: u16, title: &'static str) -> Rule {
    Rule { number, title, capability: Capability::Effects }
}

macro_rules! rules {
    ($($name:ident = $rule:expr;)*) => {
        $(pub(super) const $name: Rule = $rule;)*
        /// All rules, by number.
        pub const ALL: &[Rule] = &[$($name),*];
    };
}

rules! {
    EXPORTS = base(101, "it exports the interface of a destination");
    IMPORTS = base(102, "it imports nothing that no plugin is granted");

    STABLE = base(201, "it describes itself, the same on every instance");
    NAMED = base(202, "it has a name in kebab case, a label and a version");
    SCHEMA = base(203, "the config's schema is a JSON Schema of an object");
    KEYS = base(204, "each of the config keys is a property of the schema");
    OBJECT_TYPES = base(205, "object types have names of their own, modes, and a default among them");
    FIELDS = base(206, "the key field is a required field, and no field stands twice");
    LIMITS = base(207, "each limit that is known is at least 1");
    ENDPOINTS = base(208, "it names the servers that it calls, and its own as scheme, host and port");
    DECLARED = base(209, "the schema takes the declared object types, modes and mappings, and no other key as these");

    VALID = base(301, "a good config has no issue");
    FITS_SCHEMA = base(302, "a good config fits the schema");
    NONSENSE = base(303, "a text that is no config has an issue, whatever it is");
    UNKNOWN_KEY = base(304, "an unknown key is an issue that names it");
    ALL_AT_ONCE = base(305, "all faults are told at once");
    SECRET_UNTOLD = Rule { number: 306, title: "no issue repeats a secret", capability: Capability::Secrets };
    INVALID_CALL = base(307, "calls with an invalid config fail permanently, as `configuration`");

    MAPPED = base(401, "good rows become records, with a stand-in for each secret that the host keeps");
    ACCOUNTED = base(402, "each row stands in exactly one of records and issues");
    PURE = base(403, "the same call gives the same answer");
    KINDS = base(404, "values of every kind, and nulls, are mapped or rejected");
    LAYOUTS = base(405, "offsets that begin later and validity bits past the end change nothing");
    BROKEN_LAYOUTS = base(406, "a broken layout is a failure");
    EMPTY_BATCH = base(407, "no rows are no records");
    MISSING_COLUMN =
        Rule { number: 408, title: "a mapped column that is not there fails the call", capability: Capability::FieldMapping };
    ROW_EQUALS_BATCH =
        Rule { number: 409, title: "a row becomes the same record alone as in a batch", capability: Capability::MapRow };
    ACTIONS = base(410, "each mode makes its actions of each change");
    TOLD = base(411, "keys are not empty, and issues have a code in kebab case and a message");

    RENDER_PURE = base(501, "records render the same every time, and none as no request");
    REQUEST_FORM = base(502, "requests have a method in upper case and a path that begins with /");
    BODY_SIZE = base(503, "no body is larger than the limit of the descriptor");

    ACKNOWLEDGED = sent(601, "what the server confirms is accepted");
    SENT_AS_RENDERED = sent(602, "the bytes sent are the bytes rendered");
    SECRET_IN_HEADERS =
        Rule { number: 603, title: "a secret that the host keeps is in headers and nowhere else", capability: Capability::Secrets };
    COUNTED = sent(604, "the requests reported are the requests made");
    EMPTY_SEND = sent(605, "no records are no request");
    ANY_BATCH = sent(606, "merged, cut and repeated batches are delivered, whatever their row numbers");
    REMOVAL = Rule { number: 607, title: "a removal that the engine made is delivered", capability: Capability::Mirror };
    UNAUTHENTICATED = sent(608, "401 is a permanent failure, `authentication`");
    FORBIDDEN = sent(609, "403 and 404 are permanent, and nothing counts as accepted");
    TOO_LARGE = sent(610, "413 ends, with nothing accepted");
    RATE_LIMITED = sent(611, "429 is transient, and `Retry-After` is heeded or handed on");
    SERVER_ERROR = sent(612, "500 is transient, and repeats have an end");
    RESET = sent(613, "a connection that breaks is transient");
    SLOW = sent(614, "a server that takes two seconds is waited for");
    ECHO = Rule { number: 615, title: "a secret that the server repeats is in no message", capability: Capability::Secrets };
    REDIRECT = sent(616, "a redirect is not followed, and not an acknowledgement");
    ONLY_ENDPOINTS = sent(617, "no request goes anywhere but to the endpoints");
    REFUSED = sent(618, "400 is never accepted, and splitting has an end");

    CHECK = sent(701, "the connection check answers where the server does");
    CHECK_401 = sent(702, "the connection check fails on 401, permanently, as `authentication`");

    ASKED_ALIKE = asking(801, "the same question has the same answer on every instance");
    ASKED_INVALID = asking(802, "calls with an invalid config fail permanently, as `configuration`");
    ASKED_ENDPOINTS = asking(803, "no request goes anywhere but to the endpoints");
    ASKED_SECRET = asking(804, "a secret that the host keeps is in headers and nowhere else");
    ASKED_UNCHANGED = asking(805, "looking changes nothing, and nothing is ever deleted");
    ASKED_401 = asking(806, "401 is a permanent failure, `authentication`");
    ASKED_403 = asking(807, "403 is a permanent failure");
    ASKED_429 = asking(808, "429 is transient, and `Retry-After` is heeded or handed on");
    ASKED_500 = asking(809, "500 is transient, and repeats have an end");
    ASKED_RESET = asking(810, "a connection that breaks is transient");
    ASKED_BROKEN_OFF = asking(811, "an answer that breaks off is a failure");
    ASKED_PAGE = asking(812, "a page of HTML is a failure, and not a place where nothing is");
    ASKED_ECHO = asking(813, "a secret that the server repeats is in nothing that is told");
    ASKED_REDIRECT = asking(814, "a redirect is not followed, and not an answer");

    ROUTE_LIMITS = inspection(901, "limits of routes are well formed, and the same on every instance");
    DISCOVERED_ONCE = inspection(902, "no field and no target is discovered twice");
    UNASKED = inspection(903, "fields that can't be compared cost no request");
    DIFFERENCES = inspection(904, "differences are of the records asked about, in their order, and differ");
    NO_RECORDS = inspection(905, "no records are compared without a request");
    LISTING_ENDS = inspection(906, "a listing has an end, and no key twice");
    TOTALS = inspection(907, "a total is on the first and on the last of at least two pages, or nowhere");
    CURSOR = inspection(908, "a cursor gives the same keys again, on any instance, or fails");

    RESOLVED = provisioning(1001, "a config in which nothing is to be resolved comes back without a request");
    MISSING = provisioning(1002, "what is missing has a kind and a name");
    CREATED = provisioning(1003, "what is planned can be created");

    EFFECTS_ALIKE = effects(1101, "sending with effects makes the same requests and accepts the same records");
    EFFECTS_COUNTED = effects(1102, "no effect stands twice or is counted as none");
    EFFECTS_FAIL = effects(1103, "sending with effects fails as sending does");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_a_number_of_its_own_in_order() {
        assert!(ALL.is_sorted_by(|a, b| a.number < b.number));
        assert!(ALL.iter().all(|rule| !rule.title.is_empty() && !rule.group().is_empty()));
    }
}

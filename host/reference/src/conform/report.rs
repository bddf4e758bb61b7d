//! What was found, rule by rule.

use std::collections::BTreeMap;

use destination_engine::bindings::Descriptor;
use destination_engine::plugin::DESTINATION;
use serde::Serialize;

use super::rules::{self, Rule};

/// The result of a trial: each rule once, by number.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The interface whose rules they are.
    pub contract: &'static str,
    /// The component's name.
    pub component: String,
    /// The plugin's name and version, as it says them itself; none where it could not be asked.
    pub plugin: Option<PluginName>,
    /// How many rules are kept.
    pub passed: usize,
    /// How many are broken.
    pub failed: usize,
    /// How many could not be tried.
    pub skipped: usize,
    /// Every rule.
    pub rules: Vec<Finding>,
}

/// A plugin, as it names itself.
#[derive(Debug, Serialize)]
pub struct PluginName {
    /// `talon-one`
    pub name: String,
    /// `0.1.0`
    pub version: String,
}

/// A rule, and what was found.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// The rule's number.
    pub rule: u16,
    /// What it is about.
    pub group: &'static str,
    /// What holds where it is kept.
    pub title: &'static str,
    /// Which plugins it is about.
    pub capability: rules::Capability,
    /// Kept, broken or not tried.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What was found of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// It is kept.
    Passed,
    /// It is broken.
    Failed {
        /// How: at least one.
        faults: Vec<String>,
    },
    /// It could not be tried.
    Skipped {
        /// Why.
        reason: String,
    },
}

/// Faults of one rule that are told; more say little more.
const MOST_FAULTS: usize = 5;

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings(BTreeMap<u16, Outcome>);

impl Findings {
    /// The rule is kept where there is no fault. It may be judged in parts.
    pub(super) fn judge(&mut self, rule: Rule, faults: impl IntoIterator<Item = String>) {
        let mut found: Vec<String> = faults.into_iter().collect();
        if let Some(Outcome::Failed { faults }) = self.0.get_mut(&rule.number) {
            faults.append(&mut found);
        } else if found.is_empty() {
            self.0.insert(rule.number, Outcome::Passed);
        } else {
            self.0.insert(rule.number, Outcome::Failed { faults: found });
        }
    }

    /// The rule can't be tried.
    pub(super) fn skip(&mut self, rule: Rule, reason: impl Into<String>) {
        self.0.entry(rule.number).or_insert_with(|| Outcome::Skipped { reason: reason.into() });
    }

    /// All rules; what was not come to has this reason.
    pub(super) fn finish(mut self, component: &str, descriptor: Option<&Descriptor>, reason: &str) -> Report {
        let mut rules = Vec::with_capacity(rules::ALL.len());
        for rule in rules::ALL {
            let unreached = || Outcome::Skipped { reason: reason.to_owned() };
            let mut outcome = self.0.remove(&rule.number).unwrap_or_else(unreached);
            if let Outcome::Failed { faults } = &mut outcome {
                let more = faults.len().saturating_sub(MOST_FAULTS);
                faults.truncate(MOST_FAULTS);
                if more > 0 {
                    faults.push(format!("and {more} more"));
                }
            }
            let Rule { number, title, capability } = *rule;
            rules.push(Finding { rule: number, group: rule.group(), title, capability, outcome });
        }
        let count = |wanted: fn(&Outcome) -> bool| rules.iter().filter(|it| wanted(&it.outcome)).count();
        Report {
            contract: DESTINATION,
            component: component.to_owned(),
            plugin: descriptor.map(|it| PluginName { name: it.name.clone(), version: it.version.clone() }),
            passed: count(|outcome| matches!(outcome, Outcome::Passed)),
            failed: count(|outcome| matches!(outcome, Outcome::Failed { .. })),
            skipped: count(|outcome| matches!(outcome, Outcome::Skipped { .. })),
            rules,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_stands_once_and_what_was_not_tried_is_never_passed() {
        let mut findings = Findings::default();
        findings.judge(rules::EXPORTS, None);
        findings.judge(rules::IMPORTS, (0..7).map(|n| format!("fault {n}")));
        findings.judge(rules::IMPORTS, None);
        findings.skip(rules::STABLE, "why");
        findings.skip(rules::EXPORTS, "too late");
        let report = findings.finish("x.wasm", None, "not reached");
        assert_eq!(report.rules.len(), rules::ALL.len());
        assert_eq!((report.passed, report.failed), (1, 1));
        assert_eq!(report.passed + report.failed + report.skipped, report.rules.len());
        let outcome = |number| report.rules.iter().find(|it| it.rule == number).map(|it| it.outcome.clone());
        assert_eq!(outcome(101), Some(Outcome::Passed));
        let Some(Outcome::Failed { faults }) = outcome(102) else { return assert_eq!(outcome(102), None) };
        assert_eq!((faults.len(), faults.last().map(String::as_str)), (6, Some("and 2 more")));
        assert_eq!(outcome(201), Some(Outcome::Skipped { reason: "why".to_owned() }));
        assert_eq!(outcome(702), Some(Outcome::Skipped { reason: "not reached".to_owned() }));
    }
}

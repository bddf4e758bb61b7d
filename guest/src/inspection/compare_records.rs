//! What Talon.One holds for some records against what they say.
//!
//! With a management key a thousand customers are asked for at a time; without one each is asked for alone, with the Integration key.

use std::borrow::Cow;

use destination_toolkit::bindings::inspection::Difference;
use destination_toolkit::bindings::{Action, Failure, MappedBatch};
use destination_toolkit::clock::Clock;
use destination_toolkit::columns::TextIndex;
use destination_toolkit::delivery::{Record, Records};
use destination_toolkit::http::Network;
use destination_toolkit::problem;
use destination_toolkit::problem::quote::quoted;
use destination_toolkit::value::json;

use super::equality::same;
use crate::api::client::{Integration, Management};
use crate::api::object::Object;
use crate::api::{integration, management};
use crate::config::{self, AudienceId, Config};
use crate::mapping;

/// Compare. Of several records with one key the last counts, as in a delivery.
///
/// # Errors
/// The batch is malformed, or Talon.One did not answer as documented.
#[inline(never)]
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(super) fn compare(
    config: &Config,
    batch: &MappedBatch,
    network: &mut dyn Network,
    clock: &mut dyn Clock,
) -> Result<Vec<Difference>, Failure> {
    if config.object == config::Object::Unresolved {
        return Err(mapping::unresolved());
    }
    let records = Records::read(batch, &|_, _, _, payload| Ok(Cow::Borrowed(payload)))?;
    let mut expectations = Vec::with_capacity(records.kept.len());
    for record in &records.kept {
        expectations.push(Expectation::of(config, record, batch)?);
    }
    let mut found: Vec<Option<Vec<Difference>>> = Vec::new();
    found.resize_with(expectations.len(), || None);
    match Management::new(config, network, clock) {
        Some(mut management) => ask_for_many(&expectations, &mut found, &mut management)?,
        None => ask_for_each(&expectations, &mut found, &mut Integration::new(config, network, clock))?,
    }
    let mut differences = Vec::new();
    for (expectation, found) in expectations.iter().zip(found) {
        differences.extend(found.unwrap_or_else(|| expectation.of_no_profile()));
    }
    Ok(differences)
}

#[inline(never)]
#[cfg_attr(target_family = "wasm", optimize(size))]
fn ask_for_many(
    expectations: &[Expectation<'_>],
    found: &mut [Option<Vec<Difference>>],
    management: &mut Management<'_>,
) -> Result<(), Failure> {
    let mut by_key = TextIndex::default();
    by_key.extend(expectations.iter().enumerate().map(|(index, expectation)| (expectation.key, index)));
    for some in expectations.chunks(management::PAGE_SIZE) {
        let keys = || some.iter().map(|expectation| expectation.key);
        management.pages(&|page_size, skip| management::customers(keys(), page_size, skip), &mut |profile| {
            // A search may bring others; they are not asked about.
            let index = by_key.get(profile.text("integrationId")?.as_ref());
            let expected = index.and_then(|index| Some((expectations.get(*index)?, found.get_mut(*index)?)));
            if let Some((expectation, found)) = expected {
                *found = Some(expectation.differences(profile)?);
            }
            Ok(())
        })?;
    }
    Ok(())
}

#[inline(never)]
#[cfg_attr(target_family = "wasm", optimize(size))]
fn ask_for_each(
    expectations: &[Expectation<'_>],
    found: &mut [Option<Vec<Difference>>],
    integration: &mut Integration<'_>,
) -> Result<(), Failure> {
    for (expectation, found) in expectations.iter().zip(found) {
        let request = integration::inventory(expectation.key).ok_or_else(|| {
            problem::configuration(format!(
                "the customer {} can't be asked for by a URL: add management_key, with which customers are searched for",
                quoted(expectation.key)
            ))
        })?;
        integration.object(&request, &[200, 404], &mut |status, inventory| {
            // An address that is not there answers 404 too; Talon.One says why.
            *found = match status {
                404 if inventory.get("message").is_some() || inventory.get("errors").is_some() => None,
                404 => return Err("HTTP 404 without a message".to_owned()),
                _ => Some(expectation.differences(&inventory.object("profile")?)?),
            };
            Ok(())
        })?;
    }
    Ok(())
}

/// What a record says.
struct Expectation<'a> {
    index: u32,
    key: &'a str,
    says: Says<'a>,
}

enum Says<'a> {
    /// These attributes have these values, in JSON.
    Attributes(&'a Config, Object<'a>),
    /// The customer is a member of this audience, or is not.
    Membership(AudienceId, bool),
}

impl<'a> Expectation<'a> {
    #[inline(never)]
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn of(config: &'a Config, record: &'a Record<'a>, batch: &MappedBatch) -> Result<Self, Failure> {
        let index = record.batch_index;
        let says = match config.object.audience() {
            Some(audience) => {
                let action = usize::try_from(index).ok().and_then(|index| batch.actions.get(index));
                Says::Membership(audience, action != Some(&Action::Delete))
            }
            None => {
                let payload = Object::read(&record.item).and_then(|payload| payload.object("attributes"));
                let attributes = payload.map_err(|fault| {
                    problem::internal(format!("record {index} is not one of this plugin's: {fault}"))
                })?;
                Says::Attributes(config, attributes)
            }
        };
        Ok(Self { index, key: record.key, says })
    }

    /// Where the profile that was found says something else.
    ///
    /// # Errors
    /// The profile is not as documented.
    #[inline(never)]
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn differences(&self, profile: &Object<'_>) -> Result<Vec<Difference>, String> {
        match &self.says {
            Says::Attributes(config, expected) => {
                let found = profile.object("attributes")?;
                let differs = |(name, value): (&str, &str)| {
                    let found = found.get(name);
                    let equal = match found {
                        Some(found) => same(value, found, config.type_of(name)),
                        None => json::is_null(value),
                    };
                    (!equal).then(|| self.difference(Some(name), Some(value), found))
                };
                Ok(expected.iter().filter_map(differs).collect())
            }
            Says::Membership(audience, member) => {
                let mut is_member = false;
                for audience_of in profile.optional_list("audienceMemberships")?.unwrap_or_default() {
                    is_member |= Object::read(audience_of)?.whole_number("id")? == audience.number();
                }
                Ok(if is_member == *member { Vec::new() } else { self.of_membership(*audience, is_member) })
            }
        }
    }

    /// For a customer that Talon.One does not have.
    #[inline(never)]
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn of_no_profile(&self) -> Vec<Difference> {
        match self.says {
            Says::Attributes(..) => vec![self.difference(None, Some("a profile"), None)],
            Says::Membership(audience, true) => self.of_membership(audience, false),
            Says::Membership(_, false) => Vec::new(),
        }
    }

    fn of_membership(&self, audience: AudienceId, is_member: bool) -> Vec<Difference> {
        let member = format!("a member of audience {}", audience.number());
        let (expected, found) = if is_member { (None, Some(member.as_str())) } else { (Some(member.as_str()), None) };
        vec![self.difference(None, expected, found)]
    }

    fn difference(&self, field: Option<&str>, expected: Option<&str>, found: Option<&str>) -> Difference {
        Difference {
            record_index: self.index,
            field: field.map(str::to_owned),
            expected: expected.map(str::to_owned),
            found: found.map(str::to_owned),
        }
    }
}

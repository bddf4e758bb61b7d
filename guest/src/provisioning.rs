//! Creating what a sync needs in Talon.One: attributes, by the Management API, and an audience, by the Integration API. Nothing is ever
//! deleted or changed.

use destination_toolkit::bindings::provisioning::MissingObject;
use destination_toolkit::bindings::{Column, Failure, Problem, ProblemKind};
use destination_toolkit::clock::Clock;
use destination_toolkit::columns::Columns;
use destination_toolkit::extensions::Provisioning;
use destination_toolkit::http::Network;
use destination_toolkit::problem::quote::quoted;
use destination_toolkit::problem::suggest::nearest;
use destination_toolkit::problem::{self, problem};
use destination_toolkit::value::json;

use crate::api::client::{self, Integration, Management};
use crate::api::{integration, management};
use crate::config::{AudienceId, Config, NamedAudience, Object};
use crate::inspection::{Attributes, Audience, audiences, column_type};
use crate::mapping::Plan;
use crate::value::FieldType;

/// What can be created, by the word that it has over the border.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Attribute,
    Audience,
}

const KINDS: [(&str, Kind); 2] = [("attribute", Kind::Attribute), ("audience", Kind::Audience)];

impl Provisioning for Config {
    #[inline(never)]
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn plan(
        &self,
        columns: &[Column],
        network: &mut dyn Network,
        clock: &mut dyn Clock,
    ) -> Result<Vec<MissingObject>, Failure> {
        let columns = Columns::read(columns).map_err(problem::configuration)?;
        let plan = Plan::new(self, &columns).map_err(problem::configuration)?;
        let mut management = Management::new(self, network, clock)
            .ok_or_else(|| client::no_management_key("what is missing is found out with it"))?;
        let mut missing = Vec::new();
        if let Some(named) = &self.named_audience
            && audience_of(named, &audiences(&mut management)?)?.is_none()
        {
            missing.push(MissingObject {
                kind: "audience".to_owned(),
                name: named.name.clone(),
                field_type: None,
                description: "an audience without members".to_owned(),
            });
        }
        if self.object == Object::Profiles && !plan.attributes.is_empty() {
            let attributes = Attributes::read(&mut management)?;
            let mut untyped = Vec::new();
            for planned in &plan.attributes {
                let name = planned.attribute.name();
                if planned.attribute.is_default() || attributes.get(name).is_some() {
                    continue;
                }
                let column = quoted(planned.column.name);
                match planned.attribute.field_type.or_else(|| column_type(planned.column.kind())) {
                    Some(field_type) => missing.push(MissingObject {
                        kind: "attribute".to_owned(),
                        name: name.to_owned(),
                        field_type: Some(field_type.name().to_owned()),
                        description: format!("a customer profile attribute for the column {column}"),
                    }),
                    None => untyped.push(format!("{} (the column {column})", quoted(name))),
                }
            }
            if !untyped.is_empty() {
                return Err(problem::configuration(format!(
                    "these attributes are not defined in Talon.One, and the values of their columns do not say which type they get: \
                     {}; write `type` in their mappings",
                    untyped.join(", ")
                )));
            }
        }
        Ok(missing)
    }

    #[inline(never)]
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn create(
        &self,
        objects: &[MissingObject],
        network: &mut dyn Network,
        clock: &mut dyn Clock,
    ) -> Result<(), Failure> {
        let wanted: Vec<(Kind, &MissingObject)> = objects
            .iter()
            .map(|object| {
                let kind = KINDS.iter().find(|(name, _)| *name == object.kind).map(|(_, kind)| *kind);
                let kind =
                    kind.ok_or_else(|| problem::internal(format!("{} can't be created", quoted(&object.kind))))?;
                Ok((kind, object))
            })
            .collect::<Result<_, Failure>>()?;
        let of =
            |wanted_kind: Kind| wanted.iter().filter(move |(kind, _)| *kind == wanted_kind).map(|(_, object)| *object);
        if of(Kind::Attribute).next().is_some() {
            let mut management = Management::new(self, network, clock)
                .ok_or_else(|| client::no_management_key("attributes are created with it"))?;
            let there = Attributes::read(&mut management)?;
            for object in of(Kind::Attribute).filter(|object| there.get(&object.name).is_none()) {
                create_attribute(object, &mut management)?;
            }
        }
        for object in of(Kind::Audience) {
            let named = NamedAudience { name: object.name.clone(), create: true };
            self.find_or_create(&named, network, clock)?;
        }
        Ok(())
    }

    #[inline(never)]
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn resolve(&self, text: String, network: &mut dyn Network, clock: &mut dyn Clock) -> Result<String, Failure> {
        let Some(named) = &self.named_audience else {
            return Ok(text);
        };
        let id = self.find_or_create(named, network, clock)?;
        let mut resolved = format!("{{\"audience_id\":{}", id.number());
        for (name, value) in json::members(&text).unwrap_or_default() {
            if !["audience_id", "audience_name", "create_audience"].contains(&name.as_ref()) {
                resolved.push(',');
                json::write_string(&name, &mut resolved);
                resolved.push(':');
                resolved.push_str(value);
            }
        }
        resolved.push('}');
        Ok(resolved)
    }
}

impl Config {
    #[inline(never)]
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn find_or_create(
        &self,
        named: &NamedAudience,
        network: &mut dyn Network,
        clock: &mut dyn Clock,
    ) -> Result<AudienceId, Failure> {
        if let Some(id) = self.find(named, network, clock)? {
            return Ok(id);
        }
        let request = integration::new_audience(&named.name);
        let mut id = None;
        let created = Integration::new(self, network, clock).object_once(&request, &[201], &mut |_, audience| {
            id = Some(Audience::read(audience)?.id);
            Ok(())
        });
        // Nothing but its name tells one audience from another: it is not asked for twice. If the answer got lost, it may be there.
        match (created, id) {
            (Ok(()), Some(id)) => Ok(id),
            (created, _) => {
                let found = self.find(named, network, clock)?;
                found
                    .ok_or_else(|| created.err().unwrap_or_else(|| problem::internal("the new audience is not listed")))
            }
        }
    }

    /// None: it is not there, and may be created.
    #[inline(never)]
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn find(
        &self,
        named: &NamedAudience,
        network: &mut dyn Network,
        clock: &mut dyn Clock,
    ) -> Result<Option<AudienceId>, Failure> {
        let mut management = Management::new(self, network, clock)
            .ok_or_else(|| client::no_management_key("an audience is looked up by its name with it"))?;
        let all = audiences(&mut management)?;
        match audience_of(named, &all)? {
            None if !named.create => Err(self.no_such_audience(named, &all)),
            found => Ok(found),
        }
    }

    #[inline(never)]
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn no_such_audience(&self, named: &NamedAudience, all: &[Audience]) -> Failure {
        let near = nearest(&named.name, all.iter().map(|audience| audience.name.as_str()));
        let near = near.map_or_else(String::new, |near| format!(" (did you mean {}?)", quoted(near)));
        let message = format!(
            "Talon.One at {} has no audience named {}{near}; names are compared to the letter and case; create it first, or set \
             create_audience to true",
            self.deployment_url,
            quoted(&named.name)
        );
        Failure::Permanent(problem(ProblemKind::NotFound, message))
    }
}

/// The audience of a name among all, if there is one.
///
/// # Errors
/// There are several.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn audience_of(named: &NamedAudience, all: &[Audience]) -> Result<Option<AudienceId>, Failure> {
    let ids: Vec<AudienceId> =
        all.iter().filter(|audience| audience.name == named.name).map(|audience| audience.id).collect();
    match ids.as_slice() {
        [] => Ok(None),
        [id] => Ok(Some(*id)),
        several => {
            let several: Vec<String> = several.iter().map(|id| id.number().to_string()).collect();
            Err(problem::configuration(format!(
                "there are several audiences named {}: {}; write audience_id in place of audience_name",
                quoted(&named.name),
                several.join(", ")
            )))
        }
    }
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn create_attribute(object: &MissingObject, management: &mut Management<'_>) -> Result<(), Failure> {
    let field_type = object.field_type.as_deref().and_then(FieldType::of_config);
    let field_type = field_type.ok_or_else(|| {
        problem::internal(format!("the attribute {} has no type that Talon.One has", quoted(&object.name)))
    })?;
    let request = management::new_attribute(&object.name, field_type.api_name(), &object.description);
    let created = management.object(&request, &[201], &mut |_, attribute| attribute.whole_number("id").map(|_| ()));
    match created {
        // A repeated request is refused if the first one got through.
        Err(_) if Attributes::read(management)?.get(&object.name).is_some() => Ok(()),
        Err(failure) => Err(about(failure, &format!("the attribute {} was not created", quoted(&object.name)))),
        Ok(()) => Ok(()),
    }
}

/// The failure with what it was about.
fn about(failure: Failure, what: &str) -> Failure {
    let about = |problem: Problem| Problem { message: format!("{what}: {}", problem.message), ..problem };
    match failure {
        Failure::Transient(problem) => Failure::Transient(about(problem)),
        Failure::Permanent(problem) => Failure::Permanent(about(problem)),
        Failure::ExecutionFailed => failure,
    }
}

#[cfg(test)]
mod tests;

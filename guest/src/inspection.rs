//! Looking at what Talon.One holds: the attributes and audiences that are there, the members of an audience, and single records.

mod attribute;
mod audience;
mod compare_fields;
mod compare_records;
mod equality;
mod list_keys;

use std::cell::RefCell;

use destination_toolkit::bindings::inspection::{
    Comparison, Difference, DiscoveredTarget, Discovery, KeyPage, RouteLimit,
};
use destination_toolkit::bindings::{Column, Failure, MappedBatch};
use destination_toolkit::clock::Clock;
use destination_toolkit::extensions::Inspection;
use destination_toolkit::http::Network;

pub(crate) use self::attribute::{Attributes, column_type};
pub(crate) use self::audience::{Audience, audiences};
use self::list_keys::{OpenListing, PAGE_SIZE};
use crate::api::client::{self, Management};
use crate::api::management::REQUESTS_PER_SECOND;
use crate::config::Config;

impl Inspection for Config {
    #[inline(never)]
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn route_limits() -> Vec<RouteLimit> {
        let limit = |(method, path): (&str, &str)| RouteLimit {
            method: method.to_owned(),
            path: path.to_owned(),
            requests_per_second: REQUESTS_PER_SECOND,
        };
        client::endpoints().map(limit).collect()
    }

    #[inline(never)]
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn discover(&self, network: &mut dyn Network, clock: &mut dyn Clock) -> Result<Discovery, Failure> {
        let mut management = Management::new(self, network, clock)
            .ok_or_else(|| client::no_management_key("attributes and audiences are listed with it"))?;
        let fields = Attributes::read(&mut management)?.discovered();
        let target = |audience: Audience| DiscoveredTarget {
            id: audience.id.number().to_string(),
            name: audience.name,
            description: audience.description,
        };
        let targets = audiences(&mut management)?.into_iter().map(target).collect();
        Ok(Discovery { fields, targets })
    }

    fn compare_fields(
        &self,
        columns: &[Column],
        network: &mut dyn Network,
        clock: &mut dyn Clock,
    ) -> Result<Option<Comparison>, Failure> {
        compare_fields::compare(self, columns, network, clock)
    }

    fn list_keys(
        &self,
        cursor: Option<&str>,
        network: &mut dyn Network,
        clock: &mut dyn Clock,
    ) -> Result<KeyPage, Failure> {
        thread_local! {
            /// The export that the last page was read from: a cache, without which the next page is asked for again.
            static OPEN: RefCell<Option<OpenListing>> = const { RefCell::new(None) };
        }
        OPEN.with(|open| list_keys::page(self, cursor, PAGE_SIZE, &mut open.borrow_mut(), network, clock))
    }

    fn compare_records(
        &self,
        batch: &MappedBatch,
        network: &mut dyn Network,
        clock: &mut dyn Clock,
    ) -> Result<Vec<Difference>, Failure> {
        compare_records::compare(self, batch, network, clock)
    }
}

#[cfg(test)]
mod tests;

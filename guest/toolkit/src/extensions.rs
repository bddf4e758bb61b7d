//! What a destination may do beside taking records: look, and create. A trait for each of these optional interfaces of the contract. The third,
//! what a delivery caused, takes none: [`Disposition::Accepted`](crate::delivery::Disposition::Accepted) says it.

use crate::bindings::inspection::{Comparison, Difference, Discovery, KeyPage, RouteLimit};
use crate::bindings::provisioning::MissingObject;
use crate::bindings::{Column, Failure, MappedBatch};
use crate::clock::Clock;
use crate::destination::Destination;
use crate::http::Network;

/// Looking at what the destination holds.
pub trait Inspection: Destination {
    /// The limits of single requests.
    fn route_limits() -> Vec<RouteLimit>;

    /// The fields and targets that are there.
    ///
    /// # Errors
    /// The config lacks what it takes to look, or the destination did not answer.
    fn discover(&self, network: &mut dyn Network, clock: &mut dyn Clock) -> Result<Discovery, Failure>;

    /// The mappings against the fields that are there; none if the config lacks what it takes to look.
    ///
    /// # Errors
    /// The columns are malformed, or the destination did not answer.
    fn compare_fields(
        &self,
        columns: &[Column],
        network: &mut dyn Network,
        clock: &mut dyn Clock,
    ) -> Result<Option<Comparison>, Failure>;

    /// A page of the keys at the target.
    ///
    /// # Errors
    /// The keys changed meanwhile, the listing was cut short, or the destination did not answer.
    fn list_keys(
        &self,
        cursor: Option<&str>,
        network: &mut dyn Network,
        clock: &mut dyn Clock,
    ) -> Result<KeyPage, Failure>;

    /// Where the destination holds something else than the records say.
    ///
    /// # Errors
    /// The batch is malformed, or the destination did not answer.
    fn compare_records(
        &self,
        batch: &MappedBatch,
        network: &mut dyn Network,
        clock: &mut dyn Clock,
    ) -> Result<Vec<Difference>, Failure>;
}

/// Creating what a sync needs.
pub trait Provisioning: Destination {
    /// What is missing.
    ///
    /// # Errors
    /// The columns are malformed, the config lacks what it takes to look, or the destination did not answer.
    fn plan(
        &self,
        columns: &[Column],
        network: &mut dyn Network,
        clock: &mut dyn Clock,
    ) -> Result<Vec<MissingObject>, Failure>;

    /// Create some of it.
    ///
    /// # Errors
    /// Not all of it is there now.
    fn create(
        &self,
        objects: &[MissingObject],
        network: &mut dyn Network,
        clock: &mut dyn Clock,
    ) -> Result<(), Failure>;

    /// The config with names resolved; `text` is the one that this was parsed from.
    ///
    /// # Errors
    /// A name stands for nothing, or the destination did not answer.
    fn resolve(&self, text: String, network: &mut dyn Network, clock: &mut dyn Clock) -> Result<String, Failure>;
}

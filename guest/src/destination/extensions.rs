//! The optional interfaces: of those that look and create nothing is there yet.

use destination_toolkit::bindings::inspection::{Comparison, Difference, Discovery, KeyPage, RouteLimit};
use destination_toolkit::bindings::provisioning::MissingObject;
use destination_toolkit::bindings::{Column, Failure, MappedBatch, ProblemKind};
use destination_toolkit::clock::Clock;
use destination_toolkit::extensions::{Inspection, Provisioning};
use destination_toolkit::http::Network;
use destination_toolkit::problem::problem;

use crate::config::Config;

fn unsupported<T>() -> Result<T, Failure> {
    Err(Failure::Permanent(problem(ProblemKind::Unsupported, "not there yet")))
}

impl Inspection for Config {
    fn route_limits() -> Vec<RouteLimit> {
        Vec::new()
    }
    fn discover(&self, _: &mut dyn Network, _: &mut dyn Clock) -> Result<Discovery, Failure> {
        unsupported()
    }
    fn compare_fields(
        &self,
        _: &[Column],
        _: &mut dyn Network,
        _: &mut dyn Clock,
    ) -> Result<Option<Comparison>, Failure> {
        Ok(None)
    }
    fn list_keys(&self, _: Option<&str>, _: &mut dyn Network, _: &mut dyn Clock) -> Result<KeyPage, Failure> {
        unsupported()
    }
    fn compare_records(
        &self,
        _: &MappedBatch,
        _: &mut dyn Network,
        _: &mut dyn Clock,
    ) -> Result<Vec<Difference>, Failure> {
        unsupported()
    }
}

impl Provisioning for Config {
    fn plan(&self, _: &[Column], _: &mut dyn Network, _: &mut dyn Clock) -> Result<Vec<MissingObject>, Failure> {
        unsupported()
    }
    fn create(&self, _: &[MissingObject], _: &mut dyn Network, _: &mut dyn Clock) -> Result<(), Failure> {
        unsupported()
    }
    fn resolve(&self, text: String, _: &mut dyn Network, _: &mut dyn Clock) -> Result<String, Failure> {
        Ok(text)
    }
}

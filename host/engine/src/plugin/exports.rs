//! What a component exports: the interface of a destination, and those of the optional ones that it has.
//!
//! Which they are is read off the component once, when it is loaded, and is a type from there on: a call of an interface that is
//! not there can't be written down.

use wasmtime::Store;
use wasmtime::component::InstancePre;

use crate::bindings::{destination, effects, inspection, provisioning};
use crate::plugin::sandbox::Sandbox;

/// The interface that makes a component a destination.
pub const DESTINATION: &str = "etl:destination/destination@0.1.0";

/// An interface that a destination plugin may have or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OptionalInterface {
    /// Looking at what the destination holds.
    Inspection,
    /// Creating what a sync needs.
    Provisioning,
    /// Sending, with a count of what it caused.
    Effects,
}

impl OptionalInterface {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Inspection, Self::Provisioning, Self::Effects];

    /// Its name, as a component exports it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Inspection => "etl:destination/inspection@0.1.0",
            Self::Provisioning => "etl:destination/provisioning@0.1.0",
            Self::Effects => "etl:destination/effects@0.1.0",
        }
    }

    fn is_in(self, pre: &InstancePre<Sandbox>) -> bool {
        pre.component().get_export_index(None, self.name()).is_some()
    }
}

/// Where the exports of a loaded component are.
#[derive(Clone)]
pub(crate) struct ExportsPre {
    pre: InstancePre<Sandbox>,
    destination: destination::GuestIndices,
    inspection: Option<inspection::GuestIndices>,
    provisioning: Option<provisioning::GuestIndices>,
    effects: Option<effects::GuestIndices>,
}

/// The exports of one instance.
pub(crate) struct Exports {
    pub(crate) destination: destination::Guest,
    pub(crate) inspection: Option<inspection::Guest>,
    pub(crate) provisioning: Option<provisioning::Guest>,
    pub(crate) effects: Option<effects::Guest>,
}

impl ExportsPre {
    /// Find them. An optional interface that is there has all of its functions, or the component is refused.
    pub(crate) fn new(pre: InstancePre<Sandbox>) -> wasmtime::Result<Self> {
        let has = |interface: OptionalInterface| interface.is_in(&pre);
        Ok(Self {
            destination: destination::GuestIndices::new(&pre)?,
            inspection: has(OptionalInterface::Inspection).then(|| inspection::GuestIndices::new(&pre)).transpose()?,
            provisioning: has(OptionalInterface::Provisioning)
                .then(|| provisioning::GuestIndices::new(&pre))
                .transpose()?,
            effects: has(OptionalInterface::Effects).then(|| effects::GuestIndices::new(&pre)).transpose()?,
            pre,
        })
    }

    pub(crate) fn has(&self, interface: OptionalInterface) -> bool {
        match interface {
            OptionalInterface::Inspection => self.inspection.is_some(),
            OptionalInterface::Provisioning => self.provisioning.is_some(),
            OptionalInterface::Effects => self.effects.is_some(),
        }
    }

    /// One more instance of the component, which runs code of the plugin's.
    pub(crate) async fn instantiate(&self, store: &mut Store<Sandbox>) -> wasmtime::Result<Exports> {
        let instance = self.pre.instantiate_async(&mut *store).await?;
        Ok(Exports {
            destination: self.destination.load(&mut *store, &instance)?,
            inspection: self.inspection.as_ref().map(|indices| indices.load(&mut *store, &instance)).transpose()?,
            provisioning: self.provisioning.as_ref().map(|indices| indices.load(&mut *store, &instance)).transpose()?,
            effects: self.effects.as_ref().map(|indices| indices.load(&mut *store, &instance)).transpose()?,
        })
    }
}

//! The contract of `wit/` as Rust types: what is handed to a plugin and what it answers.
//!
//! Generated from the WIT, whose comments say what each thing means. Parameters borrow, so that a column of a batch
//! crosses into the sandbox in one copy. What a plugin may import is not here but in [`crate::plugin::sandbox`]; the answers that
//! have rules to keep become the types of [`crate::plugin::answers`] and [`crate::arrow::records`].

#[expect(missing_docs, reason = "generated; the documentation is in the WIT")]
mod generated {
    // A world of our own: of the plugin's, only what it may export. Its imports are linked from wasmtime's WASI. Which of the
    // optional interfaces a component has is for `crate::plugin::exports` to find out.
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "package host:bindings;
            world plugin-exports {
                export etl:destination/destination@0.1.0;
                export etl:destination/inspection@0.1.0;
                export etl:destination/provisioning@0.1.0;
                export etl:destination/effects@0.1.0;
            }",
        world: "host:bindings/plugin-exports",
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

pub use generated::exports::etl::destination::destination::{
    Action, Body, Change, Column, ConfigIssue, ConfigKeys, ConnectionCheck, Descriptor, Endpoint, Field, Limits,
    MappedRow, ObjectType, Problem, ProblemKind, Rejection, Request, Row, RowIssue, Secret, SecretUse,
    StringsParam as Strings, SyncMode, TimeUnit, Timestamps, Value, Values,
};

pub(crate) use generated::exports::etl::destination::destination::{
    self, Failure, MappedBatchParam, MappedBatchResult, Mapping, Report, StringsResult,
};

pub use generated::exports::etl::destination::effects::EffectCount;
pub use generated::exports::etl::destination::inspection::{
    Comparison, Difference, DiscoveredField, DiscoveredTarget, Discovery, RouteLimit,
};
pub use generated::exports::etl::destination::provisioning::MissingObjectResult as MissingObject;

pub(crate) use generated::exports::etl::destination::{effects, inspection, provisioning};

impl Values<'_> {
    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Nulls(count) => *count as usize,
            Self::Booleans(values) => values.len(),
            Self::Integers(values) => values.len(),
            Self::Floats(values) => values.len(),
            Self::Dates(values) => values.len(),
            Self::Timestamps(timestamps) => timestamps.counts.len(),
            Self::Decimals(strings) | Self::Texts(strings) | Self::Json(strings) => {
                strings.offsets.len().saturating_sub(1)
            }
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Body {
    /// The bytes, whichever they are.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

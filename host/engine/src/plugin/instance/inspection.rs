//! The calls of `inspection`.

use super::{Call, CallError, CallOutcome, Instance, within};
use crate::arrow::records::MappedBatch;
use crate::bindings::{Column, Comparison, Difference, Discovery};
use crate::plugin::answers::{self, KeyPage, RouteLimit};

impl Instance {
    pub(crate) async fn route_limits(&mut self) -> Result<Vec<RouteLimit>, CallError> {
        let call = Call::RouteLimits;
        let time = self.begin(call);
        let answer = self.has(call, &self.exports.inspection)?.call_route_limits(&mut self.store);
        let answer = tokio::time::timeout(time, answer).await;
        let answer = self.end(call, answer)?;
        self.checked(call, answer.iter().map(RouteLimit::from_answer).collect())
    }

    pub(crate) async fn discover(&mut self) -> CallOutcome<Discovery> {
        self.store.data().hook().begin_looking();
        let answer = self.ask_to_discover().await;
        CallOutcome { answer, traffic: self.store.data().hook().take_call() }
    }

    async fn ask_to_discover(&mut self) -> Result<Discovery, CallError> {
        let call = Call::Discover;
        let time = self.begin(call);
        let exports = self.has(call, &self.exports.inspection)?;
        let answer = exports.call_discover(&mut self.store, self.config.json());
        let answer = within(time, &self.call, answer).await;
        let answer = self.end(call, answer)?;
        let mut discovery = self.checked(call, answers::discovery(answer))?;
        for field in &mut discovery.fields {
            self.config.sanitize(&mut field.description);
        }
        for target in &mut discovery.targets {
            self.config.sanitize(&mut target.description);
        }
        Ok(discovery)
    }

    pub(crate) async fn compare_fields(&mut self, columns: &[Column<'_>]) -> CallOutcome<Option<Comparison>> {
        self.store.data().hook().begin_looking();
        let answer = self.ask_to_compare_fields(columns).await;
        CallOutcome { answer, traffic: self.store.data().hook().take_call() }
    }

    async fn ask_to_compare_fields(&mut self, columns: &[Column<'_>]) -> Result<Option<Comparison>, CallError> {
        let call = Call::CompareFields;
        let time = self.begin(call);
        let exports = self.has(call, &self.exports.inspection)?;
        let answer = exports.call_compare_fields(&mut self.store, self.config.json(), columns);
        let answer = within(time, &self.call, answer).await;
        let mut comparison = self.end(call, answer)?;
        if let Some(comparison) = &mut comparison {
            self.sanitize_issues(&mut comparison.faults);
            self.sanitize_issues(&mut comparison.notes);
        }
        Ok(comparison)
    }

    pub(crate) async fn list_keys(&mut self, cursor: Option<&str>) -> CallOutcome<KeyPage> {
        self.store.data().hook().begin_looking();
        let answer = self.ask_for_keys(cursor).await;
        CallOutcome { answer, traffic: self.store.data().hook().take_call() }
    }

    async fn ask_for_keys(&mut self, cursor: Option<&str>) -> Result<KeyPage, CallError> {
        let call = Call::ListKeys;
        let time = self.begin(call);
        let exports = self.has(call, &self.exports.inspection)?;
        let answer = exports.call_list_keys(&mut self.store, self.config.json(), cursor);
        let answer = within(time, &self.call, answer).await;
        let answer = self.end(call, answer)?;
        self.checked(call, KeyPage::from_answer(answer, cursor))
    }

    pub(crate) async fn compare_records(&mut self, batch: &MappedBatch) -> CallOutcome<Vec<Difference>> {
        self.store.data().hook().begin_looking();
        let answer = self.ask_to_compare_records(batch).await;
        CallOutcome { answer, traffic: self.store.data().hook().take_call() }
    }

    async fn ask_to_compare_records(&mut self, batch: &MappedBatch) -> Result<Vec<Difference>, CallError> {
        let call = Call::CompareRecords;
        let time = self.begin(call);
        let exports = self.has(call, &self.exports.inspection)?;
        let answer = exports.call_compare_records(&mut self.store, self.config.json(), batch.as_param());
        let answer = within(time, &self.call, answer).await;
        let answer = self.end(call, answer)?;
        let mut differences = self.checked(call, answers::differences(answer, batch.len()))?;
        for difference in &mut differences {
            difference.expected.iter_mut().chain(&mut difference.found).for_each(|text| self.config.sanitize(text));
        }
        Ok(differences)
    }
}

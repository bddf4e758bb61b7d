//! The calls of `provisioning`.

use super::{Call, CallError, CallOutcome, Instance, within};
use crate::bindings::provisioning::MissingObjectParam;
use crate::bindings::{Column, MissingObject};
use crate::plugin::answers;

impl Instance {
    pub(crate) async fn plan(&mut self, columns: &[Column<'_>]) -> CallOutcome<Vec<MissingObject>> {
        self.store.data().hook().begin_looking();
        let answer = self.ask_for_plan(columns).await;
        CallOutcome { answer, traffic: self.store.data().hook().take_call() }
    }

    async fn ask_for_plan(&mut self, columns: &[Column<'_>]) -> Result<Vec<MissingObject>, CallError> {
        let call = Call::Plan;
        let time = self.begin(call);
        let exports = self.has(call, &self.exports.provisioning)?;
        let answer = exports.call_plan(&mut self.store, self.config.json(), columns);
        let answer = within(time, &self.call, answer).await;
        let answer = self.end(call, answer)?;
        let mut missing = self.checked(call, answers::missing_objects(answer))?;
        for object in &mut missing {
            self.config.sanitize(&mut object.description);
        }
        Ok(missing)
    }

    pub(crate) async fn create(&mut self, objects: &[MissingObject]) -> CallOutcome<()> {
        self.store.data().hook().begin_looking();
        let answer = self.ask_to_create(objects).await;
        CallOutcome { answer, traffic: self.store.data().hook().take_call() }
    }

    async fn ask_to_create(&mut self, objects: &[MissingObject]) -> Result<(), CallError> {
        let call = Call::Create;
        let time = self.begin(call);
        let exports = self.has(call, &self.exports.provisioning)?;
        let objects: Vec<MissingObjectParam<'_>> = objects
            .iter()
            .map(|object| MissingObjectParam {
                kind: &object.kind,
                name: &object.name,
                field_type: object.field_type.as_deref(),
                description: &object.description,
            })
            .collect();
        let answer = exports.call_create(&mut self.store, self.config.json(), &objects);
        let answer = within(time, &self.call, answer).await;
        self.end(call, answer)
    }

    pub(crate) async fn resolve(&mut self) -> CallOutcome<String> {
        self.store.data().hook().begin_looking();
        let answer = self.ask_to_resolve().await;
        CallOutcome { answer, traffic: self.store.data().hook().take_call() }
    }

    async fn ask_to_resolve(&mut self) -> Result<String, CallError> {
        let call = Call::Resolve;
        let time = self.begin(call);
        let exports = self.has(call, &self.exports.provisioning)?;
        let answer = exports.call_resolve(&mut self.store, self.config.json());
        let answer = within(time, &self.call, answer).await;
        let answer = self.end(call, answer)?;
        let resolved = self.config.resolved(&answer);
        self.checked(call, resolved)
    }
}

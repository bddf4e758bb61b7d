//! What is missing at the destination.

use crate::bindings::MissingObject;

pub(crate) fn missing_objects(answer: Vec<MissingObject>) -> Result<Vec<MissingObject>, String> {
    match answer.iter().position(|object| object.kind.is_empty() || object.name.is_empty()) {
        Some(index) => Err(format!("object {index} has no kind or no name")),
        None => Ok(answer),
    }
}

//! JSON objects that came by another way than as the lines of a text: as parts of messages, say.

use super::cells::Columns;
use super::lines::Line;
use super::{Lines, Row, batch, fault, values};
use crate::source::{Chunk, RejectedRow, SourceError};

/// Makes chunks of JSON objects, by the rules of [`ndjson`](super).
pub(crate) struct Objects {
    name: String,
    columns: Columns,
}

impl Objects {
    /// `name` stands for the objects in errors; `columns` are there whatever the objects hold.
    pub(crate) fn new(name: String, columns: Vec<String>) -> Self {
        Self { name, columns: Columns::new(columns) }
    }

    /// A chunk of some objects, each with the number of its line. One that can't be read is rejected alone.
    pub(crate) fn chunk(&mut self, objects: &[(u64, &str)]) -> Result<Chunk, SourceError> {
        let before = self.columns.names().len();
        if let Ok(values) = values(&mut self.columns, objects.iter().map(|(_, text)| Ok(Row::of(text)))) {
            return Ok(batch(&self.name, values, objects.len())?.into());
        }
        // A key that only a rejected row has is no column.
        self.columns.truncate(before);
        let (mut good, mut rejected) = (Vec::with_capacity(objects.len()), Vec::new());
        for (place, &(number, text)) in objects.iter().enumerate() {
            let Err((_, fault)) = values(&mut Columns::new(Vec::new()), [Ok(Row::of(text))].into_iter()) else {
                good.push(text);
                continue;
            };
            let line = Line::numbered(number);
            let error = fault::told(&self.name, Lines::Rows, &line, text, &fault);
            rejected.push(RejectedRow::unreadable(place, fault.code(&line), error, text.as_bytes().to_vec()));
        }
        let values = values(&mut self.columns, good.iter().map(|text| Ok(Row::of(text))))
            .map_err(|_| SourceError::new(&self.name, "has rows that can't be read together"))?;
        Ok(Chunk { rejected, ..batch(&self.name, values, good.len())?.into() })
    }
}

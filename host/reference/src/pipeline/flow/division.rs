//! How many records a request carries. A descriptor says how many fit; whether a plugin sends each record alone may depend on its
//! config, and shows only in what it renders.
//!
//! Where each record is a request of its own, a batch is one record: what was confirmed is recorded request by request, a kill leaves
//! in doubt no more than is under way, and a stop waits for one request of a worker.

use super::Flow;
use super::batch::Size;
use crate::pipeline::Delivery;
use crate::report::Estimate;
use destination_engine::arrow::records::{MappedBatch, Record};
use destination_engine::stop::Stop;

/// What a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Division {
    /// As many records as a batch has.
    Together,
    /// One record.
    Alone,
}

impl Division {
    /// How a plugin divides these records: the first two of different keys are rendered. None where there are not two.
    pub(crate) async fn of<'r, D: Delivery>(
        delivery: &D,
        mut records: impl Iterator<Item = Record<'r>>,
    ) -> Option<Self> {
        let first = records.next()?;
        // Records of one key may be sent as one.
        let second = records.find(|record| record.key != first.key)?;
        let mut pair = MappedBatch::default();
        pair.push(first).and_then(|()| pair.push(second)).ok()?;
        Some(match delivery.render_batch(&pair).await {
            Ok(requests) if requests.len() == pair.len() => Self::Alone,
            // A plugin that can't render them can't send them either, and then says why.
            Ok(_) | Err(_) => Self::Together,
        })
    }

    /// The size of a batch.
    pub(crate) fn size(self, most: Size) -> Size {
        match self {
            Self::Together => most,
            Self::Alone => Size { records: 1, ..most },
        }
    }
}

impl<D: Delivery> Flow<D> {
    /// Finds out how the plugin divides records, once a run.
    pub(super) async fn learn_division<'r>(&mut self, records: impl Iterator<Item = Record<'r>>, stop: &Stop) {
        if self.division.is_some() {
            return;
        }
        self.division = tokio::select! {
            biased;
            _ = stop.wait() => None,
            division = Division::of(&self.delivery, records) => division,
        };
        if let Some(division) = self.division {
            self.plan.size = division.size(self.plan.size);
            self.queue.resize(self.plan.size);
        }
    }

    /// What a dry run would have cost.
    pub(super) fn estimate(&self) -> Option<Estimate> {
        let most = self.plan.size.records as u64;
        let (rows, removals) = (self.counts.planned, self.counts.removed);
        let requests = rows.div_ceil(most) + removals.div_ceil(most);
        let seconds = self.plan.rate.least_time(requests, rows + removals).map(|time| time.as_secs_f64());
        self.plan.dry_run.then_some(Estimate { requests, seconds })
    }
}

//! `map-batch` and `map-row`: pure, complete, and never a crash, whatever the columns hold and however they are laid out.

use destination_engine::arrow::records::MappedBatch;
use destination_engine::bindings::{Action, Change, ProblemKind, Row, SyncMode};
use destination_engine::plugin::answers::{Failure, Mapping};
use destination_engine::plugin::instance::CallError;
use destination_engine::plugin::session::Session;

use super::descriptor::is_kebab_case;
use super::report::Findings;
use super::rules::{
    ACCOUNTED, ACTIONS, BROKEN_LAYOUTS, EMPTY_BATCH, KINDS, LAYOUTS, MAPPED, MISSING_COLUMN, PURE, ROW_EQUALS_BATCH,
    TOLD,
};
use super::sample::{Batch, Cells, OwnedColumn, Packed};
use super::subject::{Subject, fault_of, told};
use crate::pipeline::job::mode_name;

/// The rows of the sample that a column of one kind has.
const ROWS_OF_A_KIND: usize = 3;

/// Tries the rules; the sample's records, where there are any.
pub(super) async fn check(subject: &Subject, findings: &mut Findings) -> Option<MappedBatch> {
    let session = match subject.session(&subject.config) {
        Ok(session) => session,
        Err(reason) => {
            findings.judge(MAPPED, [reason]);
            return None;
        }
    };
    let mapping = match session.map_batch(&subject.sample.borrowed(), &[]).await {
        Ok(mapping) => mapping,
        Err(error @ CallError::BadAnswer { .. }) => {
            findings.judge(ACCOUNTED, [told(&error)]);
            return None;
        }
        Err(error) => {
            findings.judge(MAPPED, [told(&error)]);
            return None;
        }
    };
    let issues = mapping.issues.iter().map(|it| format!("row {}: {}", it.row + 1, it.message));
    findings.judge(MAPPED, issues.filter(|_| mapping.batch.is_empty()));
    findings.judge(ACCOUNTED, None);
    findings.judge(TOLD, untold(&mapping));
    findings.judge(PURE, impure(&session, subject, &mapping).await);
    kinds(&session, subject, findings).await;
    layouts(&session, subject, &mapping, findings).await;
    broken_layouts(&session, subject, findings).await;
    empty(&session, subject, findings).await;
    missing_column(&session, subject, findings).await;
    row_equals_batch(&session, subject, &mapping, findings).await;
    actions(subject, findings).await;
    (!mapping.batch.is_empty()).then_some(mapping.batch)
}

fn same(mapping: &Mapping, other: &Mapping) -> bool {
    mapping.batch == other.batch && format!("{:?}", mapping.issues) == format!("{:?}", other.issues)
}

fn untold(mapping: &Mapping) -> Vec<String> {
    let keys =
        mapping.batch.iter().filter(|it| it.key.is_empty()).map(|it| format!("row {} has an empty key", it.row + 1));
    let codes = mapping.issues.iter().filter(|it| !is_kebab_case(&it.code) || it.message.trim().is_empty());
    keys.chain(codes.map(|it| format!("row {}: the code {:?}, the message {:?}", it.row + 1, it.code, it.message)))
        .collect()
}

async fn impure(session: &Session, subject: &Subject, mapping: &Mapping) -> Option<String> {
    match session.map_batch(&subject.sample.borrowed(), &[]).await {
        Ok(again) if same(&again, mapping) => None,
        Ok(_) => Some("two instances map the same rows differently".to_owned()),
        Err(error) => Some(told(&error)),
    }
}

async fn kinds(session: &Session, subject: &Subject, findings: &mut Findings) {
    let sample = subject.sample.first(ROWS_OF_A_KIND);
    let rows = sample.rows();
    for name in &subject.mapped {
        for (kind, cells) in Cells::kinds() {
            let mut batch = sample.clone();
            let Some(column) = batch.columns.iter_mut().find(|column| column.name == *name) else { continue };
            // The last of them is null.
            *column = OwnedColumn { name: name.clone(), validity: vec![0b011], cells };
            let batch = batch.first(rows);
            let fault = match session.map_batch(&batch.borrowed(), &[]).await {
                Ok(mapping) => {
                    findings.judge(TOLD, untold(&mapping));
                    None
                }
                Err(error) => fault_of(&error),
            };
            findings.judge(KINDS, fault.map(|fault| format!("{kind} in the column {name:?}: {fault}")));
        }
    }
}

/// The same rows, as a slice of a larger batch would have them.
fn bent(sample: &Batch) -> Batch {
    let mut bent = sample.clone();
    let rows = bent.rows();
    for column in &mut bent.columns {
        if let Cells::Texts(texts) | Cells::Decimals(texts) | Cells::Json(texts) = &mut column.cells {
            const BEFORE: &str = "\u{e9}x";
            let before = u32::try_from(BEFORE.len()).unwrap_or(u32::MAX);
            texts.data = format!("{BEFORE}{}and behind", texts.data);
            texts.offsets.iter_mut().for_each(|offset| *offset = offset.saturating_add(before));
        }
        if column.validity.is_empty() {
            column.validity = vec![0xff; rows.div_ceil(8)];
        }
        // Bits past the last row, and a byte more.
        if let Some(last) = column.validity.get_mut(rows / 8) {
            *last ^= 0xff << (rows % 8);
        }
        column.validity.push(0b1010_1010);
    }
    bent
}

async fn layouts(session: &Session, subject: &Subject, mapping: &Mapping, findings: &mut Findings) {
    let fault = match session.map_batch(&bent(&subject.sample).borrowed(), &[]).await {
        Ok(again) if same(&again, mapping) => None,
        Ok(_) => Some("rows whose offsets begin later become other records".to_owned()),
        Err(error) => Some(told(&error)),
    };
    findings.judge(LAYOUTS, fault);
}

/// Each breaks the layout of the first mapped column in one way.
fn breakages(sample: &Batch, name: &str) -> Vec<(&'static str, Batch)> {
    let rows = sample.rows();
    let count = u32::try_from(rows).unwrap_or(u32::MAX);
    let with = |validity: Vec<u8>, cells: Cells| {
        let mut batch = sample.clone();
        if let Some(column) = batch.columns.iter_mut().find(|column| column.name == name) {
            *column = OwnedColumn { name: name.to_owned(), validity, cells };
        }
        batch
    };
    let texts = |offsets: Vec<u32>, data: &str| Cells::Texts(Packed { offsets, data: data.to_owned() });
    let data = "\u{e9}".repeat(rows);
    let whole: Vec<u32> = (0..=count).map(|row| row.saturating_mul(2)).collect();
    let falling: Vec<u32> = whole.iter().rev().copied().collect();
    let torn: Vec<u32> = whole.iter().map(|offset| offset.saturating_sub(1)).collect();
    let beyond: Vec<u32> = whole.iter().map(|offset| offset.saturating_mul(1000)).collect();
    let mut faults = vec![
        ("offsets that fall", with(Vec::new(), texts(falling, &data))),
        ("offsets within a character", with(Vec::new(), texts(torn, &data))),
        ("offsets past the end", with(Vec::new(), texts(beyond, &data))),
        ("offsets of 4 GiB", with(Vec::new(), texts(vec![u32::MAX; rows + 1], &data))),
        ("a validity that is too short", with(vec![0xff; rows.div_ceil(8)], Cells::Integers(vec![1; 9 * rows.max(1)]))),
    ];
    if sample.columns.len() > 1 {
        faults
            .push(("a column that is longer than the others", with(Vec::new(), Cells::Booleans(vec![true; rows + 1]))));
    }
    faults
}

async fn broken_layouts(session: &Session, subject: &Subject, findings: &mut Findings) {
    let Some(name) = subject.mapped.first() else {
        return findings.skip(BROKEN_LAYOUTS, "the config maps no column");
    };
    for (breakage, batch) in breakages(&subject.sample, name) {
        let fault = match session.map_batch(&batch.borrowed(), &[]).await {
            Ok(_) => Some("it is mapped".to_owned()),
            Err(error) => fault_of(&error),
        };
        findings.judge(BROKEN_LAYOUTS, fault.map(|fault| format!("{breakage}: {fault}")));
    }
    let changes = vec![Change::Added; subject.sample.rows() + 1];
    let fault = match session.map_batch(&subject.sample.borrowed(), &changes).await {
        Ok(_) => Some("it is mapped".to_owned()),
        Err(error) => fault_of(&error),
    };
    findings.judge(BROKEN_LAYOUTS, fault.map(|fault| format!("a change too many: {fault}")));
}

async fn empty(session: &Session, subject: &Subject, findings: &mut Findings) {
    let fault = match session.map_batch(&subject.sample.first(0).borrowed(), &[]).await {
        Ok(_) => None,
        Err(error) => Some(told(&error)),
    };
    findings.judge(EMPTY_BATCH, fault);
}

async fn missing_column(session: &Session, subject: &Subject, findings: &mut Findings) {
    if !subject.descriptor().field_mapping {
        return findings.skip(MISSING_COLUMN, "it has no field mapping");
    }
    for name in &subject.mapped {
        let mut batch = subject.sample.clone();
        batch.columns.retain(|column| column.name != *name);
        batch.columns.push(OwnedColumn {
            name: "conform_other".to_owned(),
            validity: Vec::new(),
            cells: Cells::Nulls(u32::try_from(subject.sample.rows()).unwrap_or(u32::MAX)),
        });
        // Without mappings only the key must be there.
        if !subject.config.contains_key("mappings") && Some(name) != subject.mapped.first() {
            continue;
        }
        let fault = match session.map_batch(&batch.borrowed(), &[]).await {
            Err(CallError::Failed(_)) => None,
            Err(error) => fault_of(&error),
            Ok(_) => Some(format!("rows without the column {name:?} are mapped")),
        };
        findings.judge(MISSING_COLUMN, fault);
    }
}

async fn row_equals_batch(session: &Session, subject: &Subject, mapping: &Mapping, findings: &mut Findings) {
    let names: Vec<&str> = subject.sample.names().collect();
    let mut tried = 0;
    for index in 0..subject.sample.rows() {
        let Some(values) = subject.sample.row(index) else { continue };
        tried += 1;
        let row = || Row { change: Change::Added, values: &values };
        let answer = session.map_row_alone(&names, row()).await;
        let record = mapping.batch.iter().find(|record| record.row as usize == index);
        let fault = match (answer, record) {
            (Err(CallError::Failed(Failure::Permanent(problem))), _) if problem.kind == ProblemKind::Unsupported => {
                return findings.skip(ROW_EQUALS_BATCH, "it leaves map-row out");
            }
            (Ok(mapped), Some(record)) => {
                let equal =
                    mapped.key == record.key && mapped.action == record.action && mapped.payload == record.payload;
                (!equal).then(|| format!("row {} becomes another record", index + 1))
            }
            (Err(CallError::Failed(Failure::Permanent(problem))), None) if problem.kind == ProblemKind::Row => None,
            (Ok(_), None) => Some(format!("row {} is mapped alone and not in a batch", index + 1)),
            (Err(error), _) => Some(format!("row {}: {error}", index + 1)),
        };
        findings.judge(ROW_EQUALS_BATCH, fault);
    }
    if tried == 0 {
        findings.skip(ROW_EQUALS_BATCH, "each row of the sample has a date or time");
    }
}

/// The actions that a mode makes of a change; a row that is removed may be an issue too.
fn fits(mode: SyncMode, change: Change, action: Action) -> bool {
    match (mode, change) {
        (SyncMode::Upsert, Change::Added | Change::Changed) => action == Action::Upsert,
        (SyncMode::Add, _) => action == Action::Add,
        (SyncMode::Mirror, Change::Added | Change::Changed) => matches!(action, Action::Add | Action::Upsert),
        (SyncMode::Remove, _) | (SyncMode::Upsert | SyncMode::Mirror, Change::Removed) => action == Action::Delete,
    }
}

async fn actions(subject: &Subject, findings: &mut Findings) {
    let Some(object_type) = subject.object_type() else {
        return findings.skip(ACTIONS, "the config names no object type of the descriptor");
    };
    for &mode in &object_type.sync_modes {
        let config = subject.config_in(mode);
        let Ok(session) = subject.session(&config) else { continue };
        for change in [Change::Added, Change::Changed, Change::Removed] {
            let changes = vec![change; subject.sample.rows()];
            let fault = match session.map_batch(&subject.sample.borrowed(), &changes).await {
                Ok(mapping) => mapping
                    .batch
                    .iter()
                    .find(|record| !fits(mode, change, record.action))
                    .map(|record| format!("a row that is {change:?} becomes {:?}", record.action)),
                Err(error) => Some(told(&error)),
            };
            findings.judge(ACTIONS, fault.map(|fault| format!("{}: {fault}", mode_name(mode))));
        }
    }
}

//! A sketch as the text of a sync file, with what speaks for each line beside it.

use std::fmt::Write;

use toml::Value;

use super::{Mapping, Sketch, plain};
use crate::human_format::counted;

/// Writes the file.
pub(super) fn write(sketch: &Sketch) -> String {
    let mut text = String::new();
    let rows = counted(sketch.rows, "row");
    comment(
        &mut text,
        &format!("A first sync file, from {rows}. What a comment says was concluded from them: check it, and then run"),
    );
    comment(&mut text, "  destination-host validate FILE    finds what does not fit");
    comment(&mut text, "  destination-host preview FILE     shows what would be sent");
    if !sketch.unclear.is_empty() {
        comment(&mut text, "What could not be told:");
        sketch.unclear.iter().for_each(|unclear| comment(&mut text, &format!("- {unclear}")));
    }
    pair(&mut text, "name", &Value::String(sketch.name.clone()), "");
    text.push_str("\n[destination]\n");
    for (key, value, what) in &sketch.settings {
        pair(&mut text, key, value, what);
    }
    for mapping in &sketch.mappings {
        write_mapping(&mut text, mapping);
    }
    text.push_str("\n[source]\n");
    for guess in &sketch.source.keys {
        pair(&mut text, guess.key, &guess.value, &guess.why);
    }
    let computed: Vec<&Mapping> = sketch.mappings.iter().filter(|mapping| !mapping.expressions.is_empty()).collect();
    if !computed.is_empty() {
        text.push('\n');
        comment(&mut text, "A column of the same name takes the place of the one that it is made from.");
        text.push_str("[source.computed]\n");
        for mapping in computed {
            write_expressions(&mut text, mapping);
        }
    }
    text
}

fn write_mapping(text: &mut String, mapping: &Mapping) {
    text.push('\n');
    let mut lines = vec!["[[destination.mappings]]".to_owned()];
    lines.push(format!("source = {}", plain(&mapping.column)));
    lines.push(format!("destination = {}", plain(&mapping.field)));
    lines.extend(mapping.field_type.map(|field_type| format!("type = \"{field_type}\"")));
    if !mapping.why.is_empty() {
        comment(text, &mapping.why);
    }
    for line in lines {
        let _ = writeln!(text, "{}{line}", if mapping.left_out { "# " } else { "" });
    }
}

fn write_expressions(text: &mut String, mapping: &Mapping) {
    for (what, expression) in &mapping.expressions {
        if !what.is_empty() {
            comment(text, &format!("{} if {what}:", mapping.column));
        }
        let line = format!("{} = {}", mapping.column, plain(expression));
        let _ = writeln!(text, "{}{line}", if mapping.left_out { "# " } else { "" });
    }
}

fn pair(text: &mut String, key: &str, value: &Value, why: &str) {
    if !why.is_empty() {
        comment(text, why);
    }
    let _ = writeln!(text, "{key} = {value}");
}

/// A comment. What comes from the rows must not end it.
fn comment(text: &mut String, words: &str) {
    let words: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let _ = writeln!(text, "# {words}");
}

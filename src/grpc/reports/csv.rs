//! Sessions as CSV by [RFC 4180](https://www.rfc-editor.org/rfc/rfc4180).
//!
//! A cell of text that a spreadsheet would run as a formula gets an apostrophe in front: then it
//! is shown, and not run. Whoever reads the file with a program takes that apostrophe off again:
//! it is there exactly where what follows it would be run.

use std::fmt::Display;

use serde::Serialize;

use crate::pb::{json::Object, v1 as pb};

/// The columns, in order. They may be added to at the end.
pub const COLUMNS: [&str; 32] = [
    "id",
    "user_id",
    "session_type",
    "client_type",
    "client_info",
    "ip_address",
    "subject_type",
    "subject_id",
    "subject_name",
    "state",
    "start_time",
    "last_active_time",
    "end_time",
    "duration_seconds",
    "duration_minutes",
    "expire_time",
    "end_reason",
    "completion_status",
    "focus_mode",
    "location",
    "notes",
    "mood_rating",
    "productivity_rating",
    "words_spoken",
    "scores",
    "topics",
    "vocabulary_learned",
    "areas_to_improve",
    "points_earned",
    "metadata",
    "create_time",
    "update_time",
];

/// The header row.
pub fn header() -> Vec<u8> {
    let mut line = COLUMNS.join(",").into_bytes();
    line.extend_from_slice(END);
    line
}

const END: &[u8] = b"\r\n";

/// Adds a session's row.
pub fn row(file: &mut Vec<u8>, session: &pb::Session) {
    let subject = session.subject.as_ref();
    let result = session.result.as_ref();
    let duration = session.duration.as_ref();
    Row::begin(file)
        .text(&session.id)
        .text(&session.user_id)
        .text(&session.session_type)
        .text(&session.client_type)
        .text(&session.client_info)
        .text(&session.ip_address)
        .text(subject.map_or("", |subject| &subject.r#type))
        .text(subject.map_or("", |subject| &subject.id))
        .text(subject.map_or("", |subject| &subject.name))
        .text(session.state().as_str_name())
        .value(session.start_time.as_ref())
        .value(session.last_active_time.as_ref())
        .value(session.end_time.as_ref())
        .value(duration.map(|span| span.to_string().trim_end_matches('s').to_owned()))
        .value(Some(session.duration_minutes))
        .value(session.expire_time.as_ref())
        .text(name(session.end_reason, session.end_reason().as_str_name()))
        .text(name(
            session.completion_status,
            session.completion_status().as_str_name(),
        ))
        .value(Some(session.focus_mode))
        .text(&session.location)
        .text(&session.notes)
        .value(Some(session.mood_rating).filter(|rating| *rating > 0))
        .value(Some(session.productivity_rating).filter(|rating| *rating > 0))
        .value(result.map(|result| result.words_spoken))
        .json(result.map(|result| &result.scores))
        .json(result.map(|result| &result.topics))
        .json(result.map(|result| &result.vocabulary_learned))
        .json(result.map(|result| &result.areas_to_improve))
        .value(Some(session.points_earned))
        .json(session.metadata.as_ref().map(Object))
        .value(session.create_time.as_ref())
        .value(session.update_time.as_ref())
        .end();
}

/// The name of a value; nothing if it is unspecified.
const fn name(value: i32, name: &'static str) -> &'static str {
    if value == 0 { "" } else { name }
}

/// JSON text of what has only texts for keys, and no numbers that JSON does not know.
pub fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// One line, cell by cell.
struct Row<'a> {
    file: &'a mut Vec<u8>,
    is_first: bool,
}

impl<'a> Row<'a> {
    fn begin(file: &'a mut Vec<u8>) -> Self {
        let is_first = true;
        Self { file, is_first }
    }

    /// What somebody may have written.
    fn text(self, text: &str) -> Self {
        if runs(text) {
            self.cell(&format!("'{text}"))
        } else {
            self.cell(text)
        }
    }

    /// What is a number, a time or a truth, and stays one.
    fn value(self, value: Option<impl Display>) -> Self {
        self.cell(&value.map_or_else(String::new, |value| value.to_string()))
    }

    /// JSON begins with a bracket, which no spreadsheet runs.
    fn json(self, value: Option<impl Serialize>) -> Self {
        self.cell(&value.map_or_else(String::new, |value| json(&value)))
    }

    fn cell(mut self, text: &str) -> Self {
        if !self.is_first {
            self.file.push(b',');
        }
        self.is_first = false;
        if text.contains(['"', ',', '\r', '\n']) {
            self.file.push(b'"');
            self.file.extend(text.replace('"', "\"\"").bytes());
            self.file.push(b'"');
        } else {
            self.file.extend(text.bytes());
        }
        self
    }

    fn end(self) {
        self.file.extend_from_slice(END);
    }
}

/// Whether a spreadsheet may take a text for a formula, or a cell that begins with it: by its
/// first character, also after spaces and quotation marks, which some take off. The wide forms
/// count where texts are in Chinese, Japanese or Korean.
fn runs(text: &str) -> bool {
    let rest = text.trim_start_matches([' ', '"', '\'']);
    rest.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ])
}

#[cfg(test)]
mod tests;

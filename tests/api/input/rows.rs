//! Rows of the table, and those that many fields have in common.

use prost_types::{Duration, Struct, Timestamp, Value, value::Kind};
use serde_json::json;

use super::call::Call;
use crate::{
    harness::MORNING,
    values::{nested, seconds, structure, time},
};

/// A request and the fields that are wrong in it; none if it is right.
pub struct Row {
    pub call: Call,
    pub fields: Vec<String>,
}

/// A request of which a right one is known.
pub trait Input: Into<Call> {
    fn right() -> Self;
}

/// A right request but for what `spoil` does to it.
pub fn bad<R: Input>(fields: &[&str], spoil: impl FnOnce(&mut R)) -> Row {
    let mut request = R::right();
    spoil(&mut request);
    Row {
        call: request.into(),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
    }
}

/// A right request that goes as far as it may.
pub fn good<R: Input>(stretch: impl FnOnce(&mut R)) -> Row {
    bad(&[], stretch)
}

/// One row for each value of one field: the wrong ones and the right ones.
pub fn field<R: Input, V>(
    name: &str,
    set: impl Fn(&mut R, V),
    wrong: impl IntoIterator<Item = V>,
    right: impl IntoIterator<Item = V>,
) -> Vec<Row> {
    let wrong = wrong
        .into_iter()
        .map(|value| bad(&[name], |request| set(request, value)));
    let mut rows: Vec<_> = wrong.collect();
    let right = right.into_iter();
    rows.extend(right.map(|value| good(|request| set(request, value))));
    rows
}

/// A UUID that must be there; `known` is one that exists.
pub fn uuid<R: Input>(name: &str, known: &str, set: impl Fn(&mut R, String)) -> Vec<Row> {
    let mut rows = optional_uuid(name, known, &set);
    rows.push(bad(&[name], |request| set(request, String::new())));
    rows
}

pub fn optional_uuid<R: Input>(name: &str, known: &str, set: impl Fn(&mut R, String)) -> Vec<Row> {
    let wrong = [
        "no uuid".to_owned(),
        "00000000-0000-0000-0000-000000000000".to_owned(),
        known.replace('-', ""),
        format!("{{{known}}}"),
        format!("urn:uuid:{known}"),
        format!("{known}0"),
        format!("{known}\n"),
        known.replacen('0', "g", 1),
        known.replacen('0', "\0", 1),
        known.replacen('-', "é", 1),
        known[..35].to_owned(),
    ];
    field(name, set, wrong, [known.to_uppercase()])
}

/// One line of text of up to `max` characters.
pub fn line<R: Input>(name: &str, max: usize, set: impl Fn(&mut R, String)) -> Vec<Row> {
    let mut rows = text(name, max, &set);
    rows.extend(field(name, &set, ["a\nb".to_owned(), "\t".to_owned()], []));
    rows
}

/// Text of several lines of up to `max` characters.
pub fn lines<R: Input>(name: &str, max: usize, set: impl Fn(&mut R, String)) -> Vec<Row> {
    let mut rows = text(name, max, &set);
    rows.push(good(|request| set(request, "a\r\n\tb".to_owned())));
    rows
}

fn text<R: Input>(name: &str, max: usize, set: impl Fn(&mut R, String)) -> Vec<Row> {
    // Two and four bytes a character, of which a limit on bytes would allow fewer.
    let wrong = [
        "é".repeat(max + 1),
        "a".repeat(max + 1),
        "a\0b".to_owned(),
        "\u{7}".to_owned(),
        "\u{7f}".to_owned(),
        "\u{85}".to_owned(),
    ];
    let right = ["é".repeat(max), "🦀".repeat(max), "'; --\"\\%_".to_owned()];
    field(name, set, wrong, right)
}

/// `[a-z][a-z0-9_]{0,49}`.
pub fn category<R: Input>(name: &str, set: impl Fn(&mut R, String)) -> Vec<Row> {
    let long = "a".repeat(51);
    let wrong = [
        "Solo", "1solo", "_solo", "so-lo", "so lo", "sölo", "solo\0", "solo\n", &long,
    ];
    let right = ["a".repeat(50)];
    field(name, set, wrong.map(str::to_owned), right)
}

/// An instant that may not be after now.
pub fn past_time<R: Input>(
    name: &str,
    right: &str,
    set: impl Fn(&mut R, Option<Timestamp>),
) -> Vec<Row> {
    let mut now = time(MORNING).unwrap();
    now.nanos = 1_000;
    let mut rows = any_time(name, &set);
    rows.extend(field(name, &set, [Some(now)], [time(right)]));
    rows
}

/// An instant of the years that are kept.
pub fn any_time<R: Input>(name: &str, set: impl Fn(&mut R, Option<Timestamp>)) -> Vec<Row> {
    let at = |seconds, nanos| Some(Timestamp { seconds, nanos });
    let now = time(MORNING).unwrap().seconds;
    let wrong = [
        at(now, -1),
        at(now, 1_000_000_000),
        at(now, 2_000_000_000),
        at(now, i32::MIN),
        at(i64::MAX, 0),
        at(i64::MIN, 999_999_999),
        time("1999-12-31T23:59:59.999999999Z"),
        time("2100-01-02T00:00:00Z"),
        time("2100-12-31T00:00:00Z"),
        time("9999-12-31T00:00:00Z"),
    ];
    field(name, set, wrong, [])
}

/// A length of up to `max` seconds.
pub fn span<R: Input>(
    name: &str,
    max: i64,
    set: impl Fn(&mut R, Option<Duration>) + Copy,
) -> Vec<Row> {
    let of = |seconds, nanos| Some(Duration { seconds, nanos });
    let wrong = [
        of(-1, 0),
        of(0, -1),
        of(1, -1),
        of(1, 1_000_000_000),
        of(1, i32::MAX),
        of(max, 1),
        of(max + 1, 0),
        of(i64::MAX, 999_999_999),
        of(i64::MIN, 0),
    ];
    field(name, set, wrong, [seconds(0), seconds(max)])
}

/// 1 to 5, or none.
pub fn rating<R: Input>(name: &str, set: impl Fn(&mut R, i32)) -> Vec<Row> {
    field(name, set, [-1, 6, i32::MAX, i32::MIN], [0, 1, 5])
}

/// What a request may add at once.
pub const MOST: i64 = 1_000_000_000;

/// An amount to add.
pub fn amount<R: Input>(name: &str, set: impl Fn(&mut R, i64)) -> Vec<Row> {
    let wrong = [-1, i64::MIN, MOST + 1, i64::MAX];
    field(name, set, wrong, [1, MOST])
}

/// A share from 0 to `most`.
pub fn share<R: Input>(name: &str, most: f64, set: impl Fn(&mut R, f64)) -> Vec<Row> {
    let wrong = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -f64::MIN_POSITIVE,
        most.next_up(),
    ];
    field(name, set, wrong, [0.0, -0.0, most])
}

/// A value that the contract knows, up to `last`.
pub fn enumeration<R: Input>(name: &str, last: i32, set: impl Fn(&mut R, i32)) -> Vec<Row> {
    field(name, set, [last + 1, -1, i32::MAX], 0..=last)
}

/// The caller's own data.
pub fn metadata<R: Input>(name: &str, set: impl Fn(&mut R, Option<Struct>)) -> Vec<Row> {
    const LIMIT: usize = 16 * 1024;
    let of_size = |size: usize| structure(json!({ "a": "x".repeat(size - r#"{"a":""}"#.len()) }));
    let number = |number| Struct {
        fields: [(
            "a".to_owned(),
            Value {
                kind: Some(Kind::NumberValue(number)),
            },
        )]
        .into(),
    };
    let list = (1..=32).fold(json!(1), |inner, _| json!([inner]));
    let wrong = [
        of_size(LIMIT + 1),
        nested(34),
        structure(json!({ "a": list })),
        number(f64::NAN),
        number(f64::INFINITY),
        structure(json!({ "a": "x\0" })),
        structure(json!({ "a\0": "x" })),
        structure(json!({ "a": [{ "b": "\0" }] })),
    ];
    let right = [
        of_size(LIMIT),
        nested(33),
        structure(json!({})),
        structure(json!({ "": "\u{1}", "é": [null, true, -0.5e-300, "🦀"] })),
    ];
    field(name, set, wrong.map(Some), right.map(Some))
}

/// A date that must be there.
pub fn date<R: Input>(name: &str, set: impl Fn(&mut R, String)) -> Vec<Row> {
    let mut rows = optional_date(name, &set);
    rows.push(bad(&[name], |request| set(request, String::new())));
    rows
}

pub fn optional_date<R: Input>(name: &str, set: impl Fn(&mut R, String)) -> Vec<Row> {
    let wrong = [
        "2026-02-30",
        "2027-02-29",
        "2026-13-01",
        "2026-00-10",
        "2026-01-00",
        "1999-12-31",
        "2100-01-02",
        "2026-1-1",
        "2026-1-01",
        "+2026-1-01",
        "2026- 1-01",
        "2026-01- 1",
        " 2026-1-01",
        "2026/01/01",
        "20260101",
        "01-01-2026",
        "2026-01-01T00:00:00Z",
        "2026-01-01\0",
        "２０２６-01-01",
        "today",
    ];
    field(name, set, wrong.map(str::to_owned), [])
}

/// How many rows a page holds.
pub fn page_size<R: Input>(set: impl Fn(&mut R, i32)) -> Vec<Row> {
    field("page_size", set, [-1, i32::MIN], [0, 1, 1_000, i32::MAX])
}

/// A token of this list; `others` are of other lists.
pub fn token<R: Input>(
    name: &str,
    own: &str,
    others: &[&str],
    set: impl Fn(&mut R, String),
) -> Vec<Row> {
    // In all of them the last character has bits to spare, so that only its value is wrong.
    let forged = ["", "\0", "=", "AAAA"].map(|more| format!("{own}{more}"));
    let mut wrong = vec!["no token".to_owned(), "é".to_owned(), "A".repeat(54)];
    if !own.is_empty() {
        let cut = &own[..own.len() - 1];
        wrong.extend([cut.to_owned(), own[1..].to_owned(), own.to_lowercase()]);
        wrong.extend(forged.into_iter().skip(1));
    }
    wrong.extend(others.iter().map(|token| (*token).to_owned()));
    field(name, set, wrong, [String::new(), own.to_owned()])
}

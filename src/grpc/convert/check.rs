//! Checks of single fields, which collect what is wrong.

use std::{net::IpAddr, sync::Arc, time::Duration};

use chrono::NaiveDate;
use prost_types::Struct;
use uuid::Uuid;

use super::json;
use crate::domain::{
    period::{DateRange, Granularity},
    rejection::{Rejection, Violation},
    session::Subject,
    time::{FIRST_DATE, LAST_DATE, Timestamp, micros},
};

/// The largest page, and the one for a size of 0.
const MAX_PAGE: usize = 1_000;
const DEFAULT_PAGE: usize = 50;
/// Violations that one answer names: clients take some 8 KiB of trailers, which hold the message
/// twice and the details once.
const MAX_VIOLATIONS: usize = 20;

/// What is wrong with a request so far. A check that fails notes it and returns a stand-in,
/// so that the other fields are checked too; [`Check::done`] lets no stand-in out.
#[derive(Debug, Default)]
pub struct Check {
    violations: Vec<Violation>,
}

impl Check {
    /// The decoded value, if nothing was wrong.
    pub fn done<T>(self, value: T) -> Result<T, Rejection> {
        if self.violations.is_empty() {
            Ok(value)
        } else {
            Err(Rejection::Invalid(self.violations))
        }
    }

    /// Notes a violation.
    pub fn fail(&mut self, field: &str, description: impl Into<String>) {
        let violation = Violation::new(field, description);
        if self.violations.len() < MAX_VIOLATIONS && !self.violations.contains(&violation) {
            self.violations.push(violation);
        }
    }

    /// Checks the fields of a message within this one, whose path is `prefix`.
    pub fn within<T>(&mut self, prefix: &str, check: impl FnOnce(&mut Self) -> T) -> T {
        let mut inner = Self::default();
        let value = check(&mut inner);
        for violation in inner.violations {
            self.fail(
                &format!("{prefix}{}", violation.field),
                violation.description,
            );
        }
        value
    }

    /// Notes a violation unless `ok`.
    pub fn that(&mut self, ok: bool, field: &str, description: impl Into<String>) {
        if !ok {
            self.fail(field, description);
        }
    }

    /// A required UUID.
    pub fn uuid(&mut self, field: &str, text: &str) -> Uuid {
        self.optional_uuid(field, text).unwrap_or_else(|| {
            self.that(!text.is_empty(), field, "is required: a UUID");
            Uuid::nil()
        })
    }

    /// A UUID, or nothing. The nil UUID is what a forgotten variable holds.
    pub fn optional_uuid(&mut self, field: &str, text: &str) -> Option<Uuid> {
        if text.is_empty() {
            return None;
        }
        let parsed = Uuid::try_parse(text).ok();
        let id = parsed.filter(|id| !id.is_nil() && text.len() == 36);
        self.that(
            id.is_some(),
            field,
            "must be a UUID such as 018f4e9c-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
        );
        id
    }

    /// One line of text.
    pub fn line(&mut self, field: &str, text: String, max: usize) -> String {
        self.text(field, text, max, char::is_control)
    }

    /// Text of several lines.
    pub fn lines(&mut self, field: &str, text: String, max: usize) -> String {
        self.text(field, text, max, |c| {
            c.is_control() && !matches!(c, '\n' | '\r' | '\t')
        })
    }

    fn text(
        &mut self,
        field: &str,
        text: String,
        max: usize,
        bad: impl Fn(char) -> bool,
    ) -> String {
        if text.chars().nth(max).is_some() {
            self.fail(field, format!("must have at most {max} characters"));
        }
        if text.chars().any(bad) {
            self.fail(field, "must not contain control characters");
        }
        text
    }

    /// A category: `[a-z][a-z0-9_]{0,49}`, or `default` where it is empty.
    pub fn name(&mut self, field: &str, text: String, default: &str) -> String {
        if text.is_empty() {
            return default.to_owned();
        }
        let starts = text.starts_with(|c: char| c.is_ascii_lowercase());
        let goes_on = text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        self.that(
            starts && goes_on && text.len() <= 50,
            field,
            "must match [a-z][a-z0-9_]{0,49}",
        );
        text
    }

    /// A category that must be given.
    pub fn required_name(&mut self, field: &str, text: String) -> String {
        self.that(!text.is_empty(), field, "is required: [a-z][a-z0-9_]{0,49}");
        self.name(field, text, "")
    }

    pub fn ip_address(&mut self, field: &str, text: &str) -> Option<IpAddr> {
        if text.is_empty() {
            return None;
        }
        let address = text.parse().ok();
        self.that(
            address.is_some(),
            field,
            "must be an IPv4 or IPv6 address without a port or zone",
        );
        address
    }

    /// A subject of which type and id are given, or none at all.
    pub fn subject(
        &mut self,
        field: &str,
        subject: Option<crate::pb::v1::Subject>,
    ) -> Option<Subject> {
        let subject = subject.filter(|subject| *subject != crate::pb::v1::Subject::default())?;
        let (kind, id) = (format!("{field}.type"), format!("{field}.id"));
        self.that(!subject.id.is_empty(), &id, "is required with a subject");
        Some(Subject {
            kind: self.required_name(&kind, subject.r#type),
            id: self.line(&id, subject.id, 128),
            name: self.line(&format!("{field}.name"), subject.name, 200),
        })
    }

    /// The caller's own data as canonical JSON.
    pub fn metadata(&mut self, field: &str, value: Option<Struct>) -> Option<Arc<str>> {
        let text = json::to_text(&value?);
        text.map_err(|rule| self.fail(field, rule)).ok()
    }

    /// A whole number of at least 0.
    pub fn count(&mut self, field: &str, value: i64, max: i64) -> i64 {
        self.that(
            (0..=max).contains(&value),
            field,
            format!("must be from 0 to {max}"),
        );
        value
    }

    /// A number from 1 to `most`, or `default` for 0.
    pub fn number(&mut self, field: &str, value: i32, most: u16, default: u16) -> u16 {
        let number = u16::try_from(value).ok().filter(|number| *number <= most);
        let rule = format!("must be from 1 to {most}, or 0 for {default}");
        self.that(number.is_some(), field, rule);
        number.filter(|number| *number > 0).unwrap_or(default)
    }

    /// 1 to 5, or 0 for none.
    pub fn rating(&mut self, field: &str, value: i32) -> Option<u8> {
        self.that((0..=5).contains(&value), field, "must be from 1 to 5, or 0");
        u8::try_from(value).ok().filter(|rating| *rating > 0)
    }

    /// An instant from 2000-01-01 to 2100-01-01, the end of that day included.
    pub fn time(
        &mut self,
        field: &str,
        value: Option<prost_types::Timestamp>,
    ) -> Option<Timestamp> {
        let value = value?;
        let nanos = u32::try_from(value.nanos)
            .ok()
            .filter(|n| *n < 1_000_000_000);
        let time = nanos
            .and_then(|nanos| chrono::DateTime::from_timestamp(value.seconds, nanos))
            .filter(|time| (FIRST_DATE..=LAST_DATE).contains(&time.date_naive()))
            .map(Timestamp::from);
        self.that(
            time.is_some(),
            field,
            format!("must be a time from {FIRST_DATE} to {LAST_DATE}"),
        );
        time
    }

    /// An instant that is not after `now`.
    pub fn past_time(
        &mut self,
        field: &str,
        value: Option<prost_types::Timestamp>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let time = self.time(field, value)?;
        let past = time <= now;
        self.that(past, field, "must not be in the future");
        past.then_some(time)
    }

    /// A length of time from 0 to `max`.
    pub fn duration(
        &mut self,
        field: &str,
        value: Option<prost_types::Duration>,
        max: Duration,
    ) -> Option<Duration> {
        let value = value?;
        let seconds = u64::try_from(value.seconds).ok();
        let nanos = u32::try_from(value.nanos)
            .ok()
            .filter(|n| *n < 1_000_000_000);
        let duration = seconds
            .zip(nanos)
            .and_then(|(seconds, nanos)| {
                Duration::from_secs(seconds).checked_add(Duration::from_nanos(nanos.into()))
            })
            .filter(|duration| *duration <= max);
        self.that(
            duration.is_some(),
            field,
            format!("must be from 0s to {}s", max.as_secs()),
        );
        // Both engines keep microseconds.
        duration.map(|duration| Duration::from_micros(micros(duration).unsigned_abs()))
    }

    /// A date, or nothing.
    pub fn optional_date(&mut self, field: &str, text: &str) -> Option<NaiveDate> {
        if text.is_empty() {
            return None;
        }
        let parsed = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        // What is parsed may have spaces, a sign or fewer digits; what is printed has not.
        let date = parsed
            .filter(|date| (FIRST_DATE..=LAST_DATE).contains(date) && date.to_string() == text);
        self.that(
            date.is_some(),
            field,
            format!("must be a date as YYYY-MM-DD, from {FIRST_DATE} to {LAST_DATE}"),
        );
        date
    }

    /// A period by its name, or nothing: `rule` says what is right.
    pub fn optional_period(
        &mut self,
        field: &str,
        text: &str,
        granularity: Granularity,
        rule: &str,
    ) -> Option<DateRange> {
        if text.is_empty() {
            return None;
        }
        let named = granularity.labelled(text);
        let kept = named.filter(|period| period.start <= LAST_DATE && FIRST_DATE <= period.end);
        self.that(kept.is_some(), field, rule);
        kept
    }

    /// Two required dates, both included; `longest` is the last end that `start` allows. The
    /// fields are `start_date` and `end_date` after `prefix`.
    pub fn date_range(
        &mut self,
        prefix: &str,
        start: &str,
        end: &str,
        longest: Option<(impl Fn(NaiveDate) -> NaiveDate, &str)>,
    ) -> DateRange {
        let start_date = format!("{prefix}start_date");
        let end_date = format!("{prefix}end_date");
        self.that(!start.is_empty(), &start_date, "is required: YYYY-MM-DD");
        self.that(!end.is_empty(), &end_date, "is required: YYYY-MM-DD");
        let start = self.optional_date(&start_date, start);
        let end = self.optional_date(&end_date, end);
        let (Some(start), Some(end)) = (start, end) else {
            return DateRange {
                start: FIRST_DATE,
                end: FIRST_DATE,
            };
        };
        self.that(start <= end, &end_date, "must not be before start_date");
        if let Some((last, rule)) = longest {
            self.that(end <= last(start), &end_date, rule);
        }
        DateRange { start, end }
    }

    /// A message of two dates, of which either both are given or it is left out.
    pub fn optional_range(
        &mut self,
        field: &str,
        range: Option<&crate::pb::v1::DateRange>,
        longest: Option<(impl Fn(NaiveDate) -> NaiveDate, &str)>,
    ) -> Option<DateRange> {
        let range = range?;
        let prefix = format!("{field}.");
        Some(self.date_range(&prefix, &range.start_date, &range.end_date, longest))
    }

    /// A value of an enumeration; 0 is `None`.
    pub fn enumeration<P: TryFrom<i32>, D>(
        &mut self,
        field: &str,
        value: i32,
        convert: impl Fn(P) -> Option<D>,
    ) -> Option<D> {
        if value == 0 {
            return None;
        }
        let known = P::try_from(value).ok().and_then(convert);
        self.that(known.is_some(), field, "is not a known value");
        known
    }
}

/// How many rows a page holds: 0 is 50, and more than 1,000 is 1,000.
pub fn page_size(check: &mut Check, size: i32) -> usize {
    check.that(size >= 0, "page_size", "must not be negative");
    match usize::try_from(size).unwrap_or(0) {
        0 => DEFAULT_PAGE,
        size => size.min(MAX_PAGE),
    }
}

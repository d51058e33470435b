//! Counts by key as both engines write them: a JSON object of integers, read in half the time that
//! JSON of any form takes.

use std::borrow::Cow;

/// A key, and how many.
pub type Count<'a> = (Cow<'a, str>, i64);

/// Reads the object that the text begins with, in place of what `counts` held before. Returns what
/// follows it; `None` if the text does not begin with one.
pub fn read<'a>(text: &'a str, counts: &mut Vec<Count<'a>>) -> Option<&'a str> {
    counts.clear();
    let mut rest = text.strip_prefix('{')?.trim_ascii_start();
    if let Some(rest) = rest.strip_prefix('}') {
        return Some(rest);
    }
    loop {
        let (key, after) = string(rest)?;
        let value = after.trim_ascii_start().strip_prefix(':')?;
        let (count, after) = integer(value.trim_ascii_start())?;
        counts.push((key, count));
        let after = after.trim_ascii_start();
        let Some(more) = after.strip_prefix(',') else {
            return after.strip_prefix('}');
        };
        rest = more.trim_ascii_start();
    }
}

/// The string that the text begins with. Few have escapes: those are left to JSON's own reader.
fn string(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let inner = text.strip_prefix('"')?;
    let plain = inner
        .bytes()
        .position(|byte| matches!(byte, b'"' | b'\\'))?;
    let (key, rest) = inner.split_at_checked(plain)?;
    if let Some(rest) = rest.strip_prefix('"') {
        return Some((Cow::Borrowed(key), rest));
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let key = values.next()?.ok()?;
    Some((Cow::Owned(key), text.get(values.byte_offset()..)?))
}

fn integer(text: &str) -> Option<(i64, &str)> {
    let end = text
        .bytes()
        .position(|byte| !matches!(byte, b'-' | b'0'..=b'9'))?;
    let (digits, rest) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// As PostgreSQL writes an object: with spaces.
    fn spaced(counts: &BTreeMap<String, i64>) -> String {
        let pairs = counts.iter().map(|(key, count)| {
            let key = serde_json::to_string(key).unwrap();
            format!("{key}: {count}")
        });
        let pairs: Vec<_> = pairs.collect();
        format!("{{{}}}", pairs.join(", "))
    }

    fn read_one(text: &str) -> Option<BTreeMap<String, i64>> {
        let mut counts = Vec::new();
        let rest = read(text, &mut counts)?;
        assert_eq!(rest, "");
        let owned = counts.into_iter();
        Some(
            owned
                .map(|(key, count)| (key.into_owned(), count))
                .collect(),
        )
    }

    proptest! {
        #[test]
        fn counts_are_read_as_they_were_written(
            days in prop::collection::vec(
                prop::collection::btree_map(any::<String>(), any::<i64>(), 0..5), 0..5),
            odd in r#"[\\"{}:,a\n]{0,6}"#,
        ) {
            let mut days = days;
            days.push([(odd, 1)].into());
            for write in [spaced, |day: &_| serde_json::to_string(day).unwrap()] {
                let all: Vec<_> = days.iter().map(write).collect();
                let all = all.join(",");
                let mut rest = &*all;
                let mut counts = Vec::new();
                for day in &days {
                    rest = read(rest.strip_prefix(',').unwrap_or(rest), &mut counts).unwrap();
                    let told = counts.iter().map(|(key, count)| (key.to_string(), *count));
                    prop_assert_eq!(&told.collect::<BTreeMap<_, _>>(), day);
                }
                prop_assert_eq!(rest, "");
            }
        }

        #[test]
        fn what_is_cut_short_is_refused(
            day in prop::collection::btree_map(any::<String>(), any::<i64>(), 0..4),
            at in any::<prop::sample::Index>(),
        ) {
            let text = spaced(&day);
            let ends: Vec<_> = text.char_indices().map(|(end, _)| end).collect();
            let cut = *at.get(&ends);
            prop_assert_eq!(read_one(&text[..cut]), None);
            prop_assert_eq!(read_one(&text), Some(day));
        }
    }

    #[test]
    fn what_is_no_object_of_integers_is_refused() {
        for text in [
            "",
            "[]",
            "null",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1.5}"#,
            r#"{"a":"1"}"#,
            r#"{"a":1,}"#,
            "{a:1}",
            r#"{"a":--1}"#,
            r#"{"a":9223372036854775808}"#,
            r#"{"\x":1}"#,
            r#"{"a":1 "b":2}"#,
        ] {
            assert_eq!(read_one(text), None, "{text}");
        }
    }
}

//! Counts by key as both engines write them: a JSON object of integers, read in half the time that
//! JSON of any form takes.

use std::borrow::Cow;

/// A key, and how many.
pub type Count<'a> = (Cow<'a, str>, i64);

/// Reads the object that the text begins with, in place of what `counts` held before. Returns what
/// follows it; `None` if the text does not begin with one.
pub fn read<'a>(text: &'a str, counts: &mut Vec<Count<'a>>) -> Option<&'a str> {
    counts.clear();
    let mut rest = Rest { text, at: 0 };
    rest.byte(b'{')?;
    if rest.token(b'}').is_some() {
        return text.get(rest.at..);
    }
    loop {
        let key = rest.string()?;
        rest.token(b':')?;
        counts.push((key, rest.integer()?));
        if rest.token(b',').is_none() {
            rest.token(b'}')?;
            return text.get(rest.at..);
        }
    }
}

/// What is not read yet. It goes by bytes: to compare with a `str` of one character is a call, made
/// small as this is, and there are thousands.
struct Rest<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Passes over the byte; `None` if it is not next.
    fn byte(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// The same, and over the space before it.
    fn token(&mut self, byte: u8) -> Option<()> {
        self.space();
        self.byte(byte)
    }

    /// Goes on to the next byte that `ends` says, which is left; returns what is before it.
    fn until(&mut self, ends: impl Fn(u8) -> bool) -> Option<&'a str> {
        let from = self.at;
        while !ends(self.peek()?) {
            self.at += 1;
        }
        self.text.get(from..self.at)
    }

    /// Few have escapes: those are left to JSON's own reader.
    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.space();
        let quoted = self.text.get(self.at..)?;
        self.byte(b'"')?;
        let plain = self.until(|byte| matches!(byte, b'"' | b'\\'))?;
        if self.byte(b'"').is_some() {
            return Some(Cow::Borrowed(plain));
        }
        let mut values = serde_json::Deserializer::from_str(quoted).into_iter::<String>();
        let key = values.next()?.ok()?;
        self.at = self.text.len() - quoted.len() + values.byte_offset();
        Some(Cow::Owned(key))
    }

    fn integer(&mut self) -> Option<i64> {
        self.space();
        let digits = self.until(|byte| !matches!(byte, b'-' | b'0'..=b'9'))?;
        digits.parse().ok()
    }
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

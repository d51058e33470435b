//! Numbers, times and names as people read them.

/// A count with commas: 12,345.
pub fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A length of time by its two largest units, rounded down: 3 h 12 min.
pub fn span(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{} s", seconds.max(0)),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..360_000 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} h", count(seconds / 3_600)),
    }
}

/// A value with at most two decimals, none that say nothing.
pub fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    match (whole.parse().ok(), rest) {
        (Some(whole), "") => count(whole),
        (Some(0) | None, _) => text.to_owned(),
        (Some(whole), rest) => format!("{}.{rest}", count(whole)),
    }
}

/// How a number changed against an earlier one, in whole percent; nothing to compare is empty.
pub fn change(now: i64, before: i64) -> String {
    if before <= 0 {
        return String::new();
    }
    let percent = (i128::from(now) - i128::from(before)) * 100 / i128::from(before);
    match percent {
        0 => "as before".to_owned(),
        1.. => format!("+{percent} %"),
        _ => format!("\u{2212}{} %", -percent),
    }
}

/// A name of the contract for people: `SESSION_STATE_ACTIVE` less `SESSION_STATE_` is "active".
pub fn name(full: &str, prefix: &str) -> String {
    let short = full.strip_prefix(prefix).unwrap_or(full);
    short.to_ascii_lowercase().replace('_', " ")
}

/// The beginning of a UUID, enough to tell a few apart.
pub fn short(id: &str) -> String {
    id.chars().take(8).collect()
}

/// One of something, or several: 1 session, 2 sessions.
pub fn several(number: i64, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {one}{plural}", count(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_commas() {
        let found = [0, 999, 1_000, -1_234_567, i64::MAX].map(count);
        let expected = [
            "0",
            "999",
            "1,000",
            "-1,234,567",
            "9,223,372,036,854,775,807",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn spans_have_two_units() {
        let found = [-5, 0, 59, 60, 3_599, 3_600, 11_520, 360_000, i64::MAX].map(span);
        let largest = "2,562,047,788,015,215 h";
        let expected = [
            "0 s",
            "0 s",
            "59 s",
            "1 min",
            "59 min",
            "1 h 0 min",
            "3 h 12 min",
            "100 h",
            largest,
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn numbers_say_no_more_than_they_know() {
        let found = [0.0, 87.5, 1_234.0, 1_234.567, -0.25, 99.999].map(number);
        assert_eq!(found, ["0", "87.5", "1,234", "1,234.57", "-0.25", "100"]);
        assert_eq!(number(f64::NAN), "NaN");
    }

    #[test]
    fn changes_are_against_something() {
        assert_eq!(change(5, 0), "");
        assert_eq!(change(5, 5), "as before");
        assert_eq!(change(3, 2), "+50 %");
        assert_eq!(change(1, 2), "\u{2212}50 %");
        assert_eq!(change(i64::MAX, 1), "+922337203685477580600 %");
    }
}

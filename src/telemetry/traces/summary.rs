//! What a trace says of a statement: its operation and its first table, and never more.

/// For example `SELECT user_sessions`. What a subquery or a common table expression reads is passed
/// over as long as there is a table beside it.
pub fn of(sql: &str) -> String {
    let mut words = sql.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';'));
    let operation = words.by_ref().find(|word| !word.is_empty());
    let operation = operation.unwrap_or_default().to_uppercase();
    let mut words = words.filter(|word| !word.is_empty());
    let mut table = (operation == "UPDATE").then(|| words.next()).flatten();
    while table.is_none()
        && let Some(word) = words.next()
    {
        let leads = ["FROM", "INTO", "UPDATE"]
            .iter()
            .any(|lead| word.eq_ignore_ascii_case(lead));
        table = words
            .by_ref()
            .take(usize::from(leads))
            .find(|word| is_name(word));
    }
    match table {
        Some(table) => format!("{operation} {table}"),
        None => operation,
    }
}

/// What our tables are called; not `SELECT`, `$1` or `{rows}`.
fn is_name(word: &str) -> bool {
    word.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_statement_is_its_operation_and_its_table() {
        for (sql, expected) in [
            ("SELECT 1", "SELECT"),
            (
                "\n    SELECT key FROM service_keys WHERE name = $1",
                "SELECT service_keys",
            ),
            ("SELECT a FROM (SELECT b FROM days) AS d", "SELECT days"),
            ("SELECT $1 FROM {rows} AS r JOIN users", "SELECT"),
            (
                "INSERT INTO users (id) SELECT id FROM {rows} AS r",
                "INSERT users",
            ),
            ("UPDATE user_sessions SET state = 3", "UPDATE user_sessions"),
            ("DELETE FROM goals WHERE id {ids}", "DELETE goals"),
            ("BEGIN IMMEDIATE", "BEGIN"),
            (
                "SELECT a FROM users WHERE b IN (SELECT c FROM goals)",
                "SELECT users",
            ),
            ("", ""),
        ] {
            assert_eq!(of(sql), expected, "{sql}");
        }
    }
}

//! `dwell stats`.

use std::{
    cmp::Reverse,
    error::Error,
    fmt::Write as _,
    io::{self, Write},
};

use crate::{
    config::StatsArgs,
    store::stats::{self, Stats, TenantStats},
};

/// Tenants that the table names; JSON names all.
const SHOWN: usize = 20;

/// Prints how much the database holds.
///
/// # Errors
/// Fails if it cannot be reached, or has no schema.
pub async fn run(args: &StatsArgs) -> Result<(), Box<dyn Error + Send + Sync>> {
    let stats = stats::read(&args.database.database_url).await?;
    let text = if args.json {
        serde_json::to_string_pretty(&stats)? + "\n"
    } else {
        table(&stats)
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// The busiest tenants, their sums, and the largest tables.
fn table(stats: &Stats) -> String {
    let Stats {
        engine,
        schema_version,
        ..
    } = stats;
    let mut text = format!("{engine}, schema version {schema_version}\n\n");
    let mut line = |name: &str, cells: [String; 3]| {
        let [users, open, ended] = cells;
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name:<36}  {users:>11}  {open:>13}  {ended:>14}");
    };
    line(
        "tenant",
        ["users", "open sessions", "ended sessions"].map(String::from),
    );
    let mut tenants: Vec<_> = stats.tenants.iter().collect();
    tenants.sort_by_key(|tenant| Reverse(tenant.open_sessions + tenant.ended_sessions));
    let (shown, rest) = tenants.split_at(tenants.len().min(SHOWN));
    for tenant in shown {
        line(&tenant.tenant_id.to_string(), sums(&[tenant]));
    }
    if !rest.is_empty() {
        line(&format!("{} others", rest.len()), sums(rest));
    }
    line(&format!("all {}", tenants.len()), sums(&tenants));

    text.push_str("\ntable, with its indexes                         size\n");
    let whole = ("all, and what is free", stats.bytes);
    let tables = stats.tables.iter();
    let tables = tables.map(|table| (table.name.as_str(), table.bytes));
    for (name, bytes) in tables.chain([whole]) {
        let _ = writeln!(text, "{name:<36}  {:>14}", mebibytes(bytes));
    }
    text
}

fn sums(tenants: &[&TenantStats]) -> [String; 3] {
    let sum = |of: fn(&TenantStats) -> i64| grouped(tenants.iter().map(|tenant| of(tenant)).sum());
    [
        sum(|tenant| tenant.users),
        sum(|tenant| tenant.open_sessions),
        sum(|tenant| tenant.ended_sessions),
    ]
}

/// With a comma before each three digits.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// With one decimal, rounded down.
#[must_use]
pub fn mebibytes(bytes: i64) -> String {
    let tenths = bytes.saturating_mul(10) >> 20;
    format!("{}.{} MiB", grouped(tenths / 10), tenths % 10)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::store::stats::TableSize;

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(12_345_678), "12,345,678");
        assert_eq!(mebibytes(0), "0.0 MiB");
        assert_eq!(mebibytes(1_572_864), "1.5 MiB");
        assert_eq!(mebibytes(1 << 40), "1,048,576.0 MiB");
    }

    #[test]
    fn the_busiest_tenants_come_first_and_the_sums_are_of_all() {
        let tenant = |number: u8| TenantStats {
            tenant_id: Uuid::from_u128(number.into()),
            users: 1,
            open_sessions: number.into(),
            ended_sessions: 1_000,
        };
        let stats = Stats {
            engine: "SQLite 3".to_owned(),
            schema_version: 9,
            bytes: 3 << 20,
            tenants: (1..=22).map(tenant).collect(),
            tables: vec![TableSize {
                name: "users".to_owned(),
                bytes: 1 << 20,
            }],
        };
        let text = table(&stats);
        let squeezed = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<_> = text.lines().map(squeezed).collect();
        assert_eq!(lines.len(), 3 + 20 + 2 + 4);
        let told = |index: usize| lines.get(index).map(String::as_str);
        let busiest = told(3).filter(|line| line.ends_with("16 1 22 1,000"));
        assert!(busiest.is_some(), "{text}");
        assert_eq!(told(23), Some("2 others 2 3 2,000"));
        assert_eq!(told(24), Some("all 22 22 253 22,000"));
        assert_eq!(told(27), Some("users 1.0 MiB"));
        assert_eq!(told(28), Some("all, and what is free 3.0 MiB"));
    }
}

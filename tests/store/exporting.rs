//! Everything that is kept about a user, told.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    deletion::some_of_everything,
    fixture::{Fixture, session, user},
};

on_both_engines! {
    an_export_has_rows_of_every_table_and_of_nobody_else
    an_export_is_the_same_in_pages_of_any_size
    cells_are_told_in_forms_that_everyone_reads
}

async fn export(db: &Fixture, number: u128, page: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut after = None;
    loop {
        let page = db
            .store
            .list_user_rows(db.tenant, user(number), after, page)
            .await
            .unwrap();
        lines.extend(page.items);
        after = page.next;
        if after.is_none() {
            return lines;
        }
    }
}

fn parsed(lines: &[String]) -> Vec<(String, Value)> {
    let values = lines.iter().map(|line| {
        let body = line.strip_suffix('\n').unwrap();
        assert!(!body.contains('\n'));
        let mut line: BTreeMap<String, Value> = serde_json::from_str(body).unwrap();
        assert_eq!(line.len(), 2);
        let table = line.remove("table").unwrap();
        (
            table.as_str().unwrap().to_owned(),
            line.remove("row").unwrap(),
        )
    });
    values.collect()
}

async fn furnish(db: &Fixture) {
    for (number, db) in [(1, db), (2, db), (3, &db.for_tenant(2))] {
        some_of_everything(db, user(number), session(100 + number)).await;
    }
}

async fn an_export_has_rows_of_every_table_and_of_nobody_else(db: Fixture) {
    furnish(&db).await;
    let lines = export(&db, 1, 1_000).await;
    let stored = db.stored_of(user(1)).await;
    let by_table = |tables: Vec<String>| {
        let mut counts = BTreeMap::<_, usize>::new();
        for table in tables {
            *counts.entry(table).or_default() += 1;
        }
        counts
    };
    let told = parsed(&lines).into_iter().map(|(table, _)| table);
    let is = stored.into_iter().map(|row| row.table);
    let told = by_table(told.collect());
    assert_eq!(told, by_table(is.collect()));
    assert_eq!(told.len(), 13);
    let all = lines.concat();
    for foreign in [user(2).0, user(3).0, session(102).0, session(103).0] {
        assert!(!all.contains(&foreign.to_string()), "{foreign}");
    }
    assert!(all.contains(&user(1).0.to_string()) && all.contains(&session(101).0.to_string()));
    // The same user of another tenant is another one.
    assert_eq!(export(&db.for_tenant(2), 1, 10).await, Vec::<String>::new());
}

async fn an_export_is_the_same_in_pages_of_any_size(db: Fixture) {
    furnish(&db).await;
    let all = export(&db, 1, 1_000).await;
    for page in [1, 2, 3, 4] {
        assert_eq!(export(&db, 1, page).await, all);
    }
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

async fn cells_are_told_in_forms_that_everyone_reads(db: Fixture) {
    some_of_everything(&db, user(1), session(101)).await;
    let rows = parsed(&export(&db, 1, 100).await);
    let of = |table: &str| {
        let rows = rows.iter().filter(|(name, _)| name == table);
        rows.map(|(_, row)| row).collect::<Vec<_>>()
    };
    let open = session(101).0.to_string();
    let sessions = of("user_sessions");
    let session = sessions.iter().find(|row| row["id"] == *open).unwrap();
    assert_eq!(session["started_at"], "2026-11-20T12:00:00Z");
    assert_eq!(session["start_date"], "2026-11-20");
    assert_eq!(session["ip_address"], "203.0.113.7");
    assert_eq!(session["client_info"], "a browser");
    assert_eq!(session["metadata"]["seat"], "4b");
    assert_eq!(session["pauses"], Value::Array(Vec::new()));
    assert_eq!(session["focus_mode"], false);
    assert_eq!(session["state"], 1);
    assert_eq!(session["ended_at"], Value::Null);
    assert_eq!(session.get("fingerprint"), None);
    assert_eq!(of("users")[0]["login_count"], 1);
    assert_eq!(of("users")[0]["total_usage_seconds"], 1_860);
    let subjects = of("user_subject_days");
    assert_eq!(subjects[0]["subject_id"], "c1");
    assert_eq!(subjects[0]["practice_date"], "2026-11-01");
    assert_eq!(of("performance_months")[0]["month"], "2026-11-01");
}

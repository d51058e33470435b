//! `dwell demo`, as a newcomer runs it.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    commands::{Served, run, sqlite, well},
    support::postgres,
};

const DAYS: &str = "12";

/// Tenants, users and ended sessions of `dwell stats`.
fn figures(url: &str) -> (usize, i64, i64) {
    let stats = well(&["stats", "--json", "--database-url", url]);
    let stats: Value = serde_json::from_str(&stats).unwrap();
    let tenants = stats["tenants"].as_array().unwrap();
    let sum = |field: &str| {
        let each = tenants.iter().map(|tenant| tenant[field].as_i64().unwrap());
        each.sum::<i64>()
    };
    (tenants.len(), sum("users"), sum("ended_sessions"))
}

fn fills_once(dir: &TempDir, url: &str) {
    let server = Served::start(dir.path(), url, &[]);
    let demo = ["demo", "--days", DAYS, "--address", &server.address];
    let printed = well(&demo);
    let lines: Vec<_> = printed.lines().collect();
    for (line, told) in lines.iter().zip([
        "  Lingua Viva, 40 users, Europe/Rome",
        "  Sunrise Yoga, 30 users, America/New_York",
        "  Kaizen Works, 50 users, Asia/Tokyo",
    ]) {
        assert!(line.ends_with(told), "{printed}");
    }
    assert_eq!(printed.matches("grpcurl -plaintext").count(), 2);
    let (tenants, users, sessions) = figures(url);
    assert_eq!(tenants, 3);
    assert!((60..=120).contains(&users), "{users}");
    assert!(sessions > 200, "{sessions}");
    assert_eq!(well(&demo), printed);
    // What was still to come today may be over by now.
    let again = figures(url);
    assert_eq!((again.0, again.1), (tenants, users));
    assert!((sessions..sessions + 5).contains(&again.2), "{again:?}");

    let other = ["--seed", "2", "--days", "1"];
    well(&[&["demo", "--address", &server.address][..], &other].concat());
    assert_eq!(figures(url).0, 6);
}

#[test]
fn a_demo_is_there_once_however_often_it_runs_on_sqlite() {
    let dir = TempDir::new().unwrap();
    fills_once(&dir, &sqlite(dir.path()));
}

#[tokio::test]
async fn a_demo_is_there_once_however_often_it_runs_on_postgres() {
    let dir = TempDir::new().unwrap();
    fills_once(&dir, &postgres::database().await);
}

#[test]
fn a_demo_calls_with_tokens_where_they_are_asked_for() {
    let dir = TempDir::new().unwrap();
    let secret = dir.path().join("secret");
    fs::write(&secret, "quite-a-secret-of-more-than-32-bytes").unwrap();
    let secret = secret.display().to_string();
    let jwt = ["--auth", "jwt", "--jwt-secret-file", &secret];
    let server = Served::start(dir.path(), &sqlite(dir.path()), &jwt);
    let demo = ["demo", "--days", "1", "--address", &server.address];
    let (_, complaint, code) = run(&demo);
    assert_eq!(code, Some(1));
    assert!(
        complaint.contains("does --jwt-secret-file name"),
        "{complaint}"
    );
    let printed = well(&[&demo[..], &["--jwt-secret-file", &secret]].concat());
    assert!(printed.contains("Bearer $(dwell token --jwt-secret-file"));
}

#[test]
fn a_demo_of_nothing_says_what_to_do() {
    let nobody = "http://127.0.0.1:1";
    let (printed, complaint, code) = run(&["demo", "--address", nobody]);
    assert_eq!((&*printed, code), ("", Some(1)));
    assert!(
        complaint.contains("refused") && complaint.contains("start it first"),
        "{complaint}"
    );
    assert_eq!(run(&["demo", "--address", "127.0.0.1:50051"]).2, Some(2));
}

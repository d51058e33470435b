//! The requests of `TenantService`.

use dwell::pb::v1::{TenantSettings, UpdateTenantSettingsRequest};
use prost_types::{Duration, FieldMask};

use super::rows::{Input, Row, bad, category, enumeration, field, good, share, span};
use crate::values::seconds;

type Request = UpdateTenantSettingsRequest;

/// The longest that a tenant can wait for anything: a century of leap years.
const LONGEST: i64 = 100 * 366 * 24 * 3_600;

impl Input for Request {
    fn right() -> Self {
        Self {
            settings: Some(TenantSettings::default()),
            update_mask: mask(&["over_limit_policy"]),
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "messages hold it so")]
fn mask(paths: &[&str]) -> Option<FieldMask> {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    Some(FieldMask { paths })
}

/// Sets one of the settings and names it.
fn set<V>(path: &str, set: impl Fn(&mut TenantSettings, V)) -> impl Fn(&mut Request, V) {
    move |request, value| {
        request.update_mask = mask(&[path]);
        set(request.settings.get_or_insert_default(), value);
    }
}

pub fn rows() -> Vec<Row> {
    let mut rows = field(
        "settings.time_zone",
        set("time_zone", |s, zone: &str| s.time_zone = zone.into()),
        [
            "Mars/Olympus",
            "+01:00",
            "Europe/Berlin\0",
            " UTC",
            "europe/berlin",
        ],
        [
            "Europe/Berlin",
            "UTC",
            "",
            "America/Argentina/ComodRivadavia",
        ],
    );
    rows.extend(spans());
    rows.extend(field(
        "settings.max_open_sessions",
        set("max_open_sessions", |s, n| s.max_open_sessions = n),
        [-1, i32::MIN],
        // Only the last of these leaves room for the sessions of other rows.
        [i32::MAX, 0],
    ));
    rows.extend(enumeration(
        "settings.over_limit_policy",
        2,
        set("over_limit_policy", |s, n| s.over_limit_policy = n),
    ));
    rows.extend(share(
        "settings.points_per_minute",
        1_000.0,
        set("points_per_minute", |s, n| s.points_per_minute = n),
    ));
    rows.extend(share(
        "settings.points_per_correct_item",
        1_000.0,
        set("points_per_correct_item", |s, n| {
            s.points_per_correct_item = n;
        }),
    ));
    rows.extend(client_types());
    rows.extend(masks());
    rows
}

fn spans() -> Vec<Row> {
    let idle = set("idle_timeout", |s, d| s.idle_timeout = d);
    let lifetime = set("max_lifetime", |s, d| s.max_lifetime = d);
    let sessions = set("session_retention", |s, d| s.session_retention = d);
    let clients = set("client_retention", |s, d| s.client_retention = d);
    let mut rows = span("settings.idle_timeout", LONGEST, &idle);
    rows.extend(span("settings.max_lifetime", LONGEST, &lifetime));
    rows.extend(span("settings.session_retention", LONGEST, &sessions));
    rows.extend(span("settings.client_retention", LONGEST, &clients));
    let half = Some(Duration {
        seconds: 60,
        nanos: 500_000_000,
    });
    rows.push(bad(&["settings.idle_timeout"], |r| idle(r, half)));
    rows.push(bad(&["settings.client_retention"], |r| clients(r, half)));
    rows
}

fn client_types() -> Vec<Row> {
    let set = set("client_types", |s, types: Vec<String>| {
        s.client_types = types;
    });
    // The name that other rows use comes first.
    let second = |r: &mut Request, name| set(r, vec!["unknown".to_owned(), name]);
    let mut rows = category("settings.client_types[1]", second);
    rows.push(bad(&["settings.client_types[1]"], |r| {
        second(r, String::new());
    }));
    let many = |count: usize| {
        let others = (1..count).map(|n| format!("type_{n}"));
        std::iter::once("unknown".to_owned())
            .chain(others)
            .collect()
    };
    let twice = vec!["web".to_owned(); 2];
    rows.extend(field(
        "settings.client_types",
        &set,
        [many(101), twice],
        [many(100), Vec::new()],
    ));
    rows
}

fn masks() -> Vec<Row> {
    let masked =
        |paths: &'static [&'static str]| move |r: &mut Request| r.update_mask = mask(paths);
    vec![
        bad(&["settings"], |r: &mut Request| r.settings = None),
        bad(&["update_mask"], masked(&["settings.time_zone"])),
        bad(&["update_mask"], masked(&["timeZone"])),
        bad(&["update_mask"], masked(&["idle_timeout.seconds"])),
        bad(&["update_mask"], masked(&["time_zone", "tenant_id"])),
        bad(&["update_mask"], masked(&["time_zone", "*"])),
        bad(&["update_mask"], masked(&[""])),
        // Nothing is named and nothing is set.
        bad(&["update_mask"], masked(&[])),
        bad(&["update_mask"], |r: &mut Request| r.update_mask = None),
        good(masked(&["*"])),
        bad(
            &["settings.time_zone", "settings.idle_timeout", "update_mask"],
            |r: &mut Request| {
                r.update_mask = mask(&["time_zone", "idle_timeout", "colour"]);
                r.settings = Some(TenantSettings {
                    time_zone: "Nowhere".to_owned(),
                    idle_timeout: seconds(-1),
                    ..Default::default()
                });
            },
        ),
        good(|r: &mut Request| {
            // What the mask does not name is not looked at.
            r.settings = Some(TenantSettings {
                time_zone: "Nowhere".to_owned(),
                ..Default::default()
            });
        }),
    ]
}

//! A tenant's settings.

use std::{collections::BTreeSet, time::Duration};

use chrono_tz::Tz;

use super::{check::Check, encode::duration};
use crate::{
    domain::{
        rejection::Rejection,
        settings::{OverLimitPolicy, SettingsPatch, TenantSettings},
    },
    pb::v1 as pb,
};

const MAX_SPAN: Duration = Duration::from_hours(100 * 366 * 24);
const MAX_CLIENT_TYPES: usize = 100;
const MAX_POINTS: f64 = 1_000.0;
/// Every field that a mask may name.
const FIELDS: [&str; 10] = [
    "time_zone",
    "idle_timeout",
    "max_lifetime",
    "max_open_sessions",
    "over_limit_policy",
    "client_types",
    "session_retention",
    "points_per_minute",
    "points_per_correct_item",
    "client_retention",
];

/// What an update changes: the fields that the mask names (`*` is all of them), or without a
/// mask those that are set. A field that is named and not set gets its default.
pub fn settings_patch(
    request: pb::UpdateTenantSettingsRequest,
) -> Result<SettingsPatch, Rejection> {
    let mut check = Check::default();
    check.that(request.settings.is_some(), "settings", "is required");
    let settings = request.settings.unwrap_or_default();
    let paths = request.update_mask.map_or_else(Vec::new, |mask| mask.paths);
    let named = if paths.is_empty() {
        set_fields(&settings)
    } else {
        named_fields(&mut check, &paths)
    };
    let nothing = paths.is_empty() && named.is_empty();
    check.that(!nothing, "update_mask", "must name a field");
    let defaults = TenantSettings::default();
    let is_named = |field: &str| named.contains(field);
    let mut span = |field: &'static str, value, default: Option<Duration>| {
        is_named(field).then(|| span(&mut check, field, value, default))
    };
    let mut patch = SettingsPatch {
        idle_timeout: span("idle_timeout", settings.idle_timeout, defaults.idle_timeout),
        max_lifetime: span("max_lifetime", settings.max_lifetime, defaults.max_lifetime),
        session_retention: span("session_retention", settings.session_retention, None),
        client_retention: span("client_retention", settings.client_retention, None),
        ..SettingsPatch::default()
    };
    if is_named("time_zone") {
        patch.time_zone = Some(time_zone(&mut check, &settings.time_zone));
    }
    if is_named("max_open_sessions") {
        let limit = u32::try_from(settings.max_open_sessions).ok();
        check.that(
            limit.is_some(),
            "settings.max_open_sessions",
            "must not be negative",
        );
        patch.max_open_sessions = Some(limit.filter(|limit| *limit > 0));
    }
    if is_named("over_limit_policy") {
        let policy = over_limit_policy(&mut check, settings.over_limit_policy);
        patch.over_limit_policy = Some(policy.unwrap_or(defaults.over_limit_policy));
    }
    if is_named("client_types") {
        let types = client_types(&mut check, settings.client_types);
        patch.client_types = Some(if types.is_empty() {
            defaults.client_types
        } else {
            types
        });
    }
    if is_named("points_per_minute") {
        let field = "settings.points_per_minute";
        patch.points_per_minute = Some(points(&mut check, field, settings.points_per_minute));
    }
    if is_named("points_per_correct_item") {
        let (field, rate) = (
            "settings.points_per_correct_item",
            settings.points_per_correct_item,
        );
        patch.points_per_correct_item = Some(points(&mut check, field, rate));
    }
    check.done(patch)
}

fn named_fields(check: &mut Check, paths: &[String]) -> BTreeSet<&'static str> {
    if paths.len() == 1 && paths.first().is_some_and(|path| path == "*") {
        return FIELDS.into();
    }
    let mut named = BTreeSet::new();
    for path in paths {
        match FIELDS.iter().find(|field| *field == path) {
            Some(field) => {
                named.insert(*field);
            }
            None => check.fail(
                "update_mask",
                format!("must name fields of settings: {}", FIELDS.join(", ")),
            ),
        }
    }
    named
}

/// The fields that are not what an absent field would be.
fn set_fields(settings: &pb::TenantSettings) -> BTreeSet<&'static str> {
    let set = [
        ("time_zone", !settings.time_zone.is_empty()),
        ("idle_timeout", settings.idle_timeout.is_some()),
        ("max_lifetime", settings.max_lifetime.is_some()),
        ("max_open_sessions", settings.max_open_sessions != 0),
        ("over_limit_policy", settings.over_limit_policy != 0),
        ("client_types", !settings.client_types.is_empty()),
        ("session_retention", settings.session_retention.is_some()),
        ("points_per_minute", settings.points_per_minute != 0.0),
        (
            "points_per_correct_item",
            settings.points_per_correct_item != 0.0,
        ),
        ("client_retention", settings.client_retention.is_some()),
    ];
    set.into_iter()
        .filter_map(|(field, set)| set.then_some(field))
        .collect()
}

/// Whole seconds; 0 is never, absent is the default.
fn span(
    check: &mut Check,
    field: &str,
    value: Option<prost_types::Duration>,
    default: Option<Duration>,
) -> Option<Duration> {
    let field = format!("settings.{field}");
    if value.is_none() {
        return default;
    }
    let span = check.duration(&field, value, MAX_SPAN)?;
    let whole = value.is_some_and(|value| value.nanos == 0);
    check.that(whole, &field, "must be whole seconds");
    (!span.is_zero()).then_some(span)
}

fn time_zone(check: &mut Check, name: &str) -> Tz {
    if name.is_empty() {
        return Tz::UTC;
    }
    name.parse().unwrap_or_else(|_| {
        check.fail(
            "settings.time_zone",
            "must be an IANA time zone such as Europe/Berlin",
        );
        Tz::UTC
    })
}

fn over_limit_policy(check: &mut Check, value: i32) -> Option<OverLimitPolicy> {
    check.enumeration("settings.over_limit_policy", value, |policy| match policy {
        pb::OverLimitPolicy::Unspecified => None,
        pb::OverLimitPolicy::Evict => Some(OverLimitPolicy::Evict),
        pb::OverLimitPolicy::Deny => Some(OverLimitPolicy::Deny),
    })
}

fn client_types(check: &mut Check, types: Vec<String>) -> Vec<String> {
    check.that(
        types.len() <= MAX_CLIENT_TYPES,
        "settings.client_types",
        format!("must have at most {MAX_CLIENT_TYPES} entries"),
    );
    let distinct: BTreeSet<_> = types.iter().collect();
    check.that(
        distinct.len() == types.len(),
        "settings.client_types",
        "must not repeat a name",
    );
    let entries = types.into_iter().take(MAX_CLIENT_TYPES).enumerate();
    entries
        .map(|(index, name)| check.required_name(&format!("settings.client_types[{index}]"), name))
        .collect()
}

fn points(check: &mut Check, field: &str, rate: f64) -> f64 {
    check.that(
        (0.0..=MAX_POINTS).contains(&rate),
        field,
        format!("must be from 0 to {MAX_POINTS}"),
    );
    rate
}

/// For an answer.
pub fn tenant_settings(settings: TenantSettings) -> pb::TenantSettings {
    let span = |span: Option<Duration>| Some(duration(span.unwrap_or_default()));
    let policy = match settings.over_limit_policy {
        OverLimitPolicy::Evict => pb::OverLimitPolicy::Evict,
        OverLimitPolicy::Deny => pb::OverLimitPolicy::Deny,
    };
    let limit = settings.max_open_sessions.unwrap_or(0);
    pb::TenantSettings {
        time_zone: settings.calendar.zone().name().to_owned(),
        idle_timeout: span(settings.idle_timeout),
        max_lifetime: span(settings.max_lifetime),
        max_open_sessions: i32::try_from(limit).unwrap_or(i32::MAX),
        over_limit_policy: policy.into(),
        client_types: settings.client_types,
        session_retention: span(settings.session_retention),
        points_per_minute: settings.points.per_minute,
        points_per_correct_item: settings.points.per_correct_item,
        client_retention: span(settings.client_retention),
    }
}

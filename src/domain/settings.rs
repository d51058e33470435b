//! What a tenant's administrators set.

use std::time::Duration;

use chrono_tz::Tz;

use super::{calendar::Calendar, points::PointRates, rejection::Violation, time::Timestamp};

/// Client types that a violation names: clients take some 8 KiB of trailers.
const NAMED_CLIENT_TYPES: usize = 10;

/// What a further start does at the limit of open sessions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OverLimitPolicy {
    /// Ends the session idle longest.
    Evict,
    /// Refuses the start.
    Deny,
}

/// A tenant's settings. `None` of a duration is "never".
#[derive(Clone, PartialEq, Debug)]
pub struct TenantSettings {
    pub calendar: Calendar,
    pub idle_timeout: Option<Duration>,
    pub max_lifetime: Option<Duration>,
    /// Open sessions that one user may have; `None` is any number.
    pub max_open_sessions: Option<u32>,
    pub over_limit_policy: OverLimitPolicy,
    pub client_types: Vec<String>,
    pub session_retention: Option<Duration>,
    pub client_retention: Option<Duration>,
    pub points: PointRates,
}

impl Default for TenantSettings {
    fn default() -> Self {
        let client_types = [
            "lucidchart",
            "standalone",
            "miro",
            "api",
            "web",
            "mobile",
            "unknown",
        ];
        Self {
            calendar: Calendar::of(Tz::UTC),
            idle_timeout: Some(Duration::from_mins(30)),
            max_lifetime: Some(Duration::from_hours(24)),
            max_open_sessions: None,
            over_limit_policy: OverLimitPolicy::Evict,
            client_types: client_types.map(String::from).to_vec(),
            session_retention: None,
            client_retention: None,
            points: PointRates::default(),
        }
    }
}

impl TenantSettings {
    /// The violation of naming a client type that is not the tenant's, if it is one.
    #[must_use]
    pub fn client_type_violation(&self, client_type: &str) -> Option<Violation> {
        let known = self.client_types.iter().any(|known| known == client_type);
        (!known).then(|| {
            let some = self.client_types.iter().take(NAMED_CLIENT_TYPES);
            let names = some.map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = match self.client_types.len().saturating_sub(NAMED_CLIENT_TYPES) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            Violation::new(
                "client_type",
                format!("must be one of the tenant's client types: {names}{more}"),
            )
        })
    }

    /// These settings with the fields that `patch` names.
    #[must_use]
    pub fn patched(&self, patch: SettingsPatch, now: Timestamp) -> Self {
        let mut new = self.clone();
        if let Some(zone) = patch.time_zone {
            new.calendar.change_zone(zone, now);
        }
        set(&mut new.idle_timeout, patch.idle_timeout);
        set(&mut new.max_lifetime, patch.max_lifetime);
        set(&mut new.max_open_sessions, patch.max_open_sessions);
        set(&mut new.over_limit_policy, patch.over_limit_policy);
        set(&mut new.client_types, patch.client_types);
        set(&mut new.session_retention, patch.session_retention);
        set(&mut new.client_retention, patch.client_retention);
        set(&mut new.points.per_minute, patch.points_per_minute);
        set(
            &mut new.points.per_correct_item,
            patch.points_per_correct_item,
        );
        new
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// The settings to change; `None` leaves one as it is.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SettingsPatch {
    pub time_zone: Option<Tz>,
    pub idle_timeout: Option<Option<Duration>>,
    pub max_lifetime: Option<Option<Duration>>,
    pub max_open_sessions: Option<Option<u32>>,
    pub over_limit_policy: Option<OverLimitPolicy>,
    pub client_types: Option<Vec<String>>,
    pub session_retention: Option<Option<Duration>>,
    pub client_retention: Option<Option<Duration>>,
    pub points_per_minute: Option<f64>,
    pub points_per_correct_item: Option<f64>,
}

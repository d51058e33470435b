//! The time zone that a page tells times in, and what day it is there.

use chrono::NaiveDate;
use chrono_tz::Tz;
use prost_types::Timestamp as Instant;
use tonic::{Code, Status};

use super::api::Api;
use crate::{
    domain::{calendar::Calendar, time::Timestamp},
    pb::v1 as pb,
};

/// The zone, and today in it.
#[derive(Clone, Debug)]
pub struct Zone {
    calendar: Calendar,
    pub today: NaiveDate,
    /// The tenant's client types, to pick from; empty where the reader may not know them.
    pub client_types: Vec<String>,
}

impl Zone {
    /// The tenant's. Who may not read the tenant's settings is told times in UTC; days are the
    /// tenant's all the same.
    pub async fn of(api: &Api) -> Result<Self, Status> {
        if api.viewer.sees_everyone() {
            let request = api.ask(pb::GetTenantSettingsRequest {});
            let settings = api.tenant().get_tenant_settings(request).await?;
            let settings = settings.into_inner().settings.unwrap_or_default();
            let zone = settings.time_zone.parse().unwrap_or(Tz::UTC);
            let calendar = Calendar::with_changes(zone, []);
            return Ok(Self {
                today: calendar.date_of(api.now),
                calendar,
                client_types: settings.client_types,
            });
        }
        let request = api.ask(pb::GetDailyReportRequest {
            user_id: api.viewer.about(""),
            date: String::new(),
        });
        let today = match api.reports().get_daily_report(request).await {
            Ok(report) => report.into_inner().date.parse().ok(),
            // A user who has done nothing yet.
            Err(status) if status.code() == Code::NotFound => None,
            Err(status) => return Err(status),
        };
        Ok(Self {
            calendar: Calendar::with_changes(Tz::UTC, []),
            today: today.unwrap_or_else(|| api.now.utc_date()),
            client_types: Vec::new(),
        })
    }

    pub fn name(&self) -> String {
        self.calendar.zone().name().to_owned()
    }

    /// An instant to the minute; nothing is empty.
    pub fn time(&self, time: Option<&Instant>) -> String {
        self.written(time, "%Y-%m-%d %H:%M")
    }

    /// The same to the second.
    pub fn exact_time(&self, time: Option<&Instant>) -> String {
        self.written(time, "%Y-%m-%d %H:%M:%S")
    }

    fn written(&self, time: Option<&Instant>, form: &str) -> String {
        let Some(time) = time.copied().map(timestamp) else {
            return String::new();
        };
        let local = time.to_utc().with_timezone(&self.calendar.zone());
        local.format(form).to_string()
    }

    /// The first instant of a day.
    pub fn start_of(&self, date: NaiveDate) -> Instant {
        instant(self.calendar.day_start(date))
    }
}

/// As dwell counts it.
pub fn timestamp(time: Instant) -> Timestamp {
    let seconds = time.seconds.saturating_mul(1_000_000);
    Timestamp::from_micros(seconds.saturating_add(i64::from(time.nanos / 1_000)))
}

/// As the contract has it.
pub fn instant(time: Timestamp) -> Instant {
    let micros = time.micros();
    let nanos = i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or(0);
    Instant {
        seconds: micros.div_euclid(1_000_000),
        nanos,
    }
}

//! `tenants`: settings.

use std::time::Duration;

use chrono_tz::Tz;
use serde_json::value::RawValue;
use sqlx::types::Json;

use super::{
    codes::Code,
    dialect::{Dialect, Query, Version, get},
    fault::Fault,
};
use crate::domain::{
    calendar::{Calendar, seconds},
    ids::TenantId,
    points::PointRates,
    settings::{OverLimitPolicy, TenantSettings},
    time::Timestamp,
};

pub const SELECT_TENANT: &str = "
    SELECT time_zone, time_zone_changes, idle_timeout_seconds, max_lifetime_seconds,
        max_open_sessions, over_limit_policy, client_types, session_retention_seconds,
        client_retention_seconds, points_per_minute, points_per_correct_item, version, updated_at
    FROM tenants
    WHERE tenant_id = $1";

/// After $1.
pub const SELECT_TENANTS: &str = "
    SELECT tenant_id FROM tenants
    WHERE tenant_id > $1
    ORDER BY tenant_id
    LIMIT $2";

/// After $1.
pub const SELECT_TENANTS_WITH_RETENTION: &str = "
    SELECT tenant_id FROM tenants
    WHERE tenant_id > $1
        AND (session_retention_seconds IS NOT NULL OR client_retention_seconds IS NOT NULL)
    ORDER BY tenant_id
    LIMIT $2";

pub const INSERT_TENANT: &str = "
    INSERT INTO tenants (tenant_id, time_zone, time_zone_changes, idle_timeout_seconds,
        max_lifetime_seconds, max_open_sessions, over_limit_policy, client_types,
        session_retention_seconds, client_retention_seconds, points_per_minute,
        points_per_correct_item, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
    ON CONFLICT DO NOTHING";

pub const UPDATE_TENANT: &str = "
    UPDATE tenants SET time_zone = $2, time_zone_changes = $3, idle_timeout_seconds = $4,
        max_lifetime_seconds = $5, max_open_sessions = $6, over_limit_policy = $7,
        client_types = $8, session_retention_seconds = $9, client_retention_seconds = $10,
        points_per_minute = $11, points_per_correct_item = $12, version = version + 1,
        updated_at = $13
    WHERE tenant_id = $1";

/// A tenant's row, as its columns are.
struct TenantRow {
    time_zone: String,
    time_zone_changes: Vec<(i64, String)>,
    client_types: Vec<String>,
    over_limit_policy: i16,
}

/// A tenant's settings, and which state of its row they are from.
#[derive(Clone, Debug)]
pub struct Tenant {
    pub settings: TenantSettings,
    pub version: Version,
}

/// The tenant, if it has written anything yet.
pub async fn find<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    sql: &str,
) -> Result<Option<Tenant>, Fault> {
    let query = Query::<DB>::new(sql).bind(tenant.uuid());
    let rows = query.fetch(conn).await?;
    let row = rows.first().map(|row| {
        Ok(Tenant {
            settings: settings::<DB>(row)?,
            version: Version {
                number: get::<DB, _>(row, "version")?,
                updated_at: get::<DB, _>(row, "updated_at")?,
            },
        })
    });
    row.transpose()
}

/// The tenant's settings, or the defaults.
pub async fn settings_of<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
) -> Result<TenantSettings, Fault> {
    let found = find::<DB>(conn, tenant, SELECT_TENANT).await?;
    Ok(found.map(|tenant| tenant.settings).unwrap_or_default())
}

/// Runs [`INSERT_TENANT`] or [`UPDATE_TENANT`].
pub async fn write<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    sql: &str,
    settings: &TenantSettings,
    now: Timestamp,
) -> Result<u64, Fault> {
    let changes: Vec<_> = settings
        .calendar
        .changes()
        .map(|(since, zone)| (since.micros(), zone.name()))
        .collect();
    let whole = |span: Option<Duration>| span.map(seconds);
    let query = Query::<DB>::new(sql)
        .bind(tenant.uuid())
        .bind(settings.calendar.first_zone().name().to_owned())
        .bind(json(&changes)?)
        .bind(whole(settings.idle_timeout))
        .bind(whole(settings.max_lifetime))
        .bind(settings.max_open_sessions.map(i64::from))
        .bind(settings.over_limit_policy.code())
        .bind(json(&settings.client_types)?)
        .bind(whole(settings.session_retention))
        .bind(whole(settings.client_retention))
        .bind(settings.points.per_minute)
        .bind(settings.points.per_correct_item)
        .bind(now);
    Ok(query.execute(conn).await?)
}

fn settings<DB: Dialect>(row: &DB::Row) -> Result<TenantSettings, Fault> {
    let raw = TenantRow {
        time_zone: get::<DB, _>(row, "time_zone")?,
        time_zone_changes: parse::<DB, _>(row, "time_zone_changes")?,
        client_types: parse::<DB, _>(row, "client_types")?,
        over_limit_policy: get::<DB, _>(row, "over_limit_policy")?,
    };
    let span = |column| -> Result<Option<Duration>, Fault> {
        let value: Option<i64> = get::<DB, _>(row, column)?;
        Ok(value.map(|value| Duration::from_secs(value.unsigned_abs())))
    };
    let max_open_sessions: Option<i64> = get::<DB, _>(row, "max_open_sessions")?;
    Ok(TenantSettings {
        calendar: calendar(&raw)?,
        idle_timeout: span("idle_timeout_seconds")?,
        max_lifetime: span("max_lifetime_seconds")?,
        max_open_sessions: max_open_sessions.and_then(|limit| u32::try_from(limit).ok()),
        over_limit_policy: OverLimitPolicy::from_code(raw.over_limit_policy)
            .ok_or_else(|| corrupt("over_limit_policy"))?,
        client_types: raw.client_types,
        session_retention: span("session_retention_seconds")?,
        client_retention: span("client_retention_seconds")?,
        points: PointRates {
            per_minute: get::<DB, _>(row, "points_per_minute")?,
            per_correct_item: get::<DB, _>(row, "points_per_correct_item")?,
        },
    })
}

fn calendar(row: &TenantRow) -> Result<Calendar, Fault> {
    let zone = |name: &str| -> Result<Tz, Fault> { name.parse().map_err(|_| corrupt("time_zone")) };
    let changes = row
        .time_zone_changes
        .iter()
        .map(|(since, name)| Ok((Timestamp::from_micros(*since), zone(name)?)))
        .collect::<Result<Vec<_>, Fault>>()?;
    Ok(Calendar::with_changes(zone(&row.time_zone)?, changes))
}

fn parse<DB: Dialect, T: serde::de::DeserializeOwned>(
    row: &DB::Row,
    column: &'static str,
) -> Result<T, Fault> {
    let json: Json<Box<RawValue>> = get::<DB, _>(row, column)?;
    serde_json::from_str(json.get()).map_err(|_| corrupt(column))
}

fn json(value: &impl serde::Serialize) -> Result<Json<Box<RawValue>>, Fault> {
    let raw = serde_json::value::to_raw_value(value).map_err(|_| corrupt("json"))?;
    Ok(Json(raw))
}

const fn corrupt(column: &'static str) -> Fault {
    Fault::Corrupt {
        table: "tenants",
        column,
    }
}

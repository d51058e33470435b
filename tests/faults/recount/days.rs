//! Days, users and the tenant as sums of what was answered.

use std::collections::BTreeMap;

use chrono::Days;
use tonic::transport::Channel;
use uuid::Uuid;

use ::dwell::pb::v1::{
    self as pb, SessionState, usage_stats_service_client::UsageStatsServiceClient,
};

use super::expected::{Bounds, Expected};
use crate::{
    ledger::{Amounts, Call},
    load::{DAYS, today},
    send::{FEATURE, of, seconds},
};

/// What a user's sessions add up to.
#[derive(Clone, Copy, Default)]
struct Stays {
    started: i64,
    /// Of them, those that were not saved after the fact.
    logins: i64,
    completed: i64,
    open: i64,
    seconds: i64,
}

pub async fn compare(
    expected: &Expected,
    found: &[pb::Session],
    channel: &Channel,
    tenant: Uuid,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut stays = stays(expected, found);
    let mut client = UsageStatsServiceClient::new(channel.clone());
    let mut whole = pb::DailyUsage::default();
    for user in expected.users() {
        let stays = stays.remove(&user).unwrap_or_default();
        let usage: BTreeMap<_, _> = expected
            .usage
            .iter()
            .filter(|((of, _), _)| *of == user)
            .map(|((_, date), bounds)| (date.clone(), *bounds))
            .collect();
        let user_id = user.to_string();
        let (start_date, end_date) = range();
        let request = pb::GetUserUsageStatsRequest {
            user_id: user_id.clone(),
            start_date,
            end_date,
            ..Default::default()
        };
        let answer = client.get_user_usage_stats(of(tenant, request)).await;
        let answer = answer.unwrap().into_inner();
        let total = answer.total.unwrap();
        let sum = usage
            .values()
            .fold(Bounds::default(), |sum, day| sum.plus(*day));
        let mut look = Look {
            user,
            wrong: &mut wrong,
        };
        look.days(&answer.days, &usage);
        look.sums(&total, sum, stays);
        let request = pb::GetUserSummaryRequest { user_id };
        let summary = client.get_user_summary(of(tenant, request)).await;
        match summary {
            Ok(summary) => {
                let summary = summary.into_inner().summary.unwrap();
                look.summary(&summary, &total, stays);
            }
            // All that was sent of this user may be missing.
            Err(_) => look.within("anything", 0, sum.low.runs + stays.started, 0),
        }
        add(&mut whole, &total);
    }
    wrong.extend(whole_tenant(&mut client, tenant, &whole).await);
    wrong
}

fn range() -> (String, String) {
    let first = today() - Days::new(DAYS + 3);
    let last = today() + Days::new(1);
    (first.to_string(), last.to_string())
}

/// By user, of the sessions that are there.
fn stays(expected: &Expected, found: &[pb::Session]) -> BTreeMap<Uuid, Stays> {
    let mut all = BTreeMap::<Uuid, Stays>::new();
    for session in found {
        let id = Uuid::parse_str(&session.id).unwrap();
        let Some(known) = expected.sessions.get(&id) else {
            continue;
        };
        let stays = all.entry(known.user).or_default();
        stays.started += 1;
        stays.logins += i64::from(matches!(known.made, Call::Start { .. }));
        if session.state() == SessionState::Ended {
            stays.completed += 1;
            stays.seconds += seconds(session).unwrap_or(0);
        } else {
            stays.open += 1;
        }
    }
    all
}

fn add(sum: &mut pb::DailyUsage, day: &pb::DailyUsage) {
    sum.login_count += day.login_count;
    sum.active_seconds += day.active_seconds;
    sum.simulation_runs += day.simulation_runs;
    sum.documents_accessed += day.documents_accessed;
    sum.sessions_started += day.sessions_started;
    sum.sessions_completed += day.sessions_completed;
}

/// What is wrong with one user.
struct Look<'a> {
    user: Uuid,
    wrong: &'a mut Vec<String>,
}

impl Look<'_> {
    fn within(&mut self, what: &str, found: i64, low: i64, high: i64) {
        if found < low || found > high {
            let user = self.user;
            let told = format!("user {user}: {what} is {found}, and was {low} to {high}");
            self.wrong.push(told);
        }
    }

    fn days(&mut self, found: &[pb::DailyUsage], sent: &BTreeMap<String, Bounds>) {
        let found: BTreeMap<_, _> = found.iter().map(|day| (&day.date, day)).collect();
        for (date, Bounds { low, high }) in sent {
            let day = found.get(date).copied().cloned().unwrap_or_default();
            let uses = day.feature_usage.get(FEATURE).copied().unwrap_or(0);
            self.within(date, day.simulation_runs, low.runs, high.runs);
            self.within(date, day.documents_accessed, low.documents, high.documents);
            self.within(date, uses, low.uses, high.uses);
        }
    }

    fn sums(&mut self, total: &pb::DailyUsage, sent: Bounds, stays: Stays) {
        let Bounds { low, high } = sent;
        let Amounts {
            logins, seconds, ..
        } = low;
        let found = total.login_count - stays.logins;
        self.within("logins", found, logins, high.logins);
        let found = total.active_seconds - stays.seconds;
        self.within("seconds", found, seconds, high.seconds);
        self.within("runs", total.simulation_runs, low.runs, high.runs);
        let Stays {
            started, completed, ..
        } = stays;
        self.within("starts", total.sessions_started, started, started);
        self.within("ends", total.sessions_completed, completed, completed);
    }

    fn summary(&mut self, found: &pb::UserSummary, total: &pb::DailyUsage, stays: Stays) {
        let (logins, seconds) = (total.login_count, total.active_seconds);
        self.within("all logins", found.login_count, logins, logins);
        self.within("all seconds", found.total_usage_seconds, seconds, seconds);
        self.within("open sessions", found.open_sessions, stays.open, stays.open);
    }
}

/// The tenant's own sums are those of its users.
async fn whole_tenant(
    client: &mut UsageStatsServiceClient<Channel>,
    tenant: Uuid,
    whole: &pb::DailyUsage,
) -> Option<String> {
    let (start_date, end_date) = range();
    let request = pb::GetTenantUsageReportRequest {
        start_date,
        end_date,
        ..Default::default()
    };
    let report = client.get_tenant_usage_report(of(tenant, request)).await;
    let total = report.unwrap().into_inner().total.unwrap();
    let found = [
        total.login_count,
        total.active_seconds,
        total.simulation_runs,
        total.documents_accessed,
        total.sessions_started,
        total.sessions_completed,
    ];
    let sums = [
        whole.login_count,
        whole.active_seconds,
        whole.simulation_runs,
        whole.documents_accessed,
        whole.sessions_started,
        whole.sessions_completed,
    ];
    (found != sums).then(|| format!("tenant {tenant} has {found:?}, and its users {sums:?}"))
}

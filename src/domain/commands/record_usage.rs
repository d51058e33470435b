use std::time::Duration;

use chrono::NaiveDate;

use crate::domain::{
    calendar::plus_days,
    fingerprint::Fingerprint,
    ids::{RequestId, UserId},
    ledger::{Command, Halt, Ledger},
    rejection::{Rejection, UsedId},
    usage::{DailyUsage, UsageIncrement, UsageRequest},
};

/// Adds to a user's day, once for each request id.
#[derive(Clone, Debug)]
pub struct RecordUsage {
    pub user_id: UserId,
    /// Today, if `None`.
    pub date: Option<NaiveDate>,
    pub increment: UsageIncrement,
    /// The caller's id for this request, and what it is for.
    pub request: Option<(RequestId, Fingerprint)>,
}

impl Command for RecordUsage {
    type Outcome = DailyUsage;

    fn user(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<DailyUsage, Halt> {
        let today = ledger.today();
        let date = self.date.unwrap_or(today);
        ledger.locks.get(self.user_id)?;
        ledger.refuse_deleted(self.user_id)?;
        ledger.stored_days.want((self.user_id, date));
        if let Some((id, fingerprint)) = self.request
            && let Some(before) = ledger.requests.get(id)?
        {
            if before.fingerprint != fingerprint {
                return Err(Rejection::IdTaken(UsedId::Request).into());
            }
            let date = before.date;
            return ledger.day_so_far(self.user_id, date);
        }
        if date > plus_days(today, 1) {
            let rule = format!("must be at most one day after today, {today}");
            return Err(Rejection::invalid("date", rule).into());
        }

        let calendar = &ledger.settings().calendar;
        let begin = calendar.day_start(date).min(ledger.now);
        let end = calendar.day_start(plus_days(date, 1));
        let last = end.before(Duration::from_micros(1)).min(ledger.now);
        let mut day = ledger.day_so_far(self.user_id, date)?;
        day.counters.add(&self.increment)?;
        day.updated_at = ledger.now;
        // Fits, as the sum above does.
        ledger.day(self.user_id, date).add(&self.increment)?;
        let user = ledger.user(self.user_id, begin);
        user.login_count = user.login_count.saturating_add(self.increment.login_count);
        user.total_usage_seconds = user
            .total_usage_seconds
            .saturating_add(self.increment.active_seconds);
        user.seen(last.max(begin));
        if let Some((id, fingerprint)) = self.request {
            ledger.requests.put(
                id,
                UsageRequest {
                    id,
                    user_id: self.user_id,
                    date,
                    fingerprint,
                    created_at: ledger.now,
                },
            );
        }
        Ok(day)
    }
}

use std::time::Duration;

use crate::domain::{
    activity::{Activity, ActivityDetails},
    event::EventKind,
    fingerprint::Fingerprint,
    ids::{ActivityId, SessionId, UserId},
    ledger::{Command, Halt, Ledger},
    points::award::ReferenceType,
    rejection::{Rejection, UsedId},
    time::Timestamp,
};

/// Adds one activity to a session, and its points.
#[derive(Clone, Debug)]
pub struct LogActivity {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub activity_id: ActivityId,
    pub details: ActivityDetails,
    /// If `None`, it ended just now.
    pub start_time: Option<Timestamp>,
    pub duration: Duration,
    /// Set if the caller chose `activity_id`, which may then exist already.
    pub fingerprint: Option<Fingerprint>,
}

impl Command for LogActivity {
    type Outcome = Activity;

    fn user(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<Activity, Halt> {
        if self.fingerprint.is_some() {
            ledger.activities.want(self.activity_id);
        }
        let mut session = ledger.session(self.user_id, self.session_id)?;
        if let Some(fingerprint) = self.fingerprint
            && let Some(activity) = ledger.activities.get(self.activity_id)?
        {
            if activity.fingerprint != Some(fingerprint) {
                return Err(Rejection::IdTaken(UsedId::Activity).into());
            }
            return Ok(activity.clone());
        }
        let start = self.start_time;
        let started_at = start.unwrap_or_else(|| ledger.now.before(self.duration));
        let rates = ledger.settings().points;
        let points = rates.for_correct_items(session.items_correct, self.details.items_correct);
        let activity = Activity {
            id: self.activity_id,
            session_id: session.id,
            user_id: session.user_id,
            details: self.details.clone(),
            started_at,
            ended_at: started_at + self.duration,
            points_earned: points,
            fingerprint: self.fingerprint,
            created_at: ledger.now,
        };
        session.items_correct = session
            .items_correct
            .saturating_add(self.details.items_correct);
        session.points_earned = session.points_earned.saturating_add(points);
        session.updated_at = ledger.now;
        ledger.count_activity(&session, &activity)?;
        ledger.award(
            activity.user_id,
            points,
            ReferenceType::Activity,
            activity.id.0,
        );
        if session.is_open() {
            ledger.touch(&mut session);
        }
        ledger.tell(EventKind::ActivityLogged, &session);
        ledger.sessions.put(session.id, session);
        ledger.activities.put(activity.id, activity.clone());
        Ok(activity)
    }
}

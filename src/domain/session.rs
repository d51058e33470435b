//! One stay of one user: its states, its length and when it is over by itself.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    calendar::{Span, seconds},
    fingerprint::Fingerprint,
    ids::{SessionId, UserId},
    settings::TenantSettings,
    time::Timestamp,
};

/// Pauses that one session keeps.
pub const MAX_PAUSES: usize = 1_000;

/// What a session is about, outside this service.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Subject {
    pub kind: String,
    pub id: String,
    pub name: String,
}

/// Under what circumstances a session was opened. It does not change afterwards.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SessionContext {
    pub session_type: String,
    pub client_type: String,
    pub client_info: String,
    pub ip_address: Option<IpAddr>,
    pub subject: Option<Subject>,
    pub focus_mode: bool,
    pub location: String,
    /// A JSON object in its canonical text.
    pub metadata: Option<Arc<str>>,
}

/// What was said of a session at its end.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct SessionReview {
    pub completion: Option<CompletionStatus>,
    pub notes: String,
    /// 1 to 5.
    pub mood_rating: Option<u8>,
    /// 1 to 5.
    pub productivity_rating: Option<u8>,
    pub result: Option<SessionResult>,
}

/// What a practice session produced.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct SessionResult {
    pub words_spoken: i64,
    /// 0 to 100 by name.
    pub scores: BTreeMap<String, f64>,
    pub topics: Vec<String>,
    pub vocabulary_learned: Vec<String>,
    pub areas_to_improve: Vec<String>,
}

/// How much of what was planned got done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum CompletionStatus {
    Completed,
    Partial,
    Abandoned,
}

impl CompletionStatus {
    /// From a share of 0 to 1: all of it is completed, more than half is partial.
    #[must_use]
    pub fn from_progress(progress: f64) -> Self {
        if progress >= 1.0 {
            Self::Completed
        } else if progress > 0.5 {
            Self::Partial
        } else {
            Self::Abandoned
        }
    }
}

/// Why a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum EndReason {
    Logout,
    IdleTimeout,
    MaxLifetime,
    Revoked,
    /// Made room for a newer session of the same user.
    Evicted,
    /// Saved whole, after the fact.
    Recorded,
}

/// Where a session is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    Active,
    Paused { since: Timestamp },
    Ended { at: Timestamp, reason: EndReason },
}

/// A [`Phase`] without its details, to filter by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum SessionState {
    Active,
    Paused,
    Ended,
}

/// One stay of one user.
#[derive(Clone, PartialEq, Debug)]
pub struct Session {
    pub id: SessionId,
    pub user_id: UserId,
    pub context: SessionContext,
    pub phase: Phase,
    pub started_at: Timestamp,
    /// The local day of the start, by the calendar of that time.
    pub start_date: NaiveDate,
    /// The last sign of life.
    pub last_active_at: Timestamp,
    /// Pauses that are over, in order.
    pub pauses: Vec<Span>,
    pub review: SessionReview,
    /// Correct items of all its activities.
    pub items_correct: i64,
    pub points_earned: i64,
    /// When the sweep next looks at it: not after it is over, and rarely moved, so that a
    /// heartbeat changes no index of sessions.
    pub sweep_at: Option<Timestamp>,
    /// Of the request that made it, if the caller chose its id.
    pub fingerprint: Option<Fingerprint>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// How and when a session is over by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expiry {
    /// When it is found to be over.
    pub due_at: Timestamp,
    /// When it then ended.
    pub ended_at: Timestamp,
    pub reason: EndReason,
}

impl Session {
    /// A session that starts `now`.
    #[must_use]
    pub fn start(
        id: SessionId,
        user_id: UserId,
        context: SessionContext,
        settings: &TenantSettings,
        now: Timestamp,
    ) -> Self {
        let mut session = Self {
            id,
            user_id,
            context,
            phase: Phase::Active,
            started_at: now,
            start_date: settings.calendar.date_of(now),
            last_active_at: now,
            pauses: Vec::new(),
            review: SessionReview::default(),
            items_correct: 0,
            points_earned: 0,
            sweep_at: None,
            fingerprint: None,
            created_at: now,
            updated_at: now,
        };
        session.reschedule_sweep(settings);
        session
    }

    #[must_use]
    pub const fn state(&self) -> SessionState {
        match self.phase {
            Phase::Active => SessionState::Active,
            Phase::Paused { .. } => SessionState::Paused,
            Phase::Ended { .. } => SessionState::Ended,
        }
    }

    #[must_use]
    pub const fn is_open(&self) -> bool {
        !matches!(self.phase, Phase::Ended { .. })
    }

    #[must_use]
    pub const fn ended_at(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Ended { at, .. } => Some(at),
            _ => None,
        }
    }

    #[must_use]
    pub const fn end_reason(&self) -> Option<EndReason> {
        match self.phase {
            Phase::Ended { reason, .. } => Some(reason),
            _ => None,
        }
    }

    #[must_use]
    pub fn is_completed(&self) -> bool {
        self.review.completion == Some(CompletionStatus::Completed)
    }

    /// How it is over by itself if nothing more is heard: idle since the last sign of life,
    /// or its lifetime used up, whichever is first. `None` once ended, or if never.
    #[must_use]
    pub fn expiry(&self, settings: &TenantSettings) -> Option<Expiry> {
        if !self.is_open() {
            return None;
        }
        let idle = settings.idle_timeout.map(|timeout| Expiry {
            due_at: self.last_active_at + timeout,
            ended_at: self.last_active_at,
            reason: EndReason::IdleTimeout,
        });
        let lifetime = settings.max_lifetime.map(|lifetime| Expiry {
            due_at: self.started_at + lifetime,
            ended_at: self.started_at + lifetime,
            reason: EndReason::MaxLifetime,
        });
        idle.into_iter()
            .chain(lifetime)
            .min_by_key(|expiry| expiry.due_at)
    }

    /// The expiry that has come to pass by `now`, if any.
    #[must_use]
    pub fn expired(&self, settings: &TenantSettings, now: Timestamp) -> Option<Expiry> {
        self.expiry(settings).filter(|expiry| expiry.due_at <= now)
    }

    /// A sign of life.
    pub fn touch(&mut self, now: Timestamp) {
        self.last_active_at = self.last_active_at.max(now);
    }

    /// Stops the clock, if it runs and no earlier than it last began to.
    pub fn pause(&mut self, now: Timestamp) {
        if self.phase == Phase::Active {
            let resumed = self.pauses.last().map_or(self.started_at, |last| last.end);
            let since = now.max(resumed);
            self.phase = Phase::Paused { since };
        }
    }

    /// Lets the clock run again.
    pub fn resume(&mut self, now: Timestamp) {
        if let Phase::Paused { since } = self.phase {
            let end = now.max(since);
            self.pauses.push(Span { start: since, end });
            self.phase = Phase::Active;
        }
    }

    /// Ends it at `at`, which must not be before its start. Pauses after that are forgotten.
    /// Adds the points of its whole minutes.
    pub fn end(
        &mut self,
        at: Timestamp,
        reason: EndReason,
        review: SessionReview,
        settings: &TenantSettings,
    ) {
        if let Phase::Paused { since } = self.phase {
            let end = at.max(since);
            self.pauses.push(Span { start: since, end });
        }
        self.pauses.retain(|pause| pause.start < at);
        if let Some(last) = self.pauses.last_mut() {
            last.end = last.end.min(at);
        }
        self.phase = Phase::Ended { at, reason };
        self.review = review;
        self.sweep_at = None;
        self.touch(at);
        let points = self.time_points(at, settings);
        self.points_earned = self.points_earned.saturating_add(points);
    }

    /// Points for the whole minutes of its duration at `now`.
    #[must_use]
    pub fn time_points(&self, now: Timestamp, settings: &TenantSettings) -> i64 {
        let minutes = seconds(self.duration(now)) / 60;
        settings.points.for_minutes(minutes)
    }

    /// Has the sweep look at it again when it would be over.
    pub fn reschedule_sweep(&mut self, settings: &TenantSettings) {
        self.sweep_at = self.expiry(settings).map(|expiry| expiry.due_at);
    }

    /// The stretches from its start to its end (`now` while it is open) in which its clock ran.
    #[must_use]
    pub fn active_spans(&self, now: Timestamp) -> Vec<Span> {
        let (until, paused_since) = match self.phase {
            Phase::Active => (now, None),
            Phase::Paused { since } => (now, Some(since)),
            Phase::Ended { at, .. } => (at, None),
        };
        let open_pause = paused_since.map(|start| Span { start, end: until });
        let mut spans = Vec::with_capacity(self.pauses.len() + 1);
        let mut from = self.started_at;
        for pause in self.pauses.iter().copied().chain(open_pause) {
            let end = pause.start.min(until);
            spans.push(Span { start: from, end });
            from = pause.end;
        }
        spans.push(Span {
            start: from,
            end: until,
        });
        spans.retain(|span| span.start < span.end);
        spans
    }

    /// End (`now` while it is open) minus start minus pauses; never negative.
    #[must_use]
    pub fn duration(&self, now: Timestamp) -> Duration {
        self.active_spans(now).iter().map(Span::length).sum()
    }

    /// Its own seconds on each local day.
    #[must_use]
    pub fn seconds_by_day(
        &self,
        settings: &TenantSettings,
        now: Timestamp,
    ) -> Vec<(NaiveDate, i64)> {
        settings.calendar.split(&self.active_spans(now))
    }

    /// As it is at `now`: over, if its expiry has come to pass, whether or not the sweep has
    /// been there.
    #[must_use]
    pub fn view(mut self, settings: &TenantSettings, now: Timestamp) -> SessionView {
        if let Some(expiry) = self.expired(settings, now) {
            self.expire(expiry, settings);
        }
        SessionView {
            expires_at: self.expiry(settings).map(|expiry| expiry.due_at),
            duration: self.duration(now),
            session: self,
        }
    }

    /// Ends it as `expiry` says. Nobody said what got done.
    pub fn expire(&mut self, expiry: Expiry, settings: &TenantSettings) {
        let review = SessionReview::default();
        self.end(expiry.ended_at, expiry.reason, review, settings);
    }
}

/// A session as it is seen at one instant.
#[derive(Clone, PartialEq, Debug)]
pub struct SessionView {
    pub session: Session,
    /// When it ends by itself if nothing more is heard.
    pub expires_at: Option<Timestamp>,
    pub duration: Duration,
}

/// Which sessions are asked for. Empty and `None` are all.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct SessionFilter {
    pub user_id: Option<UserId>,
    pub states: Vec<SessionState>,
    pub session_type: Option<String>,
    pub client_type: Option<String>,
    pub completion: Option<CompletionStatus>,
    pub end_reason: Option<EndReason>,
    pub subject_type: Option<String>,
    pub subject_id: Option<String>,
    /// Started at or after.
    pub started_from: Option<Timestamp>,
    /// Started before.
    pub started_until: Option<Timestamp>,
}

/// How many sessions match, and their time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SessionTotals {
    pub count: i64,
    pub seconds: i64,
    pub ended_count: i64,
    pub ended_seconds: i64,
}

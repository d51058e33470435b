//! Goals on the ledger: what counts for them, how they end, and what comes after them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::{Halt, Ledger, Table};
use crate::domain::{
    goal::{
        Goal, GoalStatus, GoalType, GoalView, MAX_ACTIVE_GOALS,
        count::{GoalCount, GoalScope},
        progress::GoalProgress,
    },
    ids::{GoalId, UserId},
    insights::tally::Tally,
    rejection::{Entity, Rejection},
    session::Session,
};

/// Goals that a batch touches, and what they are counted from.
#[derive(Debug, Default)]
pub struct Goals {
    pub rows: Table<GoalId, Goal>,
    /// The goals of a user that are stored as ACTIVE. Their rows stand in `rows`.
    pub active: Table<UserId, BTreeSet<GoalId>>,
    /// The stored sums of the days of goals.
    pub done: Table<GoalScope, Tally>,
    /// The stored days of goals that were practised.
    pub practised: Table<GoalScope, BTreeSet<NaiveDate>>,
    /// The stored values of goals by day.
    pub values: Table<GoalId, BTreeMap<NaiveDate, f64>>,
    /// Days of progress to write.
    progress: BTreeMap<(GoalId, NaiveDate), GoalProgress>,
}

impl Goals {
    /// Forgets all changes.
    pub fn revert(&mut self) {
        self.rows.revert();
        self.active.revert();
        self.progress.clear();
    }

    /// Days of progress to write, by goal and date.
    pub fn progress(&self) -> impl Iterator<Item = &GoalProgress> {
        self.progress.values()
    }

    /// A goal's values by day, after the changes so far.
    pub fn values_of(&mut self, goal: GoalId) -> Result<BTreeMap<NaiveDate, f64>, Halt> {
        let mut values = self.values.get(goal)?.cloned().unwrap_or_default();
        let new = self.progress.values().filter(|day| day.goal_id == goal);
        values.extend(new.map(|day| (day.date, day.value)));
        Ok(values)
    }
}

impl Ledger {
    /// A goal of `user`, ended first if its last day is over: whatever touches it finds it so.
    pub fn goal(&mut self, user: UserId, id: GoalId) -> Result<Goal, Halt> {
        self.locks.get(user)?;
        let found = self.goals.rows.get(id)?.filter(|row| row.user_id == user);
        let goal = found.cloned().ok_or(Rejection::NotFound(Entity::Goal))?;
        if goal.status == GoalStatus::Active && goal.is_past(self.today()) {
            return self.keep_goal(goal);
        }
        Ok(goal)
    }

    /// Opens a goal: what was done on its days already counts for it.
    pub fn open_goal(&mut self, mut goal: Goal) -> Result<Goal, Halt> {
        self.recount_goal(&mut goal)?;
        self.keep_goal(goal)
    }

    /// Writes a goal that has changed, ended if it is reached, or else if its last day is over. A
    /// recurring one that ends opens the next.
    pub fn keep_goal(&mut self, mut goal: Goal) -> Result<Goal, Halt> {
        let today = self.today();
        goal.updated_at = self.now;
        if goal.status == GoalStatus::Active {
            if goal.is_reached() {
                goal.status = GoalStatus::Completed;
                goal.completed_at = Some(self.now);
            } else if goal.is_past(today) {
                goal.status = GoalStatus::Expired;
            }
            if let Some(next) = goal.next(today, self.now)
                && self.goals.rows.get(next.id)?.is_none()
            {
                self.open_goal(next)?;
            }
        }
        self.note_active(&goal, goal.status == GoalStatus::Active)?;
        self.goals.rows.put(goal.id, goal.clone());
        Ok(goal)
    }

    /// Deletes a goal and its progress.
    pub fn remove_goal(&mut self, goal: &Goal) -> Result<(), Halt> {
        self.note_active(goal, false)?;
        self.goals.rows.remove(goal.id);
        self.goals.progress.retain(|(id, _), _| *id != goal.id);
        Ok(())
    }

    /// Refuses one more ACTIVE goal of a user who has as many as there may be.
    pub fn check_room_for_goal(&mut self, user: UserId) -> Result<(), Halt> {
        let active = self.goals.active.get(user)?;
        if active.is_some_and(|active| active.len() >= MAX_ACTIVE_GOALS) {
            let limit = MAX_ACTIVE_GOALS;
            return Err(Rejection::TooManyGoals { limit }.into());
        }
        Ok(())
    }

    /// Counts everything on the goal's days anew.
    pub fn recount_goal(&mut self, goal: &mut Goal) -> Result<(), Halt> {
        let count = match goal.details.goal_type {
            GoalType::Custom => GoalCount::ZERO,
            GoalType::Streak => self.count_practised(goal)?,
            goal_type => {
                let mut count = GoalCount::ZERO;
                count.add(goal_type, &self.done_in(&goal.scope())?);
                count
            }
        };
        self.set_count(goal, count);
        Ok(())
    }

    /// Counts what was done in a session, which is added to its days already, for each goal of
    /// its user that it concerns.
    pub(super) fn count_for_goals(
        &mut self,
        session: &Session,
        done: &[(NaiveDate, Tally)],
    ) -> Result<(), Halt> {
        self.locks.get(session.user_id)?;
        let active = self.goals.active.get(session.user_id)?.cloned();
        for id in active.unwrap_or_default() {
            let mut goal = self.goal(session.user_id, id)?;
            if goal.status != GoalStatus::Active || !goal.concerns(session) {
                continue;
            }
            let mut count = goal.count;
            for (date, tally) in done {
                if goal.dates.contains(*date) {
                    count.add(goal.details.goal_type, tally);
                }
            }
            if goal.is_moved_by_day(session) {
                count = self.count_practised(&goal)?;
            }
            if count != goal.count {
                self.set_count(&mut goal, count);
                self.keep_goal(goal)?;
            }
        }
        Ok(())
    }

    /// A goal as it is seen when the batch decides.
    #[must_use]
    pub fn view_goal(&self, goal: Goal) -> GoalView {
        goal.view(&self.settings().calendar, self.today())
    }

    /// Writes a day of a goal's progress.
    pub fn note_progress(&mut self, goal: &mut Goal, mut day: GoalProgress) {
        goal.progress_date = goal.progress_date.max(Some(day.date));
        let key = (goal.id, day.date);
        let before = self.goals.progress.remove(&key);
        day.notes = day.notes.or(before.and_then(|before| before.notes));
        self.goals.progress.insert(key, day);
    }

    /// What was counted for a goal moves its value, on the day that it is.
    fn set_count(&mut self, goal: &mut Goal, count: GoalCount) {
        let (before, last_date) = (goal.value(), goal.count.last_date);
        goal.set_count(count);
        let value = goal.value();
        // A streak that was lost is shown as 0, and so moves to the 1 that it was.
        if value.total_cmp(&before).is_ne() || count.last_date != last_date {
            let day = GoalProgress {
                goal_id: goal.id,
                user_id: goal.user_id,
                date: self.today().min(goal.dates.end),
                value,
                notes: None,
                updated_at: self.now,
            };
            self.note_progress(goal, day);
        }
    }

    /// The streak of a goal.
    fn count_practised(&mut self, goal: &Goal) -> Result<GoalCount, Halt> {
        let scope = goal.scope();
        let mut days = self
            .goals
            .practised
            .get(scope.clone())?
            .cloned()
            .unwrap_or_default();
        let new = self.practice.practised(scope.user, scope.subject.as_ref());
        days.extend(new.filter(|date| scope.dates.contains(*date)));
        let calendar = &self.settings().calendar;
        Ok(GoalCount::of_practised(&days, calendar))
    }

    /// The sums of days, after what was added so far.
    fn done_in(&mut self, scope: &GoalScope) -> Result<Tally, Halt> {
        let stored = self.goals.done.get(scope.clone())?;
        let stored = stored.copied().unwrap_or_default();
        let new = self.performance.days().filter(|day| scope.holds(day));
        Ok(new.fold(stored, |sum, day| sum + day.tally))
    }

    /// Keeps count of the user's ACTIVE goals.
    fn note_active(&mut self, goal: &Goal, is_active: bool) -> Result<(), Halt> {
        let user = goal.user_id;
        let mut active = self.goals.active.get(user)?.cloned().unwrap_or_default();
        let more = match is_active {
            true if active.insert(goal.id) => 1,
            false if active.remove(&goal.id) => -1,
            _ => return Ok(()),
        };
        self.goals.active.put(user, active);
        self.user_unseen(user).active_goals += more;
        Ok(())
    }
}

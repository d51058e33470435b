//! What reports tell beside the metrics: points, notes, and how productive the time was.

use std::ops::AddAssign;

use chrono::NaiveDate;

use crate::domain::{
    activity::Activity, hundredths::Hundredths, session::Session, settings::TenantSettings,
    time::Timestamp,
};

/// The type of activity that is writing notes.
pub const NOTES: &str = "notes";

/// What ratings and focus weigh in a productivity score, in percent.
const RATING_WEIGHT: i64 = 80;
const FOCUS_WEIGHT: i64 = 20;
/// Ratings are from 1 to this.
const BEST_RATING: i64 = 5;

/// Sums over ended sessions and over activities, of a day or of many.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Effort {
    /// Points for the minutes of ended sessions, on the day of their start, and for correct
    /// items, on the day of the activity.
    pub points_earned: i64,
    /// Ended sessions with notes, and `notes` activities.
    pub notes_created: i64,
    /// Ended sessions with a productivity rating.
    pub ratings: i64,
    /// The sum of those ratings.
    pub rating_sum: i64,
    /// Each day's own seconds of ended sessions in focus mode.
    pub focus_seconds: i64,
}

impl Effort {
    /// What an activity adds to the local day of its own start, whether its session has ended
    /// or not.
    #[must_use]
    pub fn of_activity(activity: &Activity) -> Self {
        Self {
            points_earned: activity.points_earned,
            notes_created: i64::from(activity.details.activity_type == NOTES),
            ..Self::default()
        }
    }

    /// What an ended session adds to each local day: its time in focus mode to the days on
    /// which it was spent, the rest to the day of its start. What its activities earned is not
    /// in it. Nothing while it is open.
    #[must_use]
    pub fn of_session(
        session: &Session,
        settings: &TenantSettings,
        now: Timestamp,
    ) -> Vec<(NaiveDate, Self)> {
        let Some(ended_at) = session.ended_at() else {
            return Vec::new();
        };
        let rating = session.review.productivity_rating;
        let whole = Self {
            points_earned: session.time_points(ended_at, settings),
            notes_created: i64::from(!session.review.notes.is_empty()),
            ratings: i64::from(rating.is_some()),
            rating_sum: rating.map_or(0, i64::from),
            focus_seconds: 0,
        };
        let mut days = vec![(session.start_date, whole)];
        if session.context.focus_mode {
            let time = session.seconds_by_day(settings, now).into_iter();
            days.extend(time.map(|(date, focus_seconds)| {
                let focus = Self {
                    focus_seconds,
                    ..Self::default()
                };
                (date, focus)
            }));
        }
        days
    }

    /// How productive `active_seconds` of ended sessions were, 0 to 100; `None` without a rating.
    ///
    /// `0.8 * rating + 0.2 * focus`, where the mean rating of 1 to 5 is told as 0 to 100, and the
    /// focus is the share of the time that was spent in focus mode.
    #[must_use]
    pub fn productivity(&self, active_seconds: i64) -> Option<Hundredths> {
        let above_worst = self.rating_sum - self.ratings;
        let rating = Hundredths::percent(above_worst, self.ratings * (BEST_RATING - 1))?;
        // Days from before focus was counted have it on the day of the start alone.
        let focused = self.focus_seconds.min(active_seconds);
        let focus = Hundredths::percent(focused, active_seconds).unwrap_or_default();
        Hundredths::mean(
            RATING_WEIGHT * rating.0 + FOCUS_WEIGHT * focus.0,
            RATING_WEIGHT + FOCUS_WEIGHT,
        )
    }
}

impl AddAssign for Effort {
    fn add_assign(&mut self, other: Self) {
        let sums = [
            (&mut self.points_earned, other.points_earned),
            (&mut self.notes_created, other.notes_created),
            (&mut self.ratings, other.ratings),
            (&mut self.rating_sum, other.rating_sum),
            (&mut self.focus_seconds, other.focus_seconds),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rated(ratings: &[i64], focus_seconds: i64) -> Effort {
        Effort {
            ratings: ratings.len().try_into().unwrap(),
            rating_sum: ratings.iter().sum(),
            focus_seconds,
            ..Effort::default()
        }
    }

    #[test]
    fn productivity_is_four_parts_rating_and_one_part_focus() {
        let score = |ratings: &[i64], focus, time| {
            let score = rated(ratings, focus).productivity(time);
            score.map(|score| score.to_string())
        };
        let told = |text: &str| Some(text.to_owned());
        assert_eq!(score(&[], 60, 60), None);
        assert_eq!(score(&[1], 0, 60), told("0"));
        assert_eq!(score(&[5], 0, 60), told("80"));
        assert_eq!(score(&[5, 5], 60, 60), told("100"));
        assert_eq!(score(&[3, 4], 15, 60), told("55"));
        // 41.666.. percent is 41.67, and 0.8 times that 33.336.
        assert_eq!(score(&[2, 3, 3], 0, 0), told("33.34"));
        assert_eq!(score(&[5], 90, 60), told("100"));
    }
}

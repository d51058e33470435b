use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};

use super::{
    cast::{COMPANIES, Company},
    goals,
    person::{Person, Visit},
};
use uuid::Uuid;

fn people(company: &Company) -> impl Iterator<Item = Person> {
    (0..company.users).map(|number| Person::new(Uuid::nil(), number))
}

fn year() -> impl Iterator<Item = NaiveDate> {
    let first = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
    first.iter_days().take(365)
}

fn stay(visit: &Visit) -> (DateTime<Utc>, DateTime<Utc>) {
    let start = visit.session.start_time.unwrap().seconds;
    let end = start + visit.session.duration.unwrap().seconds;
    let time = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
    (time(start), time(end))
}

#[test]
fn a_day_is_the_same_whenever_it_is_told() {
    for company in &COMPANIES {
        for (one, other) in people(company).zip(people(company)).take(5) {
            for date in year().take(40) {
                let (first, again) = (one.day(company, date), other.day(company, date));
                assert_eq!(first.usage, again.usage);
                assert_eq!(first.visits.len(), again.visits.len());
                for (visit, same) in first.visits.iter().zip(&again.visits) {
                    assert_eq!(visit.session, same.session);
                    assert_eq!(visit.activities, same.activities);
                }
            }
        }
    }
}

#[test]
fn sessions_follow_each_other_on_a_day_that_is_one_in_utc_too() {
    for company in &COMPANIES {
        for person in people(company) {
            for date in year() {
                let mut over = None;
                for visit in person.day(company, date).visits {
                    let (start, end) = stay(&visit);
                    assert!(over.is_none_or(|over| over < start));
                    over = Some(end);
                    let local = |time: DateTime<Utc>| time.with_timezone(&company.zone);
                    for time in [start, end] {
                        assert_eq!(time.date_naive(), date, "{}", company.name);
                        assert_eq!(local(time).date_naive(), date, "{}", company.name);
                    }
                    for activity in &visit.activities {
                        let at = activity.start_time.unwrap().seconds;
                        let until = at + activity.duration.unwrap().seconds;
                        assert!(start.timestamp() <= at && until <= end.timestamp());
                        assert!((0..=activity.items_completed).contains(&activity.items_correct));
                    }
                }
            }
        }
    }
}

#[test]
fn no_id_is_used_twice() {
    for company in &COMPANIES {
        let mut ids = BTreeSet::new();
        let mut new = |id: &String| assert!(ids.insert(id.clone()), "{id}");
        for person in people(company) {
            for date in year().take(60) {
                let day = person.day(company, date);
                day.usage.iter().for_each(|usage| new(&usage.request_id));
                for visit in &day.visits {
                    new(&visit.session.session_id);
                    visit
                        .activities
                        .iter()
                        .for_each(|one| new(&one.activity_id));
                }
            }
            let today = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
            let plans = goals::plans(&person, company, today);
            for plan in plans {
                new(&plan.goal.id);
            }
        }
    }
}

#[test]
fn a_year_is_believable() {
    for company in &COMPANIES {
        let sessions = |person: &Person, dates: &mut dyn Iterator<Item = NaiveDate>| -> usize {
            dates
                .map(|date| person.day(company, date).visits.len())
                .sum()
        };
        let each: Vec<_> = people(company)
            .map(|person| sessions(&person, &mut year()))
            .collect();
        // Some come nearly always, others now and then; nobody never.
        assert!(each.iter().any(|sessions| *sessions > 365), "{each:?}");
        assert!(each.iter().any(|sessions| *sessions < 120), "{each:?}");
        assert!(each.iter().all(|sessions| *sessions > 0), "{each:?}");
    }
}

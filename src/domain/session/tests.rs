use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const START: Timestamp = Timestamp::from_micros(1_795_000_000_000_000);

fn after(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

fn started(settings: &TenantSettings) -> Session {
    let context = SessionContext {
        session_type: "normal".to_owned(),
        client_type: "web".to_owned(),
        client_info: String::new(),
        ip_address: None,
        subject: None,
        focus_mode: false,
        location: String::new(),
        metadata: None,
    };
    let (id, user) = (SessionId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
    Session::start(id, user, context, settings, START)
}

fn limits(idle: Option<u64>, lifetime: Option<u64>) -> TenantSettings {
    TenantSettings {
        idle_timeout: idle.map(Duration::from_secs),
        max_lifetime: lifetime.map(Duration::from_secs),
        ..TenantSettings::default()
    }
}

#[test]
fn a_silent_session_ends_at_its_last_sign_of_life() {
    let settings = limits(Some(60), Some(1_000));
    let mut session = started(&settings);
    session.touch(after(10));
    assert_eq!(session.expired(&settings, after(69)), None);
    let view = session.view(&settings, after(70));
    assert_eq!(view.session.ended_at(), Some(after(10)));
    assert_eq!(view.session.end_reason(), Some(EndReason::IdleTimeout));
    assert_eq!(view.duration, Duration::from_secs(10));
    assert_eq!(view.session.review.completion, None);
}

#[test]
fn a_lively_session_ends_with_its_lifetime() {
    let settings = limits(Some(60), Some(1_000));
    let mut session = started(&settings);
    session.touch(after(990));
    let view = session.view(&settings, after(1_005));
    assert_eq!(view.session.ended_at(), Some(after(1_000)));
    assert_eq!(view.session.end_reason(), Some(EndReason::MaxLifetime));
}

#[test]
fn without_limits_it_never_ends_by_itself() {
    let settings = limits(None, None);
    let session = started(&settings);
    assert_eq!(session.sweep_at, None);
    assert_eq!(session.expiry(&settings), None);
}

#[test]
fn a_pause_stops_the_clock_and_an_end_closes_it() {
    let settings = limits(None, None);
    let mut session = started(&settings);
    session.pause(after(10));
    session.pause(after(15));
    assert_eq!(session.duration(after(20)), Duration::from_secs(10));
    session.resume(after(30));
    session.pause(after(40));
    let review = SessionReview::default();
    session.end(after(100), EndReason::Logout, review, &settings);
    assert_eq!(session.duration(after(500)), Duration::from_secs(20));
}

#[test]
fn an_end_in_the_past_forgets_later_pauses() {
    let settings = limits(None, None);
    let mut session = started(&settings);
    session.pause(after(10));
    session.resume(after(30));
    session.pause(after(50));
    let review = SessionReview::default();
    session.end(after(20), EndReason::Logout, review, &settings);
    assert_eq!(session.duration(after(500)), Duration::from_secs(10));
    assert_eq!(session.pauses.len(), 1);
}

#[test]
fn a_clock_that_steps_back_takes_no_time_away() {
    let settings = limits(None, None);
    let mut session = started(&settings);
    session.touch(after(100));
    session.touch(after(50));
    assert_eq!(session.last_active_at, after(100));
    session.pause(START.before(Duration::from_hours(1)));
    session.resume(START.before(Duration::from_hours(2)));
    assert_eq!(session.duration(after(10)), Duration::from_secs(10));
}

proptest! {
    #[test]
    fn seconds_of_days_add_up_to_the_duration(
        steps in prop::collection::vec((0_u8..3, 0_i64..30_000_000_000), 0..30),
        zone in prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
    ) {
        let settings = TenantSettings {
            calendar: crate::domain::calendar::Calendar::of(zone),
            ..limits(None, None)
        };
        let mut session = started(&settings);
        let mut now = START;
        for (step, micros) in steps {
            now = now + Duration::from_micros(micros.unsigned_abs());
            match step {
                0 => session.pause(now),
                1 => session.resume(now),
                _ => session.touch(now),
            }
        }
        let by_day = session.seconds_by_day(&settings, now);
        let sum: i64 = by_day.iter().map(|(_, part)| part).sum();
        prop_assert_eq!(sum, seconds(session.duration(now)));
        prop_assert!(session.duration(now) <= now.since(START));
    }
}

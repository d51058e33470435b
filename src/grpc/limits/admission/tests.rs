use proptest::{collection, prelude::*};
use uuid::Uuid;

use super::*;

const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

#[expect(clippy::disallowed_methods, reason = "tests make their tenants")]
fn tenant(number: u128) -> TenantId {
    TenantId::from_verified(Uuid::from_u128(number))
}

fn slots(calls: u32, streams: u32) -> Slots {
    Slots { calls, streams }
}

/// Room for anything, at a thousand calls in a second.
fn limits() -> Limits {
    Limits {
        all: slots(1_000_000, 1_000_000),
        tenant: slots(1_000_000, 1_000_000),
        rate: 1_000,
        burst: 1,
    }
}

#[test]
fn a_tenant_has_its_places_and_all_of_them_have_theirs() {
    let limits = Limits {
        all: slots(3, 1),
        tenant: slots(2, 1),
        burst: 100,
        ..limits()
    };
    let mut admission = Admission::new(limits);
    let mut enter = |number, kind| admission.enter(tenant(number), kind, START);
    assert_eq!(enter(1, Kind::Call), Ok(()));
    assert_eq!(enter(1, Kind::Call), Ok(()));
    let busy = Err(Refusal::TenantBusy(Kind::Call));
    assert_eq!(enter(1, Kind::Call), busy);
    assert_eq!(enter(1, Kind::Stream), Ok(()));
    assert_eq!(enter(2, Kind::Call), Ok(()));
    assert_eq!(enter(2, Kind::Call), Err(Refusal::Busy(Kind::Call)));
    assert_eq!(enter(2, Kind::Stream), Err(Refusal::Busy(Kind::Stream)));
    assert!(admission.is_full(Kind::Call) && admission.is_full(Kind::Stream));
    admission.leave(tenant(1), Kind::Call);
    assert!(!admission.is_full(Kind::Call) && admission.is_full(Kind::Stream));
    assert_eq!(admission.enter(tenant(2), Kind::Call, START), Ok(()));
}

#[test]
fn what_is_refused_says_when_to_come_back() {
    let mut admission = Admission::new(Limits {
        burst: 3,
        ..limits()
    });
    let mut enter = |now| admission.enter(tenant(1), Kind::Call, now);
    for _ in 0..3 {
        assert_eq!(enter(START), Ok(()));
    }
    let wait = Duration::from_millis(1);
    assert_eq!(enter(START), Err(Refusal::TooFast { wait }));
    let early = START + Duration::from_micros(400);
    let wait = Duration::from_micros(600);
    assert_eq!(enter(early), Err(Refusal::TooFast { wait }));
    assert_eq!(enter(early + wait), Ok(()));
    assert_eq!(admission.enter(tenant(2), Kind::Call, START), Ok(()));
}

#[test]
fn a_clock_that_is_set_back_costs_nobody_anything() {
    let mut admission = Admission::new(Limits {
        burst: 5,
        ..limits()
    });
    let mut enter = |now| admission.enter(tenant(1), Kind::Call, now);
    for _ in 0..5 {
        assert_eq!(enter(START), Ok(()));
    }
    let earlier = START.before(Duration::from_hours(1));
    for _ in 0..5 {
        assert_eq!(enter(earlier), Ok(()));
    }
    assert!(enter(earlier).is_err());
}

#[test]
fn tenants_that_are_gone_are_forgotten() {
    let mut admission = Admission::new(limits());
    let mut now = START;
    for number in 0..1_000_000 {
        assert_eq!(admission.enter(tenant(number), Kind::Call, now), Ok(()));
        // One in a thousand stays.
        if number % 1_000 != 0 {
            admission.leave(tenant(number), Kind::Call);
        }
        now = now + Duration::from_micros(10);
    }
    assert!(admission.tenants.len() <= 4_096);
    assert_eq!(admission.all, slots(1_000, 0));
    let stays = |number| admission.tenants.contains_key(&tenant(number));
    assert!((0..1_000_000).step_by(1_000).all(stays));
}

/// By the letter: since no call before it may there have come more, this one included, than the
/// burst and one for each distance of time that went by.
fn naive(times: &[u64], limits: Limits) -> Vec<bool> {
    let distance = u64::from(1_000_000 / limits.rate);
    let mut taken: Vec<u64> = Vec::new();
    let mut enter = |now: u64| {
        let fits = (1..).zip(taken.iter().rev()).all(|(before, time)| {
            let over = (before + 1_u64).saturating_sub(limits.burst.into());
            over * distance <= now - time
        });
        if fits {
            taken.push(now);
        }
        fits
    };
    times.iter().map(|now| enter(*now)).collect()
}

proptest! {
    #[test]
    fn the_rate_is_that_of_a_naive_count(
        gaps in collection::vec(0_u64..4_000, 0..80),
        burst in 1_u32..6,
    ) {
        let limits = Limits { burst, ..limits() };
        let mut admission = Admission::new(limits);
        let mut now = 0;
        let times: Vec<_> = gaps
            .into_iter()
            .map(|gap| {
                now += gap;
                now
            })
            .collect();
        let entered: Vec<_> = times
            .iter()
            .map(|time| {
                let now = START + Duration::from_micros(*time);
                admission.enter(tenant(1), Kind::Call, now).is_ok()
            })
            .collect();
        prop_assert_eq!(entered, naive(&times, limits));
    }
}

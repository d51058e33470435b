//! The pace against batches of known costs.

use proptest::prelude::*;

use super::*;

const MILLI: Duration = Duration::from_millis(1);

/// What is taken in the end of a queue that is never empty, of writes that cost so much each and
/// a batch by itself.
fn settled(in_company: bool, batch: Duration, write: Duration) -> u32 {
    let mut pace = Pace::default();
    for _ in 0..100 {
        let taken = pace.most(in_company);
        pace.took(taken, batch + write * u32::try_from(taken).unwrap());
    }
    u32::try_from(pace.most(in_company)).unwrap()
}

#[test]
fn a_batch_takes_as_long_as_it_is_to() {
    for (in_company, aim) in [(true, IN_COMPANY), (false, ALONE)] {
        for (batch, write) in [(2 * MILLI, MILLI / 10), (MILLI, MILLI / 8)] {
            let taken = settled(in_company, batch, write);
            let time = batch + write * taken;
            assert!(
                aim.mul_f64(0.9) < time && time < aim.mul_f64(1.1),
                "{taken} writes take {time:?}"
            );
        }
    }
}

#[test]
fn it_has_bounds() {
    let (least, most) = (u32::try_from(LEAST).unwrap(), u32::try_from(MOST).unwrap());
    assert_eq!(settled(true, 2 * MILLI, 5 * MILLI), least);
    assert_eq!(settled(false, MILLI, MILLI / 100), most);
    assert_eq!(settled(false, Duration::ZERO, Duration::ZERO), least);
}

#[test]
fn lone_writes_do_not_make_it_timid() {
    let mut pace = Pace::default();
    (0..1_000).for_each(|_| pace.took(1, MILLI));
    let rush = pace.most(false);
    pace.took(rush, 2 * MILLI + MILLI / 20 * 64);
    (0..20).for_each(|_| pace.took(pace.most(false), 20 * MILLI));
    assert!(rush >= 64 && pace.most(false) > rush, "{rush}");
}

#[test]
fn a_stall_is_soon_forgotten() {
    let mut pace = Pace::default();
    (0..100).for_each(|_| pace.took(200, 40 * MILLI));
    let before = pace.most(false);
    pace.took(200, Duration::from_mins(1));
    assert!(pace.most(false) * 10 >= before * 8);
    (0..20).for_each(|_| pace.took(200, 40 * MILLI));
    assert!(pace.most(false).abs_diff(before) <= 5);
}

proptest! {
    #[test]
    fn it_is_the_weighted_mean(
        batches in prop::collection::vec((1..=500_usize, 1..10_000_000_u64), 1..50),
    ) {
        let mut pace = Pace::default();
        let (mut time, mut writes) = (0.0, 0.0);
        for (taken, micros) in batches {
            let took = Duration::from_micros(micros);
            pace.took(taken, took);
            time = time * 7.0 / 8.0 + took.min(STALL).as_secs_f64();
            writes = writes * 7.0 / 8.0 + f64::from(u32::try_from(taken).unwrap());
        }
        for (in_company, aim) in [(true, 0.02), (false, 0.04)] {
            let expected = (aim * writes / time).clamp(64.0, 500.0);
            let most = f64::from(u32::try_from(pace.most(in_company)).unwrap());
            prop_assert!((most - expected).abs() <= 1.0 + expected / 100.0, "{most} {expected}");
        }
    }
}

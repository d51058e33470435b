#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{scale::Scale, *};

/// What stands in `name="..."` of each element that begins so.
fn attributes(svg: &str, element: &str, name: &str) -> Vec<f64> {
    let elements = svg.split(element).skip(1);
    elements
        .map(|rest| {
            let tag = rest.split('>').next().unwrap();
            let value = tag.split(&format!(" {name}=\"")).nth(1).unwrap();
            value.split('"').next().unwrap().parse().unwrap()
        })
        .collect()
}

fn values(numbers: &[i64]) -> Vec<(String, i64)> {
    let numbered = numbers.iter().enumerate();
    numbered
        .map(|(index, value)| (format!("d{index}"), *value))
        .collect()
}

#[test]
fn marks_are_round_and_have_room_for_all() {
    for (most, labels) in [
        (0.0, vec!["0", "1"]),
        (1.0, vec!["0", "0.25", "0.5", "0.75", "1"]),
        (4.0, vec!["0", "1", "2", "3", "4"]),
        (7.0, vec!["0", "2", "4", "6", "8"]),
        (99.0, vec!["0", "25", "50", "75", "100"]),
        (38_000.0, vec!["0", "10k", "20k", "30k", "40k"]),
    ] {
        let marks = Scale::of([most].into_iter()).marks();
        let found: Vec<_> = marks.iter().map(|mark| &*mark.label).collect();
        assert_eq!(found, labels, "{most}");
    }
    let whole = Scale::of_whole([1.0].into_iter()).marks();
    assert_eq!(whole.len(), 2);
}

#[test]
fn a_scale_goes_from_its_bottom_to_its_top() {
    for most in [1e-9, 0.3, 1.0, 12.0, 1e6, 9.2e18, 1e300] {
        let scale = Scale::of([most].into_iter());
        assert!((scale.y(0.0) - (TOP + HEIGHT)).abs() < 1e-9);
        assert!(
            scale.y(most) >= TOP && scale.y(most) <= TOP + HEIGHT * 0.5,
            "{most}"
        );
        assert!(scale.marks().len() >= 2, "{most}");
    }
    let odd = Scale::of([f64::NAN, f64::INFINITY, -5.0].into_iter());
    for value in [f64::NAN, -5.0] {
        assert!((odd.y(value) - (TOP + HEIGHT)).abs() < 1e-9);
    }
}

#[test]
fn columns_stand_on_the_ground_in_order() {
    let svg = columns("Logins", "logins", &values(&[0, 2, 4, 1]));
    let (y, height) = (
        attributes(&svg, "<rect", "y"),
        attributes(&svg, "<rect", "height"),
    );
    for (y, height) in y.iter().zip(&height) {
        assert!((y + height - (TOP + HEIGHT)).abs() < 0.11);
    }
    assert_eq!(height, [0.0, 80.0, 160.0, 40.0]);
    let x = attributes(&svg, "<rect", "x");
    assert!(x.is_sorted() && x[0] >= LEFT && x[3] < WIDTH);
}

#[test]
fn columns_of_nothing_of_one_and_of_a_lot() {
    assert!(columns("t", "w", &[]).contains("No data"));
    assert_eq!(
        attributes(&columns("t", "w", &values(&[3])), "<rect", "width"),
        [44.0]
    );
    let many = columns("t", "w", &values(&vec![i64::MAX; 1_100]));
    assert_eq!(attributes(&many, "<rect", "width").len(), 1_100);
    assert!(many.contains("9,223,372,036,854,775,807") && !many.contains("NaN"));
    assert!(many.matches("class=\"name\"").count() <= 8);
}

#[test]
fn lines_meet_their_points_and_leave_gaps_out() {
    let series = [
        Series {
            name: "fluency".to_owned(),
            points: vec![("03-01".to_owned(), 50.0), ("03-03".to_owned(), 100.0)],
        },
        Series {
            name: "grammar".to_owned(),
            points: vec![("03-02".to_owned(), 75.0)],
        },
    ];
    let svg = lines("Scores", "Day", &series);
    let (x, y) = (
        attributes(&svg, "<circle", "cx"),
        attributes(&svg, "<circle", "cy"),
    );
    assert_eq!(y[..3], [TOP + 80.0, TOP, TOP + 40.0]);
    assert_eq!(x[..3], [80.0, 608.0, 344.0]);
    assert_eq!(
        svg.matches("<polyline").count(),
        1,
        "a line needs two points"
    );
    assert!(lines("Scores", "Day", &[]).contains("No data"));
}

#[test]
fn a_year_has_a_cell_for_each_day_on_its_weekday() {
    let date = |text: &str| text.parse::<NaiveDate>().unwrap();
    let day = |sessions, seconds| Day { sessions, seconds };
    let done = BTreeMap::from([
        (date("2026-03-02"), day(1, 3_600)),
        (date("2026-03-08"), day(2, 0)),
        (date("2026-03-09"), day(0, 900)),
    ]);
    let svg = year("Year", date("2025-03-10"), date("2026-03-09"), &done);
    let svg = svg.split("class=\"key\"").next().unwrap();
    let (x, y) = (attributes(svg, "<rect", "x"), attributes(svg, "<rect", "y"));
    assert_eq!(x.len(), 365);
    assert_eq!((x[0], y[0]), (34.0, 20.0));
    assert_eq!((x[1], y[1]), (34.0, 33.0));
    assert_eq!((x[364], y[364]), (34.0 + 52.0 * 13.0, 20.0));
    for (level, cells) in [(4, 1), (1, 1), (2, 1), (0, 362)] {
        assert_eq!(
            svg.matches(&format!("class=\"l{level}\"")).count(),
            cells,
            "{level}"
        );
    }
    assert!(svg.contains("Mon 2026-03-02: 1 session, 1 h 0 min"));
}

#[test]
fn levels_are_shares_of_the_most() {
    let of = |seconds| {
        super::year::level(
            Day {
                sessions: 1,
                seconds,
            },
            100,
        )
    };
    assert_eq!(
        [0, 1, 24, 25, 49, 50, 75, 99, 100].map(of),
        [1, 1, 1, 2, 2, 3, 4, 4, 4]
    );
    assert_eq!(super::year::level(Day::default(), 0), 0);
    assert_eq!(
        super::year::level(
            Day {
                sessions: 1,
                seconds: i64::MAX
            },
            i64::MAX
        ),
        4
    );
}

#[test]
fn hours_are_seven_rows_of_twenty_four() {
    let mut counts = [0; 168];
    counts[25] = 5;
    let svg = hours("Hours", &counts);
    assert_eq!(svg.matches("<rect").count(), 168);
    assert!(svg.contains("Tue 01:00: 5 sessions"));
    assert_eq!(hours("Hours", &[]).matches("<rect").count(), 168);
}

#[test]
fn whatever_is_named_is_text() {
    let evil = "<script>\"'&</script>".to_owned();
    let series = Series {
        name: evil.clone(),
        points: vec![(evil.clone(), 1.0), ("b".to_owned(), 2.0)],
    };
    let rank = Rank {
        name: evil.clone(),
        link: String::new(),
        amount: 1,
        text: evil.clone(),
    };
    for chart in [
        columns(&evil, &evil, &[(evil.clone(), 1)]),
        lines(&evil, &evil, &[series]),
        ranking(&evil, &evil, &evil, &[rank]),
        hours(&evil, &[]),
    ] {
        assert!(
            !chart.contains("<script") && chart.contains("&#60;script"),
            "{chart}"
        );
        assert!(!chart.contains("\"'&"));
    }
}

#[test]
fn bars_are_as_long_as_their_share() {
    let rank = |amount| Rank {
        name: "a".to_owned(),
        link: String::new(),
        amount,
        text: amount.to_string(),
    };
    let chart = ranking("t", "n", "w", &[rank(200), rank(50), rank(0), rank(-7)]);
    assert_eq!(
        attributes(&chart, "<rect class=\"bar\"", "width"),
        [100.0, 25.0, 0.0, 0.0]
    );
    assert!(ranking("t", "n", "w", &[]).contains("No data"));
}

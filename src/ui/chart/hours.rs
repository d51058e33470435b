//! Seven weekdays by twenty-four hours: the more sessions began then, the stronger.

use askama::Template;

use super::{
    Chart,
    year::{Day, level},
};
use crate::ui::text;

const PITCH: usize = 24;
const LEFT: usize = 40;
const TOP: usize = 22;
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

struct Cell {
    x: usize,
    level: u8,
    count: i64,
    text: String,
}

struct Row {
    weekday: &'static str,
    y: usize,
    cells: Vec<Cell>,
}

#[derive(Template)]
#[template(path = "chart/hours.html")]
struct Drawing<'a> {
    title: &'a str,
    rows: Vec<Row>,
    hours: Vec<(usize, usize)>,
    total: i64,
}

/// `counts` are 7 times 24, Monday 00:00 first; what is missing is 0.
pub fn hours(title: &str, counts: &[i64]) -> Chart {
    let most = counts.iter().copied().max().unwrap_or(0);
    let rows = WEEKDAYS.into_iter().enumerate().map(|(day, weekday)| {
        let cells = (0..24).map(|hour| {
            let count = counts.get(day * 24 + hour).copied().unwrap_or(0);
            let here = Day {
                sessions: count,
                seconds: count,
            };
            Cell {
                x: LEFT + hour * PITCH,
                level: level(here, most),
                count,
                text: format!(
                    "{weekday} {hour:02}:00: {}",
                    text::several(count, "session")
                ),
            }
        });
        Row {
            weekday,
            y: TOP + day * PITCH,
            cells: cells.collect(),
        }
    });
    let chart = Drawing {
        title,
        rows: rows.collect(),
        hours: (0..24).map(|hour| (hour, LEFT + hour * PITCH)).collect(),
        total: counts
            .iter()
            .fold(0, |sum: i64, count| sum.saturating_add(*count)),
    };
    chart.render().unwrap_or_default()
}

//! A year of days, a column for each week, Monday on top: the more was done, the stronger.

use std::collections::BTreeMap;

use askama::Template;
use chrono::{Datelike, NaiveDate};

use super::Chart;
use crate::{domain::calendar::days, ui::text};

/// The distance of two days, and the room for the names of weekdays and months.
const PITCH: i64 = 13;
const LEFT: i64 = 34;
const TOP: i64 = 20;
/// A month is named if so many columns are between it and the one before.
const APART: i64 = 3;

/// What was done on a day.
#[derive(Clone, Copy, Debug, Default)]
pub struct Day {
    pub sessions: i64,
    pub seconds: i64,
}

struct Cell {
    x: i64,
    y: i64,
    level: u8,
    text: String,
}

struct Month {
    x: i64,
    name: String,
}

struct Row {
    date: NaiveDate,
    sessions: String,
    time: String,
}

#[derive(Template)]
#[template(path = "chart/year.html")]
struct Year<'a> {
    title: &'a str,
    cells: Vec<Cell>,
    months: Vec<Month>,
    rows: Vec<Row>,
    width: i64,
    height: i64,
}

/// The days from `first` to `last`, at most some four hundred.
pub fn year(
    title: &str,
    first: NaiveDate,
    last: NaiveDate,
    done: &BTreeMap<NaiveDate, Day>,
) -> Chart {
    let monday = i64::from(first.to_epoch_days()) - weekday(first);
    let most = done.values().map(|day| day.seconds).max().unwrap_or(0);
    let place = |date: NaiveDate| (i64::from(date.to_epoch_days()) - monday) / 7 * PITCH + LEFT;
    let mut months: Vec<Month> = Vec::new();
    let mut cells = Vec::new();
    for date in days(first, last) {
        let x = place(date);
        if date.day() == 1 || date == first {
            if months
                .last()
                .is_some_and(|before| x - before.x < APART * PITCH)
            {
                months.pop();
            }
            let name = date.format("%b").to_string();
            months.push(Month { x, name });
        }
        let day = done.get(&date).copied().unwrap_or_default();
        cells.push(Cell {
            x,
            y: weekday(date) * PITCH + TOP,
            level: level(day, most),
            text: said(date, day),
        });
    }
    let rows = done.iter().map(|(date, day)| Row {
        date: *date,
        sessions: text::count(day.sessions),
        time: text::span(day.seconds),
    });
    let chart = Year {
        title,
        width: place(last) + PITCH + 2,
        height: TOP + 7 * PITCH + 2,
        cells,
        months,
        rows: rows.collect(),
    };
    chart.render().unwrap_or_default()
}

fn weekday(date: NaiveDate) -> i64 {
    i64::from(date.weekday().num_days_from_monday())
}

/// 0 for nothing; 1 to 4 by the share of the most. A day on which something was done is never
/// 0, also where it took no time.
pub fn level(day: Day, most: i64) -> u8 {
    if day.sessions <= 0 && day.seconds <= 0 {
        return 0;
    }
    let share = i128::from(day.seconds.max(0)) * 4 / i128::from(most.max(1));
    let level = share + i128::from(share < 4);
    u8::try_from(level.clamp(1, 4)).unwrap_or(4)
}

fn said(date: NaiveDate, day: Day) -> String {
    let date = date.format("%a %Y-%m-%d");
    if day.sessions == 0 && day.seconds == 0 {
        return format!("{date}: nothing");
    }
    let sessions = text::several(day.sessions, "session");
    format!("{date}: {sessions}, {}", text::span(day.seconds))
}

//! Lines over time, up to as many as there are colours.

use std::collections::BTreeSet;

use askama::Template;

use super::{
    Chart, HEIGHT, LEFT, TOP, WIDTH, coordinate,
    scale::{Mark, Scale},
};
use crate::ui::text;

/// Lines that can be told apart.
const COLOURS: usize = 6;
/// Labels that fit below the lines.
const LABELS: usize = 4;

/// A line: its values by the label of the place that they are at.
pub struct Series {
    pub name: String,
    pub points: Vec<(String, f64)>,
}

struct Point {
    x: String,
    y: String,
    label: String,
    value: String,
}

struct Line {
    name: String,
    colour: usize,
    /// The points of a polyline.
    path: String,
    points: Vec<Point>,
}

struct Label {
    x: String,
    text: String,
}

struct Row {
    label: String,
    values: Vec<String>,
}

#[derive(Template)]
#[template(path = "chart/lines.html")]
struct Drawing<'a> {
    title: &'a str,
    place: &'a str,
    lines: Vec<Line>,
    labels: Vec<Label>,
    rows: Vec<Row>,
    marks: Vec<Mark>,
    left: f64,
    right: f64,
    below: f64,
    total_height: f64,
}

/// Draws the first six series over all places that any of them has, in the order of their labels,
/// which are dates or periods. `place` says what those are.
pub fn lines(title: &str, place: &str, series: &[Series]) -> Chart {
    let series = series.get(..COLOURS).unwrap_or(series);
    let values = series.iter().flat_map(|line| &line.points);
    let scale = Scale::of(values.clone().map(|(_, value)| *value));
    let places: BTreeSet<_> = values.map(|(label, _)| label.as_str()).collect();
    let places: Vec<_> = places.into_iter().collect();
    let steps = u32::try_from(places.len().saturating_sub(1)).unwrap_or(u32::MAX);
    // Half a label's width stays free on both sides.
    let (first, last) = (LEFT + 24.0, WIDTH - 32.0);
    let x = |label: &str| {
        let before = places.partition_point(|place| *place < label);
        let before = u32::try_from(before).unwrap_or(u32::MAX);
        match steps {
            0 => f64::midpoint(first, last),
            _ => first + (last - first) * f64::from(before) / f64::from(steps),
        }
    };
    let drawn = series.iter().enumerate().map(|(colour, line)| {
        let points = line.points.iter().map(|(label, value)| Point {
            x: coordinate(x(label)),
            y: coordinate(scale.y(*value)),
            label: label.clone(),
            value: text::number(*value),
        });
        let points: Vec<_> = points.collect();
        let path: Vec<_> = points
            .iter()
            .map(|point| format!("{},{}", point.x, point.y))
            .collect();
        Line {
            name: line.name.clone(),
            colour: colour + 1,
            path: path.join(" "),
            points,
        }
    });
    let every = places.len().div_ceil(LABELS).max(1);
    let named = places.iter().step_by(every).map(|label| Label {
        x: coordinate(x(label)),
        text: (*label).to_owned(),
    });
    let rows = places.iter().map(|place| Row {
        label: (*place).to_owned(),
        values: series.iter().map(|line| value_at(line, place)).collect(),
    });
    let chart = Drawing {
        title,
        place,
        lines: drawn.collect(),
        labels: named.collect(),
        rows: rows.collect(),
        marks: scale.marks(),
        left: LEFT,
        right: WIDTH,
        below: TOP + HEIGHT + 20.0,
        total_height: TOP + HEIGHT + 28.0,
    };
    chart.render().unwrap_or_default()
}

fn value_at(line: &Series, place: &str) -> String {
    let found = line.points.iter().find(|(label, _)| label == place);
    found.map_or_else(String::new, |(_, value)| text::number(*value))
}

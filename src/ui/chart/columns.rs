//! Columns side by side: an amount for each period.

use askama::Template;

use super::{
    Chart, HEIGHT, LEFT, TOP, WIDTH, coordinate,
    scale::{Mark, Scale},
};
use crate::ui::text;

/// Labels that fit below the columns.
const LABELS: usize = 8;

struct Column {
    label: String,
    value: String,
    x: String,
    y: String,
    width: String,
    height: String,
    middle: String,
    is_named: bool,
}

#[derive(Template)]
#[template(path = "chart/columns.html")]
struct Drawing<'a> {
    title: &'a str,
    what: &'a str,
    columns: Vec<Column>,
    marks: Vec<Mark>,
    left: f64,
    right: f64,
    bottom: f64,
    below: f64,
    total_height: f64,
}

/// One column for each label and its value, in order. `what` says what is counted.
pub fn columns(title: &str, what: &str, values: &[(String, i64)]) -> Chart {
    #[expect(clippy::cast_precision_loss, reason = "a pixel is less exact")]
    let amount = |value: i64| value as f64;
    let scale = Scale::of_whole(values.iter().map(|(_, value)| amount(*value)));
    let number = u32::try_from(values.len()).unwrap_or(u32::MAX).max(1);
    let pitch = (WIDTH - LEFT) / f64::from(number);
    let width = (pitch * 0.72).clamp(0.5, 44.0);
    let bottom = TOP + HEIGHT;
    let every = values.len().div_ceil(LABELS).max(1);
    let columns = values.iter().zip(0_u32..).map(|((label, value), index)| {
        let middle = LEFT + pitch * (f64::from(index) + 0.5);
        let y = scale.y(amount(*value));
        Column {
            label: label.clone(),
            value: text::count(*value),
            x: coordinate(middle - width / 2.0),
            y: coordinate(y),
            width: coordinate(width),
            height: coordinate(bottom - y),
            middle: coordinate(middle),
            is_named: usize::try_from(index).is_ok_and(|index| index % every == every / 2),
        }
    });
    let chart = Drawing {
        title,
        what,
        columns: columns.collect(),
        marks: scale.marks(),
        left: LEFT,
        right: WIDTH,
        bottom,
        below: bottom + 20.0,
        total_height: bottom + 28.0,
    };
    chart.render().unwrap_or_default()
}

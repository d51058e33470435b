//! Charts as SVG: a function of values to coordinates, and a template that writes them down. Each
//! has its numbers as a table behind it, for whoever cannot see it.

mod columns;
mod hours;
mod lines;
mod ranking;
mod scale;
#[cfg(test)]
mod tests;
mod year;

pub use self::{
    columns::columns,
    hours::hours,
    lines::{Series, lines},
    ranking::{Rank, ranking},
    year::{Day, year},
};

/// A drawn chart: markup whose texts are escaped.
pub type Chart = String;

/// Width of charts with axes, and height of what is drawn in.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 160.0;
/// Room for the numbers of the vertical axis, and above the highest one.
const LEFT: f64 = 56.0;
const TOP: f64 = 14.0;

/// A number as coordinates are written: no more decimals than can be seen.
fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

//! Bars that lie below one another, the longest first: a table whose last column is drawn.

use askama::Template;

use super::{Chart, coordinate};

/// One thing and its amount.
pub struct Rank {
    pub name: String,
    /// Where there is more about it; may be empty.
    pub link: String,
    /// What decides how long its bar is.
    pub amount: i64,
    /// The amount as it is read.
    pub text: String,
}

struct Bar<'a> {
    rank: &'a Rank,
    /// Percent of the longest.
    width: String,
}

#[derive(Template)]
#[template(path = "chart/ranking.html")]
struct Ranking<'a> {
    title: &'a str,
    thing: &'a str,
    what: &'a str,
    bars: Vec<Bar<'a>>,
}

/// One bar for each rank, in order. `thing` heads the names and `what` the amounts.
pub fn ranking(title: &str, thing: &str, what: &str, ranks: &[Rank]) -> Chart {
    let most = ranks
        .iter()
        .map(|rank| rank.amount)
        .max()
        .unwrap_or(0)
        .max(1);
    #[expect(clippy::cast_precision_loss, reason = "a pixel is less exact")]
    let share = |amount: i64| 100.0 * amount.max(0) as f64 / most as f64;
    let bars = ranks.iter().map(|rank| Bar {
        rank,
        width: coordinate(share(rank.amount)),
    });
    let chart = Ranking {
        title,
        thing,
        what,
        bars: bars.collect(),
    };
    chart.render().unwrap_or_default()
}

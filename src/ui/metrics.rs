//! Performance against the period before.

use super::text;
use crate::pb::v1 as pb;

/// A metric on a page.
pub struct Metric {
    pub name: String,
    pub value: String,
    pub previous: String,
    pub samples: String,
    pub trend: String,
    pub trend_class: &'static str,
    pub rank: String,
}

pub fn shown(metrics: &[pb::MetricSummary]) -> Vec<Metric> {
    metrics.iter().map(metric).collect()
}

fn metric(summary: &pb::MetricSummary) -> Metric {
    let metric = summary.metric();
    let unit = match metric {
        pb::Metric::StudyTime => " min",
        pb::Metric::AssignmentCompletion | pb::Metric::Unspecified => "",
        pb::Metric::TestAverage | pb::Metric::FlashcardMastery | pb::Metric::Attendance => " %",
    };
    let trend_class = match summary.trend() {
        pb::Trend::Improving => "good",
        pb::Trend::Declining => "poor",
        _ => "over",
    };
    let rank = summary.percentile_rank;
    Metric {
        name: text::name(metric.as_str_name(), "METRIC_"),
        value: format!("{}{unit}", text::number(summary.value)),
        previous: format!("{}{unit}", text::number(summary.previous_value)),
        samples: text::count(summary.sample_size),
        trend: text::name(summary.trend().as_str_name(), "TREND_"),
        trend_class,
        rank: rank.map_or_else(String::new, |rank| format!("{rank} of 100")),
    }
}

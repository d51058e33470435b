//! One metric after the other, as the library writes them.

use std::fmt;

pub use prometheus_client::registry::Unit;
use prometheus_client::{
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};

use crate::telemetry::count::Histogram;

/// Its name without the unit, what it is, and its unit.
pub type Head = (&'static str, &'static str, Option<Unit>);
/// Names and values.
pub type Labels<'a> = Vec<(&'static str, &'a str)>;

pub struct Page<'a>(DescriptorEncoder<'a>);

impl<'a> Page<'a> {
    pub const fn new(encoder: DescriptorEncoder<'a>) -> Self {
        Self(encoder)
    }

    fn each<'v, V>(
        &mut self,
        (name, help, unit): Head,
        kind: MetricType,
        values: impl Iterator<Item = (Labels<'v>, V)>,
        write: impl Fn(&mut MetricEncoder<'_>, V) -> fmt::Result,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, unit.as_ref(), kind)?;
        for (labels, value) in values {
            if labels.is_empty() {
                write(&mut metric, value)?;
            } else {
                write(&mut metric.encode_family(&labels)?, value)?;
            }
        }
        Ok(())
    }

    pub fn counters<'v>(
        &mut self,
        head: Head,
        values: impl Iterator<Item = (Labels<'v>, u64)>,
    ) -> fmt::Result {
        self.each(head, MetricType::Counter, values, |metric, value| {
            metric.encode_counter::<NoLabelSet, u64, f64>(&value, None)
        })
    }

    pub fn counter(&mut self, head: Head, value: u64) -> fmt::Result {
        self.counters(head, [(vec![], value)].into_iter())
    }

    pub fn float_counter(&mut self, head: Head, value: f64) -> fmt::Result {
        let values = [(vec![], value)].into_iter();
        self.each(head, MetricType::Counter, values, |metric, value| {
            metric.encode_counter::<NoLabelSet, f64, f64>(&value, None)
        })
    }

    pub fn gauges<'v>(
        &mut self,
        head: Head,
        values: impl Iterator<Item = (Labels<'v>, i64)>,
    ) -> fmt::Result {
        self.each(head, MetricType::Gauge, values, |metric, value| {
            metric.encode_gauge(&value)
        })
    }

    pub fn gauge(&mut self, head: Head, value: i64) -> fmt::Result {
        self.gauges(head, [(vec![], value)].into_iter())
    }

    pub fn floats<'v>(
        &mut self,
        head: Head,
        values: impl Iterator<Item = (Labels<'v>, f64)>,
    ) -> fmt::Result {
        self.each(head, MetricType::Gauge, values, |metric, value| {
            metric.encode_gauge(&value)
        })
    }

    /// Those that nothing was counted in are left out if they have labels: there are many.
    pub fn histograms<'v>(
        &mut self,
        head: Head,
        values: impl Iterator<Item = (Labels<'v>, &'v Histogram)>,
    ) -> fmt::Result {
        let values = values.filter_map(|(labels, histogram)| {
            let buckets = histogram.buckets();
            // Of these very buckets: others may be counting.
            let count = buckets.iter().map(|(_, count)| count).sum::<u64>();
            (count > 0 || labels.is_empty()).then_some((labels, (histogram.sum(), count, buckets)))
        });
        self.each(head, MetricType::Histogram, values, |metric, value| {
            let (sum, count, buckets) = value;
            metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
        })
    }
}

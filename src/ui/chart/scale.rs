//! A vertical axis from zero, whose marks are round numbers.

use super::{HEIGHT, TOP, coordinate};
use crate::ui::text;

/// Marks that an axis has, at most, above its zero.
const MARKS: f64 = 4.0;

/// What is between zero and the highest mark.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    step: f64,
    top: f64,
}

/// A mark of the axis.
pub struct Mark {
    pub y: String,
    pub label: String,
}

impl Scale {
    /// One that has room for all values; those that are no numbers or below zero have no height.
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let most = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
        if most <= 0.0 {
            return Self {
                step: 1.0,
                top: 1.0,
            };
        }
        let rough = most / MARKS;
        let power = 10_f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|round| round * power);
        let step = steps.into_iter().find(|step| *step >= rough * 0.999_999);
        let step = step.unwrap_or(10.0 * power);
        Self {
            step,
            top: step * (most / step - 1e-9).ceil().max(1.0),
        }
    }

    /// The same for whole things, of which there are no halves.
    pub fn of_whole(values: impl Iterator<Item = f64>) -> Self {
        let scale = Self::of(values);
        if scale.step >= 1.0 && scale.step.fract() == 0.0 {
            return scale;
        }
        let step = scale.step.ceil();
        let top = step * (scale.top / step).ceil();
        Self { step, top }
    }

    /// Where a value is, from the top.
    pub fn y(self, value: f64) -> f64 {
        let share = value / self.top;
        let share = if share.is_finite() { share } else { 0.0 };
        TOP + HEIGHT * (1.0 - share.clamp(0.0, 1.0))
    }

    pub fn marks(self) -> Vec<Mark> {
        let values = (0_u8..=10).map(|index| f64::from(index) * self.step);
        values
            .take_while(|value| *value <= self.top * 1.000_001)
            .map(|value| Mark {
                y: coordinate(self.y(value)),
                label: short(value),
            })
            .collect()
    }
}

/// A number in the room that an axis has.
fn short(value: f64) -> String {
    let units = [
        (1e18, "E"),
        (1e15, "P"),
        (1e12, "T"),
        (1e9, "G"),
        (1e6, "M"),
        (1e4, "k"),
    ];
    let unit = units.into_iter().find(|(least, _)| value >= *least);
    match unit {
        Some((1e4, name)) => format!("{}{name}", text::number(value / 1e3)),
        Some((least, name)) => format!("{}{name}", text::number(value / least)),
        None => text::number(value),
    }
}

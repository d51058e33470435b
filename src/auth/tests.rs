//! Tokens of every kind against keys of every kind.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

mod headers;
mod issuer;
mod keys;
mod rotation;
mod tokens;

//! Tokens of every kind against keys of every kind.

mod headers;
mod issuer;
mod keys;
mod rotation;
mod tokens;

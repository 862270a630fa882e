//! Everything between what is known and what is printed: what may reach a terminal, how wide it
//! is there, how it is laid out and coloured, and how it is written.
//!
//! Pure, except for `terminal`, which asks the terminal, and `stream`, which writes.

pub(crate) mod age;
pub(crate) mod columns;
pub(crate) mod json;
pub(crate) mod paint;
pub mod sanitize;
pub(crate) mod stream;
pub(crate) mod terminal;
pub mod width;

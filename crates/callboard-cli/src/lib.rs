//! The `callboard` command: who is on, and who waits for you.
//!
//! The only crate that prints, exits or picks colours. One file per command in `commands`; what
//! reaches a terminal is made in `output` and `view`, which are pure but for two small files.
//!
//! This is the program as a library so that its description ([`command`], [`Exit`]) can be turned
//! into manual pages and completions, and what it lets through to a terminal ([`output`]) can be
//! fuzzed; it is not an API for others.

mod address;
mod background;
#[cfg(target_os = "linux")]
mod board;
mod cli;
mod commands;
mod config;
mod context;
mod exit;
mod failure;
pub mod output;
mod settings;
mod view;
#[cfg(target_os = "linux")]
mod waiting;

pub use cli::{command, main};
pub use commands::completions::{completed, script as completions};
pub use commands::man::pages as manual;
pub use config::{KEYS as CONFIG_KEYS, Key as ConfigKey, example as config_example};
pub use exit::Exit;

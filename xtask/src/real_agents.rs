//! `cargo xtask real-agents`: the agents themselves, offline, taken through their states, and what
//! the board says of each state. What came of it is in `docs/AGENTS.md`.
//!
//! Each run is a process of its own in a network namespace with nothing but loopback. It is the
//! agent's terminal and the model that the agent asks, so it knows what the agent is at without
//! asking it: the model's answers are held back, and released one event at a time.

mod agents;
mod all;
mod background;
mod board;
mod calls;
mod hold;
mod judge;
mod life;
mod mode;
mod model;
mod one;
mod options;
mod packages;
mod place;
mod privacy;
mod processes;
mod report;
mod scene;
mod script;
mod state;
mod table;
mod terminal;

pub(crate) use all::run;
pub(crate) use one::run as one;

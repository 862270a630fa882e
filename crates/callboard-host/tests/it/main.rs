//! Real sessions: hosts, clients on real terminals, and programs that end, hang, escape and ask.
//! `conformance` holds for every host; the rest is about one of them, or about the supervisor.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod client;
mod conformance;
mod world;

mod builtin;
mod forked;
mod supervisor;
mod tmux;

//! What a terminal shows, and how another is made to show and to do the same.
//!
//! | file | what it does |
//! |---|---|
//! | `scan` | where in a stream no escape sequence and no character is cut |
//! | `modes` | which modes are on, and the sequences that turn them on |
//! | `keyboard` | the stacks of the kitty keyboard protocol, one for each screen |
//! | `answers` | what a terminal is asked, and what it answers |
//! | `witness` | what the model reports while it is fed: modes, questions, rows that left |
//! | `model` | the model of the screen, which may break and is then made anew |
//! | `flood` | of many lines at once, those that the model need not see |
//! | `restore` | everything of it, for a terminal of the same size |
//! | `picture` | rows of it, for a terminal of another size |
//! | `lines` | text and colours of it, line by line |

mod answers;
mod flood;
mod keyboard;
mod lines;
mod model;
mod modes;
mod picture;
mod restore;
mod scan;
mod witness;

pub(crate) use lines::plain;
pub(crate) use model::Model;
pub(crate) use picture::Picture;
pub(crate) use restore::{LEAVE, PUSH_TITLE};

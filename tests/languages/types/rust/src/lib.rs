//! Entries of several forms; each module is one.

pub mod batch;
pub mod closes;
pub mod deep;
pub mod later;
pub mod threads;
pub mod typed;

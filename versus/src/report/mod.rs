//! What comes out: a table for people, a file for programs, the same summary in both.

pub mod json;
pub mod table;

mod summary;

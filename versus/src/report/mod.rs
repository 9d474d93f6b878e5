//! What comes out: a table for people, a file for programs, a page for everybody.

pub mod json;
pub mod page;
pub mod table;

mod summary;

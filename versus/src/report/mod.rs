//! What comes out: tables on stdout, a JSON file, a page.

pub mod json;
pub mod page;
pub mod table;
pub mod units;

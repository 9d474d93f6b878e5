//! How large the least program is that serves.

use std::io;

use super::{Case, Method, Workload};
use crate::results::{Figure, Sample};
use crate::size;

pub fn workload() -> Workload {
    Workload {
        name: "size",
        about: "the size of a program",
        cases: vec![Case {
            name: String::from("least"),
            about: String::from(
                "a small echo server, linked as the kit is; what is loaded of it, without debug \
                 information",
            ),
            headline: Figure::Size,
            axes: [].into(),
            contenders: size::PEERS.map(str::to_owned).into(),
            method: Method::Size,
        }],
        prepare: None,
    }
}

/// See [`Method::missing`].
pub fn missing(contender: &str) -> Option<String> {
    size::program(contender).err()
}

/// See [`Method::measure`].
pub fn measure(contender: &str) -> io::Result<Sample> {
    let program = size::program(contender).map_err(io::Error::other)?;
    Ok(Sample {
        figures: [(Figure::Size, size::loaded(&program)? as f64)].into(),
        ..Sample::default()
    })
}

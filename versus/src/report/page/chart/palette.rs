//! How a peer looks, wherever it is drawn.
//!
//! The colours are those of Okabe and Ito ("Color Universal Design", 2008), which people with any
//! kind of colour blindness can tell apart; `chart.css` has them by class, some a little darker
//! on white and lighter on black. Dash and marker tell the same without colour.

use maud::{Markup, html};

use super::px;

/// A peer's class in `chart.css`, the dashes of its line and its marker.
#[derive(Clone, Copy)]
pub struct Look {
    pub class: &'static str,
    pub dash: &'static str,
    marker: Marker,
    /// Drawn as an outline.
    hollow: bool,
}

#[derive(Clone, Copy)]
enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    Plus,
    Cross,
}

const SOLID: &str = "";
const DASHED: &str = "6 3";
const DOTTED: &str = "1.5 3";
const MIXED: &str = "7 3 1.5 3";

/// Those that have a colour of their own.
const KNOWN: &[(&str, Look)] = &[
    (
        "ringmill",
        look("vermillion ours", SOLID, Marker::Circle, false),
    ),
    (
        "ringmill-epoll",
        look("orange", DASHED, Marker::Circle, true),
    ),
    ("tokio", look("blue", SOLID, Marker::Square, false)),
    ("tokio-multi", look("sky", DASHED, Marker::Square, true)),
    ("tokio-per-core", look("blue", DOTTED, Marker::Square, true)),
    ("monoio", look("green", SOLID, Marker::Triangle, false)),
    ("glommio", look("purple", SOLID, Marker::Diamond, false)),
    ("compio", look("yellow", MIXED, Marker::Diamond, true)),
    ("ring", look("ink", SOLID, Marker::Plus, true)),
    ("epoll", look("ink", DASHED, Marker::Cross, true)),
];

/// For a peer that only a few cases have.
const OTHERS: &[Look] = &[
    look("grey", SOLID, Marker::Triangle, true),
    look("grey", DASHED, Marker::Diamond, false),
    look("grey", DOTTED, Marker::Square, false),
    look("grey", MIXED, Marker::Circle, false),
];

const fn look(class: &'static str, dash: &'static str, marker: Marker, hollow: bool) -> Look {
    Look {
        class,
        dash,
        marker,
        hollow,
    }
}

/// The same for a peer in every plot and every run.
pub fn of(peer: &str) -> Look {
    let known = KNOWN.iter().find(|(name, _)| *name == peer);
    let by_name = || peer.bytes().map(usize::from).sum::<usize>() % OTHERS.len();
    known.map_or_else(|| OTHERS[by_name()], |(_, look)| *look)
}

impl Look {
    /// The marker at a place, with what is shown when it is pointed at.
    pub fn mark(self, x: f64, y: f64, hint: Option<&str>) -> Markup {
        let path = match self.marker {
            Marker::Circle => "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0Z",
            Marker::Square => "M-3-3H3V3H-3Z",
            Marker::Triangle => "M0-4L4 3H-4Z",
            Marker::Diamond => "M0-4.4L4.4 0L0 4.4L-4.4 0Z",
            Marker::Plus => "M-4 0H4M0-4V4",
            Marker::Cross => "M-3-3L3 3M-3 3L3-3",
        };
        let class = if self.hollow { "mark hollow" } else { "mark" };
        html! {
            path class=(class) d=(path) transform={ "translate(" (px(x)) " " (px(y)) ")" } {
                @if let Some(hint) = hint { title { (hint) } }
            }
        }
    }
}

//! The plots, as SVG of our own.
//!
//! Not by `plotters`: its SVG backend writes colours, sizes and fonts into each element, has no
//! classes for a dark style sheet to change, no `<title>` for a screen reader, and no `viewBox`
//! without a fixed size. What is needed here is two kinds of plot and two scales.
//!
//! - `palette`: a peer's colour, dash and marker, the same in all plots
//! - `scale`: from values to pixels, and where the ticks are
//! - `lines`, `bars`: the two kinds
//! - `frame`: the title above and the legend below
//!
//! A plot is as wide as a phone, so that its letters are readable there at their own size; on a
//! larger screen two stand side by side.

mod bars;
mod frame;
mod lines;
mod palette;
mod scale;

use maud::{Markup, PreEscaped, html};

/// The style of all plots: in the page once, in every file of its own again.
pub const STYLE: &str = include_str!("chart.css");

/// In pixels, as all lengths here.
const WIDTH: f64 = 440.0;

/// A plot, before it is drawn.
pub struct Chart {
    /// The file's name without its ending, and unique.
    pub slug: String,
    pub title: String,
    /// What is the same everywhere in it; may be empty.
    pub subtitle: String,
    pub kind: Kind,
}

pub enum Kind {
    Lines(Lines),
    Bars(Bars),
}

/// One line a peer.
pub struct Lines {
    /// The positions that have a name: those of the cases.
    pub x: Vec<(f64, String)>,
    pub x_label: String,
    pub x_log: bool,
    pub y_label: String,
    /// As the ticks have it.
    pub y_text: fn(f64) -> String,
    pub series: Vec<Series>,
}

pub struct Series {
    pub peer: String,
    pub points: Vec<Point>,
}

/// A median, and the quartiles around it.
pub struct Point {
    pub x: f64,
    pub y: f64,
    pub low: f64,
    pub high: f64,
}

/// One bar a peer, in groups.
pub struct Bars {
    pub label: String,
    pub text: fn(f64) -> String,
    /// Bars begin at 1, on a logarithmic scale; otherwise at 0.
    pub relative: bool,
    /// Ticks are round in powers of 1024.
    pub binary: bool,
    pub groups: Vec<Group>,
}

pub struct Group {
    pub name: String,
    pub bars: Vec<Bar>,
}

/// A median, and the quartiles around it.
pub struct Bar {
    pub peer: String,
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

impl Chart {
    /// An `<svg>` within a page that has [`STYLE`].
    pub fn inline(&self) -> Markup {
        self.draw(None)
    }

    /// A file that needs nothing else.
    pub fn file(&self) -> String {
        let mut text = self.draw(Some(STYLE)).into_string();
        text.push('\n');
        text
    }

    fn draw(&self, style: Option<&str>) -> Markup {
        let top = frame::top(self);
        let (body, height) = match &self.kind {
            Kind::Lines(lines) => lines::draw(lines, top),
            Kind::Bars(bars) => bars::draw(bars, top),
        };
        let title = format!("{}-title", self.slug);
        html! {
            svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" aria-labelledby=(title)
                viewBox={ "0 0 " (WIDTH) " " (px(height)) } {
                title id=(title) { (self.title) @if !self.subtitle.is_empty() { ", " (self.subtitle) } }
                @if let Some(style) = style { style { (PreEscaped(style)) } }
                rect class="ground" width=(WIDTH) height=(px(height)) {}
                (frame::heading(self))
                (body)
            }
        }
    }
}

/// A length with the digits that can be seen.
fn px(length: f64) -> String {
    let text = format!("{length:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// About how wide a text of 11 pixels is drawn.
fn text_width(text: &str) -> f64 {
    6.2 * text.chars().count() as f64
}

#[cfg(test)]
mod tests {
    use super::{Bar, Bars, Chart, Group, Kind, Lines, Point, Series};

    fn lines(values: &[(f64, f64)]) -> Chart {
        let points = values
            .iter()
            .map(|&(x, y)| Point {
                x,
                y,
                low: y,
                high: y,
            })
            .collect();
        Chart {
            slug: String::from("a"),
            title: String::from("a < b"),
            subtitle: String::new(),
            kind: Kind::Lines(Lines {
                x: values.iter().map(|(x, _)| (*x, x.to_string())).collect(),
                x_label: String::from("x"),
                x_log: true,
                y_label: String::from("y"),
                y_text: |value| value.to_string(),
                series: vec![Series {
                    peer: String::from("ringmill"),
                    points,
                }],
            }),
        }
    }

    #[test]
    fn text_is_escaped_and_no_coordinate_is_nan() {
        let cases: [&[(f64, f64)]; 4] = [
            &[],
            &[(1.0, 1.0)],
            &[(1.0, 0.0), (2.0, 0.0)],
            &[(1.0, f64::NAN), (2.0, 3.0), (10_000.0, f64::INFINITY)],
        ];
        for values in cases {
            let text = lines(values).file();
            assert!(text.contains("a &lt; b"));
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }

    #[test]
    fn bars_of_nothing_and_of_no_number_are_drawn() {
        for (relative, value) in [(true, f64::NAN), (false, 0.0), (true, 1.0), (true, 0.0)] {
            let bar = Bar {
                peer: String::from("tokio"),
                value,
                low: value,
                high: value,
            };
            let chart = Chart {
                slug: String::from("b"),
                title: String::from("b"),
                subtitle: String::new(),
                kind: Kind::Bars(Bars {
                    label: String::new(),
                    text: |_| String::from("-"),
                    relative,
                    binary: !relative,
                    groups: vec![Group {
                        name: String::from("g"),
                        bars: vec![bar],
                    }],
                }),
            };
            let text = chart.file();
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }
}

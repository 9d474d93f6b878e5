//! Lines over an axis, with whiskers from quartile to quartile.

use maud::{Markup, html};

use super::scale::Scale;
use super::{Lines, Point, Series, WIDTH, frame, palette, px, text_width};

const LEFT: f64 = 62.0;
const RIGHT: f64 = WIDTH - 16.0;
const HEIGHT: f64 = 210.0;
/// Values apart by more than this factor need a logarithmic axis.
const WIDE: f64 = 8.0;
/// A shorter whisker is under its marker.
const SEEN: f64 = 4.0;

/// The plot, and where it ends.
pub fn draw(lines: &Lines, top: f64) -> (Markup, f64) {
    // The label of the axis stands above it, unturned.
    let (top, bottom) = (top + 22.0, top + 22.0 + HEIGHT);
    let points = || lines.series.iter().flat_map(|series| &series.points);
    let finite = || points().map(|point| point.y).filter(|y| y.is_finite());
    let (low, high) = finite().fold((f64::INFINITY, 0.0_f64), |(low, high), y| {
        (low.min(y), high.max(y))
    });
    let log = low > 0.0 && high / low > WIDE;
    let ends = points().flat_map(|point| [point.y, point.low, point.high]);
    let y = Scale::over(ends, log, true, (bottom, top));
    // The first case is not drawn on the axis itself.
    let inner = (LEFT + 12.0, RIGHT - 8.0);
    let x = Scale::over(lines.x.iter().map(|(x, _)| *x), lines.x_log, false, inner);
    let drawn: Vec<&Series> = lines
        .series
        .iter()
        .filter(|series| {
            series
                .points
                .iter()
                .any(|point| place(point, &x, &y).is_some())
        })
        .collect();
    let peers: Vec<&str> = drawn.iter().map(|series| series.peer.as_str()).collect();
    let (legend, end) = frame::legend(&peers, bottom + 42.0);
    let markup = html! {
        text x="10" y=(px(top - 14.0)) { (lines.y_label) @if log { " (logarithmic)" } }
        @for tick in y.ticks() {
            @if let Some(at) = y.at(tick) {
                path class="grid" d={ "M" (LEFT) " " (px(at)) "H" (RIGHT) } {}
                text class="end" x=(LEFT - 6.0) y=(px(at + 4.0)) { ((lines.y_text)(tick)) }
            }
        }
        path class="axis" d={ "M" (LEFT) " " (px(bottom)) "H" (RIGHT) } {}
        (names(lines, &x, bottom))
        text class="mid" x=(px((LEFT + RIGHT) / 2.0)) y=(px(bottom + 33.0)) { (lines.x_label) }
        // Ours is above the others, so it is drawn last.
        @for series in drawn.iter().rev() { (one(series, lines, &x, &y)) }
        (legend)
    };
    (markup, end)
}

/// The names of the cases below the axis, as many as do not touch.
fn names(lines: &Lines, x: &Scale, bottom: f64) -> Markup {
    let mut free = 0.0;
    let places = lines.x.iter().filter_map(|(value, name)| {
        let at = x.at(*value)?;
        let half = text_width(name) / 2.0;
        let fits = at - half >= free;
        if fits {
            free = at + half + 4.0;
        }
        Some((at, fits.then_some(name)))
    });
    let places: Vec<(f64, Option<&String>)> = places.collect();
    html! {
        @for (at, name) in places {
            path class="axis" d={ "M" (px(at)) " " (px(bottom)) "v4" } {}
            @if let Some(name) = name {
                text class="mid" x=(px(at)) y=(px(bottom + 16.0)) { (name) }
            }
        }
    }
}

fn one(series: &Series, lines: &Lines, x: &Scale, y: &Scale) -> Markup {
    let look = palette::of(&series.peer);
    let places: Vec<(f64, f64, &Point)> = series
        .points
        .iter()
        .filter_map(|point| place(point, x, y).map(|(x, y)| (x, y, point)))
        .collect();
    let path: Vec<String> = places
        .iter()
        .map(|(x, y, _)| format!("{} {}", px(*x), px(*y)))
        .collect();
    html! {
        g class=(look.class) {
            path class="line" stroke-dasharray=[frame::dash(look.dash)]
                d=[(!path.is_empty()).then(|| format!("M{}", path.join("L")))] {}
            @for (at, height, point) in places {
                @if let (Some(low), Some(high)) = (y.at(point.low), y.at(point.high)) {
                    @if (low - high).abs() > SEEN {
                        path class="spread" d={
                            "M" (px(at - 3.0)) " " (px(low)) "h6m-3 0V" (px(high)) "m-3 0h6"
                        } {}
                    }
                }
                (look.mark(at, height, Some(&hint(series, lines, point))))
            }
        }
    }
}

fn place(point: &Point, x: &Scale, y: &Scale) -> Option<(f64, f64)> {
    Some((x.at(point.x)?, y.at(point.y)?))
}

/// What is shown when a marker is pointed at.
fn hint(series: &Series, lines: &Lines, point: &Point) -> String {
    let name = lines.x.iter().find(|(x, _)| *x == point.x);
    let name = name.map_or("", |(_, name)| name);
    let text = lines.y_text;
    format!(
        "{}, {name}: {} ({}–{})",
        series.peer,
        text(point.y),
        text(point.low),
        text(point.high),
    )
}

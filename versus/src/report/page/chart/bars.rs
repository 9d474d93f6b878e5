//! Bars across, in groups, with the number at the side.

use maud::{Markup, html};

use super::scale::Scale;
use super::{Bar, Bars, WIDTH, palette, px};

const LEFT: f64 = 112.0;
const RIGHT: f64 = WIDTH - 76.0;
const BAR: f64 = 11.0;
const PITCH: f64 = 16.0;
const GROUP: f64 = 22.0;
/// A shorter whisker is not drawn.
const SEEN: f64 = 3.0;

/// The plot, and where it ends.
pub fn draw(bars: &Bars, top: f64) -> (Markup, f64) {
    let mut y = top;
    let mut groups = Vec::with_capacity(bars.groups.len());
    for group in &bars.groups {
        let first = y + if group.name.is_empty() { 4.0 } else { GROUP };
        groups.push((group, first));
        y = first + PITCH * group.bars.len() as f64;
    }
    let bottom = y + 4.0;
    let scale = scale(bars);
    let base = scale
        .at(if bars.relative { 1.0 } else { 0.0 })
        .unwrap_or(LEFT);
    let ticks: Vec<(f64, String)> = scale
        .ticks()
        .into_iter()
        .filter_map(|tick| Some((scale.at(tick)?, tick_text(bars, tick))))
        .collect();
    let markup = html! {
        @for (at, text) in &ticks {
            text class="mid" x=(px(*at)) y=(px(bottom + 14.0)) { (text) }
        }
        @for (group, first) in groups {
            @let end = first + PITCH * group.bars.len() as f64;
            @for (at, _) in &ticks {
                path class="grid" d={ "M" (px(*at)) " " (px(first - 2.0)) "V" (px(end)) } {}
            }
            text class="title" x="10" y=(px(first - 6.0)) { (group.name) }
            @for (number, bar) in group.bars.iter().enumerate() {
                (one(bar, bars, &scale, base, first + PITCH * number as f64))
            }
            path class="axis" d={ "M" (px(base)) " " (px(first - 2.0)) "V" (px(end)) } {}
        }
        text class="mid" x=(px((LEFT + RIGHT) / 2.0)) y=(px(bottom + 31.0)) { (bars.label) }
    };
    (markup, bottom + 42.0)
}

/// From 0; or around 1, as far in both directions as there are bars.
fn scale(bars: &Bars) -> Scale {
    let all = bars.groups.iter().flat_map(|group| &group.bars);
    let ends = all.flat_map(|bar| [bar.value, bar.high]);
    if bars.binary {
        return Scale::of_bytes(ends, (LEFT, RIGHT));
    }
    let base = if bars.relative {
        &[0.8, 1.25][..]
    } else {
        &[0.0]
    };
    let values = ends.chain(base.iter().copied());
    Scale::over(values, bars.relative, bars.relative, (LEFT, RIGHT))
}

/// A ratio without the digits that only a measured one has.
fn tick_text(bars: &Bars, tick: f64) -> String {
    if bars.relative {
        // As computed it may be 0.30000000000000004.
        let text = format!("{tick:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        (bars.text)(tick)
    }
}

fn one(bar: &Bar, bars: &Bars, scale: &Scale, base: f64, top: f64) -> Markup {
    let look = palette::of(&bar.peer);
    let text = bars.text;
    let middle = top + BAR / 2.0;
    html! {
        text class="end" x=(LEFT - 6.0) y=(px(middle + 4.0)) { (bar.peer) }
        text x=(RIGHT + 8.0) y=(px(middle + 4.0)) { (text(bar.value)) }
        @if let Some(at) = scale.at(bar.value) {
            g class=(look.class) {
                rect class="bar" x=(px(at.min(base))) y=(px(top)) height=(BAR)
                    width=(px((at - base).abs().max(1.0))) {
                    title { (bar.peer) ": " (text(bar.value)) " (" (text(bar.low)) "–" (text(bar.high)) ")" }
                }
            }
            @if let (Some(low), Some(high)) = (scale.at(bar.low), scale.at(bar.high)) {
                @if high - low > SEEN {
                    path class="bar-spread" d={
                        "M" (px(low)) " " (px(middle - 2.5)) "v5m0 -2.5H" (px(high)) "m0 -2.5v5"
                    } {}
                }
            }
        }
    }
}

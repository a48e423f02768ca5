//! A small plot of the last hour: a bar for each minute, drawn by presentation attributes in the colour of the text.

use std::fmt::Write as _;

use crate::shell::last_hour::MINUTES;

/// Of a bar with the gap beside it, and of the whole plot; units of the drawing, which is as wide as there is room.
const STEP: usize = 4;
const HEIGHT: u64 = 40;

/// What is plotted.
#[derive(Debug)]
pub(super) struct Plot {
    /// What is counted.
    pub(super) name: &'static str,
    /// How many in each minute, the latest last.
    pub(super) minutes: [u64; MINUTES],
}

/// The plot, with its sum and its highest minute in words.
pub(super) fn plot(Plot { name, minutes }: &Plot) -> String {
    let (sum, most) = (minutes.iter().sum::<u64>(), minutes.iter().copied().max().unwrap_or_default());
    let mut bars = String::new();
    for (place, count) in minutes.iter().enumerate().filter(|(_, count)| **count > 0) {
        // What happened at all can be seen.
        let height = (count.saturating_mul(HEIGHT) / most.max(1)).max(1);
        // A string takes everything.
        let _ = write!(bars, "M{} {HEIGHT}v-{height}h{}v{height}z", place * STEP, STEP - 1);
    }
    let (width, base) = (MINUTES * STEP, HEIGHT + 1);
    format!(
        "<figure>\n<figcaption><strong>{sum}</strong> {name}<small>at most {most} in one minute</small></figcaption>\n\
         <svg viewBox=\"0 0 {width} {}\" width=\"100%\" height=\"64\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{name} in each minute of the last hour\">\
         <path d=\"M0 {base}h{width}v1h-{width}z\" fill=\"currentColor\" fill-opacity=\".4\"/>\
         <path d=\"{bars}\" fill=\"currentColor\"/></svg>\n</figure>\n",
        HEIGHT + 2
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_minute_has_a_bar_and_the_highest_fills_the_plot() {
        let mut minutes = [0; MINUTES];
        (minutes[0], minutes[1], minutes[59]) = (1, 1000, 500);
        let drawn = plot(&Plot { name: "logins", minutes });
        assert!(drawn.contains("<strong>1501</strong> logins<small>at most 1000 in one minute</small>"), "{drawn}");
        assert!(drawn.contains("d=\"M0 40v-1h3v1zM4 40v-40h3v40zM236 40v-20h3v20z\" fill=\"currentColor\""), "{drawn}");
        assert!(!drawn.contains("style"), "the policy takes no style beside that of the page: {drawn}");
        let nothing = plot(&Plot { name: "logins", minutes: [0; MINUTES] });
        assert!(nothing.contains("<strong>0</strong>") && nothing.contains("d=\"\""), "{nothing}");
    }
}

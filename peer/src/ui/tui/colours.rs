//! The colours of each theme. Those with a background of their own take theirs from the fixed part of the 256, so that
//! what they look like does not depend on the terminal; their contrast is tested.

use ratatui::style::Color;

use crate::ui::names::COLOURS;

/// The colours of a theme.
#[derive(Debug)]
pub(super) struct Colours {
    pub(super) text: Color,
    pub(super) back: Color,
    pub(super) faint: Color,
    pub(super) accent: Color,
    pub(super) good: Color,
    pub(super) careful: Color,
    pub(super) alarming: Color,
    pub(super) people: [Color; COLOURS],
}

pub(super) const TERMINAL: Colours = Colours {
    text: Color::Reset,
    back: Color::Reset,
    faint: Color::Reset,
    accent: Color::Cyan,
    good: Color::Green,
    careful: Color::Yellow,
    alarming: Color::Red,
    people: [Color::Green, Color::Yellow, Color::Blue, Color::Magenta, Color::Cyan],
};

pub(super) const LIGHT: Colours = Colours {
    text: Color::Indexed(235),
    back: Color::Indexed(255),
    faint: Color::Indexed(240),
    accent: Color::Indexed(25),
    good: Color::Indexed(22),
    careful: Color::Indexed(94),
    alarming: Color::Indexed(124),
    people: [Color::Indexed(22), Color::Indexed(94), Color::Indexed(25), Color::Indexed(90), Color::Indexed(23)],
};

pub(super) const DARK: Colours = Colours {
    text: Color::Indexed(252),
    back: Color::Indexed(234),
    faint: Color::Indexed(246),
    accent: Color::Indexed(80),
    good: Color::Indexed(114),
    careful: Color::Indexed(221),
    alarming: Color::Indexed(210),
    people: [Color::Indexed(114), Color::Indexed(179), Color::Indexed(111), Color::Indexed(176), Color::Indexed(80)],
};

pub(super) const HIGH_CONTRAST: Colours = Colours {
    text: Color::Indexed(231),
    back: Color::Indexed(16),
    faint: Color::Indexed(231),
    accent: Color::Indexed(51),
    good: Color::Indexed(46),
    careful: Color::Indexed(226),
    alarming: Color::Indexed(210),
    people: [Color::Indexed(46), Color::Indexed(226), Color::Indexed(117), Color::Indexed(213), Color::Indexed(51)],
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of one of the 240 fixed colours, as the guidelines for web content have it.
    fn luminance(colour: Color) -> f64 {
        let Color::Indexed(index) = colour else { panic!("{colour:?} is the terminal's") };
        let step = |level: u8| if level == 0 { 0 } else { 55 + 40 * level };
        let [red, green, blue] = match index {
            232.. => [8 + 10 * (index - 232); 3],
            16.. => [(index - 16) / 36, (index - 16) / 6 % 6, (index - 16) % 6].map(step),
            _ => panic!("{index} is the terminal's"),
        };
        let linear = |level: u8| {
            let level = f64::from(level) / 255.0;
            if level <= 0.04045 { level / 12.92 } else { ((level + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    fn contrast(one: Color, other: Color) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn what_has_a_background_of_its_own_can_be_read_on_it() {
        for (name, colours, least) in
            [("light", &LIGHT, 4.5), ("dark", &DARK, 4.5), ("high contrast", &HIGH_CONTRAST, 7.0)]
        {
            let Colours { text, back, faint, accent, good, careful, alarming, people } = colours;
            for colour in [text, faint, accent, good, careful, alarming].into_iter().chain(people) {
                let found = contrast(*colour, *back);
                assert!(found >= least, "{name}: {colour:?} on {back:?} is {found:.2}");
            }
        }
    }
}

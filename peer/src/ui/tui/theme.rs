//! Signs and colours: every state is a word or a shape first, and a colour only where colours are wanted.

use std::cmp::Ordering;

use ratatui::style::{Color, Modifier, Style};
use serde::{Deserialize, Serialize};

use super::colours::{self, Colours};
use crate::app::model::Here;
use crate::app::sanitise::Glyphs;
use crate::ui::names;
use peer_core::model::DeliveryStatus;
use peer_core::notice::KeyState;

/// Which colours are used (`ui.theme`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Theme {
    /// The sixteen of the terminal, on its own background.
    #[default]
    Terminal,
    /// None; bold, dim and reversed only.
    Mono,
    /// Dark on a light background, whatever that of the terminal is.
    Light,
    /// Light on a dark background.
    Dark,
    /// Few, bright ones on black, and nothing dim.
    HighContrast,
}

/// How things look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) glyphs: Glyphs,
    pub(crate) theme: Theme,
}

impl Look {
    fn pick<T>(self, unicode: T, ascii: T) -> T {
        if self.glyphs == Glyphs::Unicode { unicode } else { ascii }
    }

    pub(super) fn horizontal(self) -> &'static str {
        self.pick("─", "-")
    }

    pub(super) fn vertical(self) -> &'static str {
        self.pick("│", "|")
    }

    /// Where a vertical rule begins below a horizontal one.
    pub(super) fn tee_down(self) -> &'static str {
        self.pick("┬", "+")
    }

    /// Where it ends.
    pub(super) fn tee_up(self) -> &'static str {
        self.pick("┴", "+")
    }

    /// Corners of a box: top left, top right, bottom left, bottom right.
    pub(super) fn corners(self) -> [&'static str; 4] {
        self.pick(["┌", "┐", "└", "┘"], ["+", "+", "+", "+"])
    }

    pub(super) fn presence(self, here: &Here) -> &'static str {
        match here {
            Here::Online { .. } => self.pick("●", "*"),
            Here::Away(_) => self.pick("◐", "~"),
            Here::Offline => self.pick("○", "-"),
            Here::Unknown => "?",
        }
    }

    /// How far a message of ours has come; nothing for those of others.
    pub(super) fn mark(self, mark: DeliveryStatus) -> &'static str {
        match mark {
            DeliveryStatus::Received { .. } => "",
            DeliveryStatus::Queued => self.pick("·", "."),
            DeliveryStatus::Stored => self.pick("✓", "s"),
            DeliveryStatus::Delivered | DeliveryStatus::Read => self.pick("✓✓", "d"),
            DeliveryStatus::Failed | DeliveryStatus::Withdrawn(_) => self.pick("✗", "!"),
        }
    }

    /// Which way a file goes: to us, or from us.
    pub(super) fn way(self, ours: bool) -> &'static str {
        if ours { self.pick("↑", "^") } else { self.pick("↓", "v") }
    }

    /// What is done of a bar, and what is not.
    pub(super) fn ellipsis(self) -> &'static str {
        self.pick("…", "~")
    }

    /// In front of a step: done, under way, still to come.
    pub(super) fn step(self, order: Ordering) -> &'static str {
        match order {
            Ordering::Less => self.pick("✓", "x"),
            Ordering::Equal => self.pick("▸", ">"),
            Ordering::Greater => self.pick("·", "-"),
        }
    }

    /// In front of a notice.
    pub(super) fn notice(self) -> &'static str {
        self.pick("»", "=")
    }

    /// In front of the conversation that is shown, in the list.
    pub(super) fn bar_of_chosen(self) -> &'static str {
        self.pick("▌", ">")
    }

    fn colours(self) -> Option<&'static Colours> {
        match self.theme {
            Theme::Terminal => Some(&colours::TERMINAL),
            Theme::Mono => None,
            Theme::Light => Some(&colours::LIGHT),
            Theme::Dark => Some(&colours::DARK),
            Theme::HighContrast => Some(&colours::HIGH_CONTRAST),
        }
    }

    /// What every cell has before anything is put into it.
    pub(super) fn base(self) -> Style {
        self.colours().map_or(Style::new(), |colours| Style::new().fg(colours.text).bg(colours.back))
    }

    pub(super) fn plain(self) -> Style {
        self.coloured(|colours| colours.text)
    }

    pub(super) fn strong(self) -> Style {
        self.plain().add_modifier(Modifier::BOLD)
    }

    /// Rules, times, hints, what this program says in passing.
    pub(super) fn faint(self) -> Style {
        match self.theme {
            Theme::Terminal | Theme::Mono => self.plain().add_modifier(Modifier::DIM),
            Theme::Light | Theme::Dark | Theme::HighContrast => self.coloured(|colours| colours.faint),
        }
    }

    /// The row that is chosen.
    pub(super) fn chosen(self) -> Style {
        match (self.theme, self.colours()) {
            (Theme::Light | Theme::Dark | Theme::HighContrast, Some(colours)) => {
                Style::new().fg(colours.back).bg(colours.accent).remove_modifier(Modifier::DIM)
            }
            (Theme::Terminal | Theme::Mono | Theme::Light | Theme::Dark | Theme::HighContrast, _) => {
                Style::new().add_modifier(Modifier::REVERSED)
            }
        }
    }

    fn coloured(self, colour: impl Fn(&Colours) -> Color) -> Style {
        self.colours().map_or(Style::new(), |colours| Style::new().fg(colour(colours)))
    }

    /// The one accent: where the user is.
    pub(super) fn accent(self) -> Style {
        self.coloured(|colours| colours.accent).add_modifier(Modifier::BOLD)
    }

    pub(super) fn good(self) -> Style {
        self.coloured(|colours| colours.good)
    }

    /// What wants to be looked at: new, away, not verified.
    pub(super) fn careful(self) -> Style {
        self.coloured(|colours| colours.careful)
    }

    pub(super) fn alarming(self) -> Style {
        self.coloured(|colours| colours.alarming).add_modifier(Modifier::BOLD)
    }

    /// A picture that a camera is to read: black and white whatever the terminal's own colours are.
    pub(super) fn picture(self) -> Style {
        match self.theme {
            Theme::Mono => Style::new(),
            Theme::Terminal | Theme::Light | Theme::Dark | Theme::HighContrast => {
                Style::new().fg(Color::Indexed(231)).bg(Color::Indexed(16))
            }
        }
    }

    /// A name among several, in the same colour each time.
    pub(super) fn person(self, name: &str) -> Style {
        self.coloured(|colours| colours.people[names::place_of(name)]).add_modifier(Modifier::BOLD)
    }

    /// The sign of where somebody is.
    pub(super) fn presence_style(self, here: &Here) -> Style {
        match here {
            Here::Online { .. } => self.good(),
            Here::Away(_) => self.careful(),
            Here::Offline | Here::Unknown => self.faint(),
        }
    }

    /// How sure it is who somebody is.
    pub(super) fn security_style(self, key: KeyState) -> Style {
        match key {
            KeyState::Verified => self.good(),
            KeyState::NotVerified => self.careful(),
            KeyState::Changed | KeyState::Blocked => self.alarming(),
        }
    }
}

//! Signs and colours: every state is a word or a shape first, and a colour only where colours are wanted.

use ratatui::style::{Color, Modifier, Style};
use serde::{Deserialize, Serialize};

use crate::app::model::Here;
use crate::app::sanitise::Glyphs;
use peer_core::model::DeliveryStatus;

/// Which colours are used (`ui.theme`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Theme {
    /// The sixteen of the terminal.
    #[default]
    Terminal,
    /// None; bold and reversed only.
    Mono,
    /// Few, bright ones.
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
    pub(super) fn bar(self) -> [&'static str; 2] {
        self.pick(["█", "░"], ["#", "."])
    }

    pub(super) fn ellipsis(self) -> &'static str {
        self.pick("…", "~")
    }

    pub(super) fn plain(self) -> Style {
        Style::new()
    }

    pub(super) fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Rules, times, hints.
    pub(super) fn faint(self) -> Style {
        if self.theme == Theme::HighContrast { Style::new() } else { Style::new().add_modifier(Modifier::DIM) }
    }

    pub(super) fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    fn coloured(self, terminal: Color, bright: Color) -> Style {
        match self.theme {
            Theme::Terminal => Style::new().fg(terminal),
            Theme::Mono => Style::new(),
            Theme::HighContrast => Style::new().fg(bright).add_modifier(Modifier::BOLD),
        }
    }

    pub(super) fn good(self) -> Style {
        self.coloured(Color::Green, Color::LightGreen)
    }

    pub(super) fn news(self) -> Style {
        self.coloured(Color::Yellow, Color::LightYellow)
    }

    pub(super) fn alarming(self) -> Style {
        self.coloured(Color::Red, Color::LightRed).add_modifier(Modifier::BOLD)
    }

    pub(super) fn mine(self) -> Style {
        self.coloured(Color::Cyan, Color::LightCyan)
    }
}

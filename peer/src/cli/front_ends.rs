//! What each front end needs to know of the settings.

use std::path::PathBuf;

use common::ident::UserId;
use common::secret::Passcode;

use super::{Characters, Colour, Settings, locale};
use crate::app::line::{Leave, Names, Options, Past, Queue, Receipts, Start, Time};
use crate::app::rpc;
use crate::app::sanitise::Glyphs;
use crate::app::screen::Alerts;
use crate::config::GlyphSet;
use crate::ui::line::{LineOptions, Look, Paint, Pastes};
use crate::ui::tui::{self, TuiOptions};

impl Settings {
    /// Whether a message may wait for its receiver.
    pub(crate) fn queue(&self) -> Queue {
        if self.config.peer.queue { Queue::Allowed } else { Queue::Forbidden }
    }

    pub(crate) fn glyphs(&self) -> Glyphs {
        match self.config.ui.glyphs {
            _ if self.config.ui.plain => Glyphs::Ascii,
            GlyphSet::Unicode => Glyphs::Unicode,
            GlyphSet::Auto if locale().1 == Characters::Unicode => Glyphs::Unicode,
            GlyphSet::Auto | GlyphSet::Ascii => Glyphs::Ascii,
        }
    }

    /// What the line terminal needs.
    pub(crate) fn line_options(&self, start: Start, passcode: Option<Passcode>) -> LineOptions {
        let plain = self.config.ui.plain;
        LineOptions {
            session: Options {
                start,
                user: self.config.server.user.0.clone(),
                passcode,
                server: self.config.server.address.to_string(),
                names: if plain { Names::Always } else { self.config.line.names },
                presence: self.config.line.presence,
                time: if plain { Time::Always } else { self.config.line.time },
                receipts: if plain || self.config.line.receipts { Receipts::All } else { Receipts::Late },
                queue: self.queue(),
                past: if self.config.line.history_file {
                    Past::Recalled(self.config.line.history)
                } else {
                    Past::Forgotten
                },
                zone: self.zone.clone(),
                glyphs: self.glyphs(),
                backlog: self.config.line.backlog,
                // The front end knows whether somebody is there.
                leave: Leave::AtOnce,
                grace: self.config.line.ctrl_c_grace.into(),
                patience: self.config.server.connect_timeout.into(),
                questions: self.questions,
            },
            history: self.config.line.history,
            pastes: if self.config.line.paste_guard { Pastes::PointedOut } else { Pastes::Silent },
            paint: match (self.colour, self.config.ui.theme) {
                (Colour::Off, _) | (Colour::On, tui::Theme::Mono) => Paint::None,
                (
                    Colour::On,
                    tui::Theme::Terminal | tui::Theme::Light | tui::Theme::Dark | tui::Theme::HighContrast,
                ) => Paint::Coloured,
            },
            look: if plain { Look::Plain } else { Look::Screen },
        }
    }

    /// What the JSON front end needs.
    pub(crate) fn rpc_options(&self, life: rpc::Life, passcode: Option<Passcode>) -> rpc::Options {
        rpc::Options {
            server: self.config.server.address.to_string(),
            user: self.config.server.user.0.clone(),
            passcode,
            patience: self.config.server.connect_timeout.into(),
            life,
        }
    }

    /// The socket of the user's daemon.
    pub(crate) fn socket(&self, user: &UserId) -> PathBuf {
        self.socket_of(Some(user))
    }

    /// The same, of whoever logs in.
    pub(crate) fn socket_of(&self, user: Option<&UserId>) -> PathBuf {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|path| !path.is_empty());
        let folder = runtime.map_or_else(|| self.data_dir.join("run"), |path| PathBuf::from(path).join("peer"));
        folder.join(format!("{}.sock", user.map_or("USER", UserId::as_str)))
    }

    /// What the full screen needs.
    pub(crate) fn tui_options(&self, line: &LineOptions) -> TuiOptions {
        let theme = if self.colour == Colour::On { self.config.ui.theme } else { tui::Theme::Mono };
        TuiOptions {
            session: line.session.clone(),
            history: line.history,
            look: tui::Look { glyphs: line.session.glyphs, theme },
            probe: match (self.config.ui.glyphs, line.session.glyphs) {
                (GlyphSet::Auto, Glyphs::Unicode) => tui::Probe::Ask,
                (GlyphSet::Auto | GlyphSet::Unicode | GlyphSet::Ascii, _) => tui::Probe::Settled,
            },
            keymap: self.config.keys.clone(),
            alerts: self.alerts(),
            folder: self.config.files.folder(),
            clock: self.config.tui.time,
            mouse: self.config.ui.mouse,
            title: self.config.tui.title,
            via: self.config.notify.via.resolved(|name| std::env::var_os(name)),
            widths: tui::Widths { people: self.config.tui.people_width, details: self.config.tui.details_width },
        }
    }

    fn alerts(&self) -> Alerts {
        let notify = &self.config.notify;
        Alerts {
            bell: notify.bell,
            when: notify.when,
            preview: notify.preview,
            quiet: notify.quiet_hours.0,
            muted: notify.muted.iter().map(|muted| muted.0.clone()).collect(),
        }
    }
}

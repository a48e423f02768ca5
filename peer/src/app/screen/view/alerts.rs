//! Whether the user looks here, and calling one who looks elsewhere: the bell, a notice of the desktop, and whom nobody
//! wants to hear of.

use std::collections::BTreeSet;
use std::time::Duration;

use common::ident::UserId;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{Focus, Output, View};
use crate::app::grammar::{Here, Switch};
use crate::app::sanitise::SafeText;
use crate::app::texts::{format, help, local_commands, mail, screen};
use peer_core::command::{Command, MessageCommand, Ticket};
use peer_core::model::Conversation;

/// How long new messages are on the screen until they are not new any more.
pub(super) const SEEN_AFTER: Duration = Duration::from_secs(2);

/// Which messages ring the bell (`notify.bell`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ring {
    Never,
    /// Those to the user alone, and those that call them by name.
    #[default]
    Mention,
    All,
}

/// When a user is called (`notify.when`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum When {
    /// While they look at another window.
    #[default]
    Unfocused,
    Always,
    Never,
}

/// How a user is called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Alerts {
    pub(crate) bell: Ring,
    pub(crate) when: When,
    /// Whether a notice of the desktop says what was said.
    pub(crate) preview: bool,
    /// From and to which minute of the day (local time) nobody is called.
    pub(crate) quiet: Option<(u64, u64)>,
    /// Of whom nothing is told.
    pub(crate) muted: BTreeSet<Conversation>,
}

impl Alerts {
    fn is_quiet(&self, date: u64, zone: &TimeZone) -> bool {
        let time = format::local(date, zone);
        let minute = u64::from(time.hour().unsigned_abs()) * 60 + u64::from(time.minute().unsigned_abs());
        self.quiet.is_some_and(
            |(from, to)| {
                if from <= to { (from..to).contains(&minute) } else { minute >= from || minute < to }
            },
        )
    }
}

/// Whether the user looks here, and how they are called if not.
#[derive(Debug)]
pub(super) struct Attention {
    pub(super) focus: Focus,
    alerts: Alerts,
}

impl Attention {
    pub(super) fn new(alerts: Alerts) -> Self {
        Self { focus: Focus::In, alerts }
    }
}

impl View {
    /// The user looks here, or away.
    pub(super) fn look(&mut self, focus: Focus) {
        self.attention.focus = focus;
        if let Some(to) = self.current.clone() {
            self.saw(&to);
        }
    }

    /// What arrived is on a screen that somebody looks at.
    pub(super) fn saw(&mut self, to: &Conversation) {
        let (focus, instant) = (self.attention.focus, self.now.instant);
        let chat = self.chat(to);
        chat.incoming_call = false;
        chat.mentioned = false;
        chat.shown = (focus == Focus::In).then(|| chat.shown.unwrap_or(instant));
        if focus == Focus::In && self.model.conversations.saw(to) {
            self.command(Command::Message(MessageCommand::Seen { with: to.clone() }));
        }
    }

    /// What has been looked at long enough is not new any more.
    pub(super) fn age_news(&mut self) {
        let now = self.now.instant;
        if let Some(chat) = self.current_chat_mut()
            && chat.shown.is_some_and(|since| now.saturating_duration_since(since) >= SEEN_AFTER)
            && chat.anchor.is_none()
        {
            chat.news = None;
        }
    }

    /// Calls the user because of a new message, if they want that.
    pub(super) fn alert(&mut self, to: &Conversation, author: &UserId, text: &str, named: bool) {
        let looks_away = self.attention.focus == Focus::Out;
        let wanted = match self.attention.alerts.when {
            When::Unfocused => looks_away,
            When::Always => true,
            When::Never => false,
        };
        if !wanted || self.is_muted(to) || self.attention.alerts.is_quiet(self.now.date, &self.zone) {
            return;
        }
        let rings = match self.attention.alerts.bell {
            Ring::Never => false,
            Ring::Mention => named || matches!(to, Conversation::User(_)),
            Ring::All => true,
        };
        if rings {
            self.put(Output::Bell);
        }
        if looks_away {
            let said = self.attention.alerts.preview.then_some(text);
            self.put(Output::Announce(SafeText::ours(&screen::new_message(author, said))));
        }
    }

    pub(crate) fn is_muted(&self, with: &Conversation) -> bool {
        self.model.muted.contains(with)
    }

    /// What a user sets and asks of this screen alone.
    pub(super) fn here(&mut self, wish: Here) {
        match wish {
            Here::Copy(number) => self.copy_last(number),
            Here::Bell(switch) => {
                self.attention.alerts.bell = if switch == Switch::On { Ring::All } else { Ring::Never };
                self.tell(local_commands::bell(switch));
            }
            Here::Mouse(switch) => {
                self.mouse = switch;
                self.tell(local_commands::mouse(switch));
            }
            Here::Mute(of) => self.mute(of, Switch::On),
            Here::Unmute(of) => self.mute(of, Switch::Off),
            Here::Retry(_) => match self.current.clone() {
                Some(to) => {
                    let again = MessageCommand::SendAgain { to, id: None, readers: None, ticket: Ticket::default() };
                    self.command(Command::Message(again));
                }
                None => self.tell(local_commands::NOTHING_TO_RETRY),
            },
            Here::Edit if self.current.is_some() => self.put(Output::LendToEditor),
            Here::Edit => self.tell(&help::needs_whom("edit")),
            Here::Time(switch) => {
                self.clock = switch;
                self.tell(local_commands::clock_shown(switch));
            }
        }
    }

    fn mute(&mut self, of: Option<Conversation>, switch: Switch) {
        let Some(of) = of.or_else(|| self.current.clone()) else { return self.tell(mail::WHOM) };
        self.tell(&local_commands::mute(&of, switch));
        if switch == Switch::On {
            self.model.muted.insert(of);
        } else {
            self.model.muted.remove(&of);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_are_those_of_the_clock_on_the_screen() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let alerts = Alerts { quiet: Some((22 * 60, 7 * 60)), ..Alerts::default() };
        // 06:30 UTC on 1 January and 05:30 UTC on 1 July 2026: half past seven there.
        for morning in [1_767_249_000, 1_782_883_800] {
            assert_eq!((alerts.is_quiet(morning, &TimeZone::UTC), alerts.is_quiet(morning, &zone)), (true, false));
        }
        // 02:00 UTC.
        assert!(alerts.is_quiet(1_767_232_800, &zone));
    }
}

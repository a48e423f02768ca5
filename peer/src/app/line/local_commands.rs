//! What a user sets and asks of this screen alone: the clock, the bell, silence from somebody, the last texts once more.
//!
//! Nothing of it leaves the machine or outlives the program.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use common::ident::{MessageId, UserId};
use serde::{Deserialize, Serialize};

use super::Output;
use super::outputs::Outputs;
use super::pending::Pending;
use super::question::again;
use super::session::Session;
use crate::app::grammar::{Here, Switch};
use crate::app::sanitise::SafeText;
use crate::app::texts::{help, local_commands as texts};
use peer_core::model::Conversation;
use peer_core::notice::NotSent;

/// After so long the next line says what time it is.
const SILENCE: Duration = Duration::from_secs(10 * 60);
/// Messages of a group that are shown when it is opened. Chosen arbitrarily: half a screen.
const USUAL_BACKLOG: usize = 10;
/// Texts that can be copied, and sent once more.
const KEPT: usize = 100;

/// When the clock is shown (`line.time`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Time {
    /// Never.
    #[default]
    Never,
    /// After a silence, on a line of its own.
    Auto,
    /// Behind every message of somebody else.
    Always,
}

/// How many of the last messages are shown when a conversation is opened (`line.backlog`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Backlog {
    /// As many everywhere.
    Count(usize),
    /// Some in groups, none where two talk.
    Word(Auto),
}

/// The word for what fits most people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Auto {
    Auto,
}

impl Default for Backlog {
    fn default() -> Self {
        Self::Word(Auto::Auto)
    }
}

impl Backlog {
    pub(super) fn of(self, with: &Conversation) -> usize {
        match (self, with) {
            // What was told to everyone lies at the directory.
            (_, Conversation::Everyone) | (Self::Word(Auto::Auto), Conversation::User(_)) => 0,
            (Self::Count(count), _) => count,
            (Self::Word(Auto::Auto), Conversation::Group(_)) => USUAL_BACKLOG,
        }
    }
}

/// A text that was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Undelivered {
    to: Conversation,
    text: String,
    /// Of one that is kept, and goes out again as what it is.
    id: Option<MessageId>,
}

/// What was set, and what may be asked for again.
#[derive(Debug)]
pub(super) struct Habits {
    time: Time,
    bell: Switch,
    /// Texts of others as they were written, the newest last.
    heard: VecDeque<String>,
    /// What was not delivered and is not kept, the newest last.
    undelivered: VecDeque<Undelivered>,
    /// When somebody said something.
    spoke: Option<Instant>,
}

impl Habits {
    pub(super) fn new(time: Time) -> Self {
        Self { time, bell: Switch::Off, heard: VecDeque::new(), undelivered: VecDeque::new(), spoke: None }
    }

    pub(super) fn not_delivered(&mut self, to: Conversation, text: String) {
        keep(&mut self.undelivered, Undelivered { to, text, id: None });
    }

    /// A text that the directory had stored and has dropped.
    pub(super) fn withdrawn(&mut self, to: Conversation, id: MessageId, text: String) {
        self.undelivered.retain(|kept| kept.id != Some(id));
        keep(&mut self.undelivered, Undelivered { to, text, id: Some(id) });
    }

    /// It is on its way again.
    pub(super) fn sent_again(&mut self, id: MessageId) {
        self.undelivered.retain(|kept| kept.id != Some(id));
    }

    /// A text that was not sent, if another try may help.
    pub(super) fn not_sent(&mut self, to: &Conversation, text: &str, why: &NotSent) {
        match why {
            NotSent::DirectoryLost
            | NotSent::Refused(_)
            | NotSent::NotKept { .. }
            | NotSent::NotAMember
            | NotSent::Blocked => self.not_delivered(to.clone(), text.to_owned()),
            NotSent::TooLong | NotSent::Yourself | NotSent::NoSuchUser { .. } => {}
        }
    }
}

fn keep<T>(kept: &mut VecDeque<T>, newest: T) {
    if kept.len() == KEPT {
        kept.pop_front();
    }
    kept.push_back(newest);
}

impl Session {
    pub(super) fn here(&mut self, here: Here, outputs: &mut Outputs) {
        match here {
            Here::Copy(number) => match nth(&self.habits.heard, number) {
                Some(text) => outputs.put(Output::Copy(text.clone())),
                None => outputs.say(texts::NOTHING_TO_COPY),
            },
            Here::Edit if self.speaks_with().is_some() => outputs.put(Output::Edit),
            Here::Edit => outputs.say(&help::needs_whom("edit")),
            Here::Time(switch) => {
                self.habits.time = if switch == Switch::On { Time::Always } else { Time::Never };
                outputs.say(&texts::time(switch, outputs.date, &outputs.options.zone));
            }
            Here::Mouse(_) => outputs.say(texts::NO_MOUSE),
            Here::Bell(switch) => {
                self.habits.bell = switch;
                outputs.say(texts::bell(switch));
            }
            Here::Mute(of) => self.mute(of, Switch::On, outputs),
            Here::Unmute(of) => self.mute(of, Switch::Off, outputs),
            Here::Retry(number) => match nth(&self.habits.undelivered, number).cloned() {
                Some(Undelivered { to, id: Some(id), .. }) => {
                    outputs.ask(Pending::Answer, again(to, Some(id), None));
                }
                Some(kept) => {
                    self.habits.undelivered.retain(|other| *other != kept);
                    outputs.say(&texts::sent_again(&kept.to, &kept.text));
                    self.send(kept.to, kept.text, outputs);
                }
                // It may have failed before this program was started.
                None => match self.speaks_with() {
                    Some(to) => outputs.ask(Pending::Answer, again(to, None, None)),
                    None => outputs.say(texts::NOTHING_TO_RETRY),
                },
            },
        }
    }

    fn mute(&mut self, of: Option<Conversation>, switch: Switch, outputs: &mut Outputs) {
        let word = if switch == Switch::On { "mute" } else { "unmute" };
        let Some(of) = of.or_else(|| self.speaks_with()) else { return outputs.say(&help::needs_whom(word)) };
        outputs.say(&texts::mute(&of, switch));
        if switch == Switch::On {
            self.model.muted.insert(of);
        } else {
            self.model.muted.remove(&of);
        }
    }

    /// Somebody says something now: after a silence the time is told first.
    pub(super) fn breaks_silence(&mut self, outputs: &mut Outputs) {
        let before = self.habits.spoke.replace(outputs.now);
        let silent = before.is_some_and(|before| outputs.now.saturating_duration_since(before) >= SILENCE);
        if self.habits.time == Time::Auto && silent {
            outputs.say(&texts::clock(outputs.date, &outputs.options.zone));
        }
    }

    /// A text of somebody, line by line, with our words in front of the first and the time behind the last.
    pub(super) fn show_text(&mut self, text: &str, date: u64, front: Option<Front<'_>>, outputs: &mut Outputs) {
        self.breaks_silence(outputs);
        keep(&mut self.habits.heard, text.to_owned());
        if self.habits.bell == Switch::On {
            outputs.put(Output::Bell);
        }
        let mut lines = SafeText::message(text, outputs.options.glyphs);
        if self.habits.time == Time::Always
            && let Some(last) = lines.pop()
        {
            lines.push(SafeText::ours(&texts::behind(date, &outputs.options.zone)).after(&last));
        }
        put_lines(lines, front, outputs);
    }
}

/// Our words in front of a text of somebody, and the name in them where several talk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Front<'a> {
    words: &'a str,
    name: Option<&'a UserId>,
}

impl<'a> Front<'a> {
    pub(super) fn new(words: &'a str, of: &Conversation, author: &'a UserId) -> Self {
        let name = matches!(of, Conversation::Group(_) | Conversation::Everyone).then_some(author);
        Self { words, name }
    }
}

/// Lines of somebody else, with our words in front of the first.
pub(super) fn put_lines(lines: Vec<SafeText>, front: Option<Front<'_>>, outputs: &mut Outputs) {
    for (number, line) in lines.into_iter().enumerate() {
        outputs.put(match front {
            Some(Front { words, name }) if number == 0 => {
                let line = line.after(&SafeText::ours(words));
                Output::Remote { line, name: name.map(|name| name.to_string()) }
            }
            _ => Output::Remote { line, name: None },
        });
    }
}

/// The one that is the last but so many, counted from one.
fn nth<T>(kept: &VecDeque<T>, number: usize) -> Option<&T> {
    kept.iter().rev().nth(number.checked_sub(1)?)
}

//! What arrives by mail, and what is looked up in the history.
//!
//! A user who talks to somebody is not to be flooded by others: of each user one text is shown, and then only how many
//! there are, at most once in [`NEWS_EVERY`] (`n.other`). They are shown when that user gets the screen.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::Output;
use super::local_commands::{Front, put_lines};
use super::outputs::Outputs;
use super::pending::Reading;
use super::session::{Focus, Session};
use crate::app::sanitise::SafeText;
use crate::app::texts::{mail, talk};
use peer_core::command::{Command, MessageCommand};
use peer_core::model::{Conversation, StoredMessage};
use peer_core::notice::Arrival;

/// How often the texts of one user may take a line away from the user who talks to somebody else.
const NEWS_EVERY: Duration = Duration::from_secs(30);

/// What arrived from a user who does not have the screen.
#[derive(Debug)]
pub(super) struct News {
    /// When the user was told last.
    told: Instant,
    /// Texts the user was not told of.
    fresh: usize,
    /// Texts since the first one that was not shown; nothing if all were.
    unseen: usize,
}

impl News {
    pub(super) fn deadline(&self) -> Option<Instant> {
        (self.fresh > 0).then(|| self.told + NEWS_EVERY)
    }
}

impl Session {
    pub(super) fn arrived(&mut self, arrivals: Vec<Arrival>, outputs: &mut Outputs) {
        self.tell_news(outputs);
        let here = self.speaks_with();
        let (mine, others): (Vec<Arrival>, Vec<Arrival>) =
            arrivals.into_iter().partition(|arrival| here.as_ref() == Some(&arrival.conversation));
        let (muted, others): (Vec<Arrival>, Vec<Arrival>) =
            others.into_iter().partition(|arrival| self.model.muted.contains(&arrival.conversation));
        for arrival in muted {
            self.leave_unseen(arrival, outputs.now);
        }
        let waited = others.iter().filter(|arrival| arrival.waited).count();
        if waited > 0 {
            outputs.say(&mail::arrived_while_away(waited));
        }
        for arrival in &others {
            if self.is_only_counted(arrival, outputs.now) {
                continue;
            }
            let front = if arrival.waited {
                mail::waited(&arrival.conversation, &arrival.from, arrival.date, &outputs.options.zone)
            } else {
                mail::elsewhere(&arrival.conversation, &arrival.from)
            };
            let front = Front::new(&front, &arrival.conversation, &arrival.from);
            self.show_text(&arrival.text, arrival.date, Some(front), outputs);
        }
        for arrival in &mine {
            let in_pair = matches!(arrival.conversation, Conversation::User(_));
            let front = (!in_pair || self.must_be_named(&arrival.text, outputs)).then(|| talk::author(&arrival.from));
            let front = front.as_deref().map(|words| Front::new(words, &arrival.conversation, &arrival.from));
            self.show_text(&arrival.text, arrival.date, front, outputs);
        }
        let shown: BTreeSet<Conversation> =
            others.into_iter().chain(mine).map(|arrival| arrival.conversation).collect();
        for with in shown {
            if !self.has_unseen(&with) {
                outputs.command(Command::Message(MessageCommand::Seen { with }));
            }
        }
    }

    /// A text of somebody muted is shown when the user turns to them, and not before.
    fn leave_unseen(&mut self, arrival: Arrival, now: Instant) {
        if let Conversation::User(from) = arrival.conversation {
            self.news.entry(from).or_insert(News { told: now, fresh: 0, unseen: 0 }).unseen += 1;
        }
    }

    /// Whether the user is told only that there is one more of them.
    fn is_only_counted(&mut self, arrival: &Arrival, now: Instant) -> bool {
        let (Conversation::User(from), false) = (&arrival.conversation, arrival.waited) else { return false };
        let Some(news) = self.news.get_mut(from) else {
            self.news.insert(from.clone(), News { told: now, fresh: 0, unseen: 0 });
            return false;
        };
        let counted = self.focus != Focus::Destination && now < news.told + NEWS_EVERY;
        if counted {
            news.fresh += 1;
        } else {
            news.told = now;
        }
        if counted || news.unseen > 0 {
            news.unseen += 1;
        }
        counted
    }

    /// Says how many texts were not shown, where it is time to.
    pub(super) fn tell_news(&mut self, outputs: &mut Outputs) {
        let now = outputs.now;
        for (from, news) in &mut self.news {
            if news.deadline().is_some_and(|due| due <= now) {
                outputs.say(&mail::more(from, news.fresh));
                (news.told, news.fresh) = (now, 0);
            }
        }
    }

    fn has_unseen(&self, with: &Conversation) -> bool {
        matches!(with, Conversation::User(user) if self.news.get(user).is_some_and(|news| news.unseen > 0))
    }

    /// `with` gets the screen: what was not shown is shown now.
    pub(super) fn catch_up(&mut self, with: Conversation, outputs: &mut Outputs) {
        let news = if let Conversation::User(user) = &with { self.news.remove(user) } else { None };
        let backlog = outputs.options.backlog.of(&with);
        if self.reopened.insert(with.clone()) && backlog > 0 {
            self.look_back(with.clone(), backlog, Reading::Backlog, outputs);
        }
        match news {
            Some(News { unseen: count @ 1.., .. }) if backlog == 0 => {
                self.look_back(with.clone(), count, Reading::Missed, outputs)
            }
            _ => outputs.command(Command::Message(MessageCommand::Seen { with: with.clone() })),
        }
        self.remember_entries(with, outputs);
    }

    /// What was said last, above what is said from now on.
    pub(super) fn reopened(&self, records: &[StoredMessage], outputs: &mut Outputs) {
        for record in records {
            let front = SafeText::ours(&mail::recalled(record, &outputs.options.zone));
            for (number, line) in SafeText::message(&record.text, outputs.options.glyphs).into_iter().enumerate() {
                outputs.put(Output::Earlier(if number == 0 { line.after(&front) } else { line }));
            }
        }
    }

    /// What was looked up for `/history`, oldest first.
    pub(super) fn recalled(&mut self, records: &[StoredMessage], unread: usize, outputs: &mut Outputs) {
        if records.is_empty() {
            return outputs.say(mail::NOTHING_THERE);
        }
        let first_unread = records.len().saturating_sub(unread);
        for (number, record) in records.iter().enumerate() {
            if unread > 0 && number == first_unread {
                outputs.say(&mail::unread(unread));
            }
            let lines = SafeText::message(&record.text, outputs.options.glyphs);
            let front = mail::recalled(record, &outputs.options.zone);
            put_lines(lines, Some(Front::new(&front, &record.name.conversation, &record.name.author)), outputs);
        }
    }

    /// What was looked up for `/find`, newest first.
    pub(super) fn found(&mut self, words: &str, records: &[StoredMessage], outputs: &mut Outputs) {
        if records.is_empty() {
            return outputs.say(mail::NOTHING_THERE);
        }
        outputs.say(&mail::found(words, records.len()));
        for record in records {
            let lines = SafeText::message(&record.text, outputs.options.glyphs);
            let front = mail::recalled_anywhere(record, &outputs.options.zone);
            put_lines(lines, Some(Front::new(&front, &record.name.conversation, &record.name.author)), outputs);
        }
    }
}

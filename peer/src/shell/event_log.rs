//! What goes into the event log, and with which transaction. The log itself is in the store, the words are the front
//! end's.

use std::collections::VecDeque;

use peer_core::event::Effect;
use peer_core::notice::Notice;

/// Says what of a notice is worth an event.
pub(crate) type EventFilter = fn(&Notice) -> Vec<String>;

/// What is to be written with each `Persist` of these effects: what is told behind it, and before the first one.
/// Without a `Persist` there is one place, for what is about this moment only. Nothing where no events are kept.
pub(super) fn news(filter: Option<EventFilter>, effects: &[Effect]) -> VecDeque<Vec<String>> {
    let Some(filter) = filter else { return VecDeque::new() };
    let mut news = VecDeque::from([Vec::new()]);
    let mut is_first = true;
    for effect in effects {
        match effect {
            Effect::Persist(_) if std::mem::take(&mut is_first) => {}
            Effect::Persist(_) => news.push_back(Vec::new()),
            Effect::Notify(notice) | Effect::Answer(_, notice) => {
                news.back_mut().into_iter().for_each(|last| last.extend(filter(notice)))
            }
            _ => {}
        }
    }
    news
}

#[cfg(test)]
mod tests {
    use super::*;
    use peer_core::notice::{DirectoryLoss, DirectoryNotice};

    #[test]
    fn what_is_told_is_written_with_what_it_rests_on() {
        let filter: EventFilter = |notice| match notice {
            Notice::Directory(DirectoryNotice::Lost { retry_in, .. }) => vec![retry_in.to_string()],
            _ => Vec::new(),
        };
        let why = DirectoryLoss::Network;
        let told = |number| Effect::Notify(Notice::Directory(DirectoryNotice::Lost { retry_in: number, why }));
        let persist = || Effect::Persist(Vec::new());
        let effects = [
            told(1),
            persist(),
            told(2),
            Effect::Notify(Notice::Directory(DirectoryNotice::Back)),
            persist(),
            persist(),
            told(3),
        ];
        assert_eq!(news(Some(filter), &effects), [vec!["1", "2"], vec![], vec!["3"]]);
        assert_eq!(news(Some(filter), &[told(4)]), [["4"]]);
        assert_eq!(news(None, &effects), VecDeque::<Vec<String>>::new());
    }
}

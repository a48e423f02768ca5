//! Files by relay: fetched so where the sender's addresses do not do, given so to whom they were offered (decision D26;
//! protocol section 6.12).

use common::ident::{MeetingToken, UserId};
use common::msg::{Meet, MeetingWay, RELAY_FILES};

use super::{Files, Transfer};
use crate::context::Context;
use crate::event::{Effect, Over};
use crate::meeting::Meeting;
use crate::model::LinkWay;
use crate::notice::{CallFailed, FileNews, FileRelay, FileState, FileWaits};
use crate::request::{DirectoryRequest, Question, Request};

impl Files {
    /// Nobody gave a file that we fetch: another way is tried, or the file waits.
    pub(super) fn not_reached(&mut self, cx: &mut Context, number: u64, why: CallFailed) -> Vec<Request> {
        if let Some(meeting) = self.meetings.get_mut(&number) {
            meeting.not_reached(why);
            return self.ask_to_meet(cx, number).into_iter().collect();
        }
        self.wait_for_a_way(cx, number, FileWaits { why: Some(why), relay: FileRelay::Off });
        Vec::new()
    }

    /// Asks to be brought together with the next terminal of the sender.
    fn ask_to_meet(&mut self, cx: &mut Context, number: u64) -> Option<Request> {
        let with = self.all.get(&number)?.with.clone();
        if !cx.is_up() {
            // Everything is fetched again with the next session.
            self.meetings.remove(&number);
            self.retry(cx, number, 0);
            return None;
        }
        let request = self.meetings.get_mut(&number).and_then(|meeting| meeting.next(&with));
        if let Some(request) = request {
            self.looking_up.insert(number);
            let (message, question) = (request.into(), Question::FileMeeting(number));
            return Some(Request::Directory(DirectoryRequest::Ask { message, question }));
        }
        let why = self.meetings.remove(&number).map(Meeting::failed)?;
        self.wait_for_a_way(cx, number, FileWaits { why: Some(why), relay: FileRelay::InVain });
        None
    }

    /// The directory brings us together with the sender, or (without a token) does not.
    pub(crate) fn handle_met(&mut self, cx: &mut Context, number: u64, token: Option<MeetingToken>) -> Vec<Request> {
        if !self.looking_up.remove(&number) {
            return Vec::new();
        }
        let Some(token) = token else { return self.ask_to_meet(cx, number).into_iter().collect() };
        let Some(transfer) = self.all.get(&number).filter(|known| known.is_wanted()) else { return Vec::new() };
        let (to, wanted, meeting) = (transfer.with.clone(), transfer.download(number), self.meetings.get(&number));
        if let (Some(wanted), Some(meeting)) = (wanted, meeting) {
            let (found, over, wanted) = (meeting.found().clone(), Over::Relay(token), Box::new(wanted));
            self.running.insert(number, 0);
            cx.push(Effect::Fetch { to, found, over, wanted });
        }
        Vec::new()
    }

    /// Told once; tried again as a transfer is that was lost.
    fn wait_for_a_way(&mut self, cx: &mut Context, number: u64, waits: FileWaits) {
        let is_news = self.waiting.insert(number, waits.clone()).as_ref() != Some(&waits);
        if is_news {
            self.tell(cx, number, FileNews::NoWay(Box::new(waits)));
        }
        self.retry(cx, number, 0);
    }

    /// A connection to somebody stands: what is offered to them waits where it is relayed and files are not.
    pub(crate) fn handle_link(&mut self, cx: &mut Context, with: &UserId) {
        let offered = |known: &Transfer| known.with == *with && known.source.is_some() && !known.state.is_over();
        let numbers: Vec<u64> =
            self.all.iter().filter(|(_, known)| offered(known)).map(|(number, _)| *number).collect();
        for number in numbers {
            self.wait_to_give(cx, number);
        }
    }

    /// Tells the user, once, that a file is not given before there is a direct way, or forgets that.
    pub(super) fn wait_to_give(&mut self, cx: &mut Context, number: u64) {
        let Some(transfer) = self.all.get(&number) else { return };
        let is_relayed =
            cx.links.of(&transfer.with).is_some_and(|standing| cx.ways.get(&standing.link) == Some(&LinkWay::Relayed));
        if !is_relayed || cx.features.include(RELAY_FILES) {
            self.waiting.remove(&number);
        } else if !self.running.contains_key(&number) {
            let waits = FileWaits { why: None, relay: FileRelay::Off };
            if self.waiting.insert(number, waits.clone()).is_none() {
                self.tell(cx, number, FileNews::NoWay(Box::new(waits)));
            }
        }
    }

    /// Somebody wants to be brought together with this terminal for a file: it goes to meet whom it offers one.
    pub(crate) fn handle_meet(&self, cx: &mut Context, meet: Meet) {
        let is_offered = self.all.values().any(|known| {
            known.with == meet.userid
                && known.source.is_some()
                && matches!(known.state, FileState::Offered | FileState::Accepted)
        });
        if is_offered && !cx.is_blocked(&meet.userid) && meet.how == MeetingWay::File && meet.token.is_some() {
            cx.push(Effect::Meet(Box::new(meet)));
        }
    }
}

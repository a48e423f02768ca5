//! Files in the full screen: lines of their conversations.

use super::View;
use crate::app::model::Transfer;
use crate::app::texts::files;
use peer_core::model::Conversation;
use peer_core::notice::{FileNews, FileShown};

impl View {
    /// Something has become of a file: its line in the conversation says it, and a notice where nobody looks.
    pub(super) fn file_news(&mut self, file: &FileShown, news: &FileNews) {
        let with = Conversation::User(file.with.clone());
        let took = self.model.transfers.get(file.number).and_then(Transfer::took);
        let text = files::news(file, news, took);
        let (number, is_silent) = (file.number, matches!(news, FileNews::Progress { .. }));
        if matches!(news, FileNews::OfferedBefore | FileNews::Over | FileNews::NotThat) {
            return self.tell(&text);
        }
        let is_partial = matches!(news, FileNews::Offering | FileNews::OfferWaits) && !file.left_out.is_empty();
        let date = self.now.date;
        self.chat(&with).file(date, number);
        if !is_silent && (is_partial || !self.is_current(&with)) {
            self.tell(&text);
        }
    }
}

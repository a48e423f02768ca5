//! When another way is tried than the callee's addresses, and whom this terminal comes to meet (decision D26; protocol
//! sections 6.12 and 7.3).

use common::msg::{ConnectRefusal, Meet, MeetingWay};

use super::Calls;
use crate::context::Context;
use crate::event::{Accept, DialFailed, Effect};

/// Whether it says of the way that it does not lead there, and nothing of who is there.
pub(super) fn is_of_the_way(why: &DialFailed) -> bool {
    match why {
        DialFailed::NoAnswer { .. }
        | DialFailed::Unreached(_)
        | DialFailed::Refused(ConnectRefusal::Address)
        | DialFailed::RefusedFamily(ConnectRefusal::Address) => true,
        DialFailed::Refused(_)
        | DialFailed::RefusedFamily(_)
        | DialFailed::Broken
        | DialFailed::Local { .. }
        | DialFailed::WrongKey => false,
    }
}

impl Calls {
    /// Somebody wants to be brought together with this terminal. Nothing is dialled for whom it would not talk to anyway;
    /// whoever comes is verified as every caller is.
    pub(crate) fn handle_meet(&self, cx: &mut Context, meet: Meet) {
        let from = &meet.userid;
        let is_welcome = match self.accept {
            Accept::All | Accept::Ask => true,
            Accept::Contacts => cx.contacts.is_chosen(from),
            Accept::None => false,
        };
        // A call that crosses one of ours is ours as well; so is one that goes on with a conversation.
        let is_welcome = is_welcome || self.is_calling(from) || cx.links.of(from).is_some();
        let is_whole = match meet.how {
            MeetingWay::Relay => meet.token.is_some(),
            MeetingWay::Punch => meet.after.is_some(),
            MeetingWay::File | MeetingWay::Other => false,
        };
        if is_welcome && !cx.is_blocked(from) && !cx.is_me(from) && is_whole {
            cx.push(Effect::Meet(Box::new(meet)));
        }
    }
}

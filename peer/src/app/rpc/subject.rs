//! Requests by subject: what a flat list of methods on the wire is to the machine. Reads no parameters.

use super::methods::{
    Ack, Call, FileSend, Group, GroupUser, History, Login, Passwd, Presence, Read, Retry, Search, Send, Subscribe, To,
    User, Verify,
};
use common::ident::UserId;
use peer_core::command::{FileWish, GroupWish};

/// What a request is about.
#[derive(Debug)]
pub(super) enum Subject {
    /// The program; logged in or not.
    Program(ProgramCall),
    /// The session; only while it stands.
    Session(SessionCall),
}

#[derive(Debug)]
pub(super) enum ProgramCall {
    Hello,
    Login(Login),
    Leave,
    Status,
}

#[derive(Debug)]
pub(super) enum SessionCall {
    Directory(DirectoryCall),
    Link(LinkCall),
    Message(MessageCall),
    Group(GroupCall),
    File(FileCall),
    Contact(ContactCall),
    Journal(JournalCall),
}

/// What the directory knows, and what it is told of this user.
#[derive(Debug)]
pub(super) enum DirectoryCall {
    List,
    Presence(Presence),
    Passwd(Passwd),
}

/// Direct connections.
#[derive(Debug)]
pub(super) enum LinkCall {
    Connect(To),
    End(To),
}

#[derive(Debug)]
pub(super) enum MessageCall {
    Send(Send),
    Retry(Retry),
    History(History),
    Search(Search),
    Read(Read),
}

#[derive(Debug)]
pub(super) enum GroupCall {
    /// A wish about the group.
    Whole(Group, GroupWish),
    /// A wish about somebody in it.
    Member(GroupUser, fn(UserId) -> GroupWish),
}

#[derive(Debug)]
pub(super) enum FileCall {
    Offer(FileSend),
    /// A wish about the file of this number.
    Wish(u64, FileWish),
    List,
}

#[derive(Debug)]
pub(super) enum ContactCall {
    Number(User),
    Confirm(Verify),
    Block(User),
    Unblock(User),
}

/// The events that a client gets.
#[derive(Debug)]
pub(super) enum JournalCall {
    Subscribe(Subscribe),
    Ack(Ack),
}

impl From<Call> for Subject {
    fn from(call: Call) -> Self {
        let call = match call {
            Call::Hello(_) => return Self::Program(ProgramCall::Hello),
            Call::Login(params) => return Self::Program(ProgramCall::Login(params)),
            Call::Logout(_) | Call::Shutdown(_) => return Self::Program(ProgramCall::Leave),
            Call::Status(_) => return Self::Program(ProgramCall::Status),
            Call::List(_) => SessionCall::Directory(DirectoryCall::List),
            Call::Presence(params) => SessionCall::Directory(DirectoryCall::Presence(params)),
            Call::Passwd(params) => SessionCall::Directory(DirectoryCall::Passwd(params)),
            Call::Connect(params) => SessionCall::Link(LinkCall::Connect(params)),
            Call::End(params) => SessionCall::Link(LinkCall::End(params)),
            Call::Send(params) => SessionCall::Message(MessageCall::Send(params)),
            Call::Retry(params) => SessionCall::Message(MessageCall::Retry(params)),
            Call::History(params) => SessionCall::Message(MessageCall::History(params)),
            Call::Search(params) => SessionCall::Message(MessageCall::Search(params)),
            Call::Read(params) => SessionCall::Message(MessageCall::Read(params)),
            Call::GroupCreate(params) => SessionCall::Group(GroupCall::Whole(params, GroupWish::Create)),
            Call::GroupJoin(params) => SessionCall::Group(GroupCall::Whole(params, GroupWish::Join)),
            Call::GroupLeave(params) => SessionCall::Group(GroupCall::Whole(params, GroupWish::Leave)),
            Call::GroupMembers(params) => SessionCall::Group(GroupCall::Whole(params, GroupWish::Members)),
            Call::GroupApprove(params) => SessionCall::Group(GroupCall::Member(params, GroupWish::Approve)),
            Call::GroupDeny(params) => SessionCall::Group(GroupCall::Member(params, GroupWish::Deny)),
            Call::GroupRemove(params) => SessionCall::Group(GroupCall::Member(params, GroupWish::Remove)),
            Call::GroupAdmin(params) => SessionCall::Group(GroupCall::Member(params, GroupWish::Admin)),
            Call::FileSend(params) => SessionCall::File(FileCall::Offer(params)),
            Call::FileAccept(params) => {
                SessionCall::File(FileCall::Wish(params.file, FileWish::Accept { folder: params.dir }))
            }
            Call::FileRefuse(params) => SessionCall::File(FileCall::Wish(params.file, FileWish::Refuse)),
            Call::FileCancel(params) => SessionCall::File(FileCall::Wish(params.file, FileWish::Cancel)),
            Call::FileResume(params) => SessionCall::File(FileCall::Wish(params.file, FileWish::Resume)),
            Call::FileList(_) => SessionCall::File(FileCall::List),
            Call::VerifyNumber(params) => SessionCall::Contact(ContactCall::Number(params)),
            Call::VerifySet(params) => SessionCall::Contact(ContactCall::Confirm(params)),
            Call::Block(params) => SessionCall::Contact(ContactCall::Block(params)),
            Call::Unblock(params) => SessionCall::Contact(ContactCall::Unblock(params)),
            Call::Subscribe(params) => SessionCall::Journal(JournalCall::Subscribe(params)),
            Call::Ack(params) => SessionCall::Journal(JournalCall::Ack(params)),
        };
        Self::Session(call)
    }
}

//! What clients can ask, with what parameters. The schema is made of these types.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The methods, as `hello` tells them.
pub(super) const METHODS: &[&str] = &[
    "hello",
    "login",
    "logout",
    "status",
    "shutdown",
    "list",
    "connect",
    "end",
    "send",
    "retry",
    "history",
    "search",
    "read",
    "presence",
    "group.create",
    "group.join",
    "group.leave",
    "group.members",
    "group.approve",
    "group.deny",
    "group.remove",
    "group.admin",
    "file.send",
    "file.accept",
    "file.refuse",
    "file.cancel",
    "file.resume",
    "file.list",
    "verify.number",
    "verify.set",
    "block",
    "unblock",
    "passwd",
    "subscribe",
    "ack",
];

/// A method and its parameters. Unknown parameters are ignored.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "method", content = "params", rename_all = "snake_case")]
pub(crate) enum Call {
    /// Optional, and first. Answered by name, version, protocol, methods and events.
    Hello(Nothing),
    /// Log in. Answered by `user`, `server` and the number of the last event.
    Login(Login),
    /// End the session; the program ends too.
    Logout(Nothing),
    /// Who is logged in, and what waits.
    Status(Nothing),
    /// The same as `logout`.
    Shutdown(Nothing),
    /// Users and groups.
    List(Nothing),
    /// Open a direct connection, or take one that asks. Sending does not need it.
    Connect(To),
    /// End a direct connection, or decline one that asks.
    End(To),
    /// Send a message.
    Send(Send),
    /// Send again a message that has failed because the directory has dropped it, under the same id. To a group `readers` are
    /// needed: those who would read it now; without them, or with others, the error names them.
    Retry(Retry),
    /// Stored messages of a conversation, oldest first.
    History(History),
    /// Stored messages with these words, newest first.
    Search(Search),
    /// What arrived in a conversation was seen.
    Read(Read),
    /// Be away, or back.
    Presence(Presence),
    /// Found a group.
    #[serde(rename = "group.create")]
    GroupCreate(Group),
    /// Ask the admins of a group for admission.
    #[serde(rename = "group.join")]
    GroupJoin(Group),
    /// Leave a group.
    #[serde(rename = "group.leave")]
    GroupLeave(Group),
    /// Who is in a group, and who asks to be.
    #[serde(rename = "group.members")]
    GroupMembers(Group),
    /// Admit somebody who asked.
    #[serde(rename = "group.approve")]
    GroupApprove(GroupUser),
    /// Decline somebody who asked.
    #[serde(rename = "group.deny")]
    GroupDeny(GroupUser),
    /// Remove a member.
    #[serde(rename = "group.remove")]
    GroupRemove(GroupUser),
    /// Make a member an admin.
    #[serde(rename = "group.admin")]
    GroupAdmin(GroupUser),
    /// Offer a file or a folder. Answered as soon as the offer is kept.
    #[serde(rename = "file.send")]
    FileSend(FileSend),
    /// Take a file that was offered.
    #[serde(rename = "file.accept")]
    FileAccept(FileAccept),
    /// Do not take it.
    #[serde(rename = "file.refuse")]
    FileRefuse(File),
    /// Do not take it any more, or do not give it any more.
    #[serde(rename = "file.cancel")]
    FileCancel(File),
    /// Try again what has stopped.
    #[serde(rename = "file.resume")]
    FileResume(File),
    /// All files, the oldest first.
    #[serde(rename = "file.list")]
    FileList(Nothing),
    /// The safety number shared with a user: 12 groups of 5 digits.
    #[serde(rename = "verify.number")]
    VerifyNumber(User),
    /// The safety number was compared. The digits must be the ones that hold now.
    #[serde(rename = "verify.set")]
    VerifySet(Verify),
    /// Refuse calls and messages of a user.
    Block(User),
    /// Take them again.
    Unblock(User),
    /// Change the passcode.
    Passwd(Passwd),
    /// Which events this client gets, and from where on.
    Subscribe(Subscribe),
    /// Everything up to this event was dealt with; kept under the name, across runs.
    Ack(Ack),
}

/// No parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Nothing {}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Login {
    /// May be left out where the program was started with `--user`.
    #[serde(default)]
    pub(crate) user: Option<String>,
    /// May be left out where the program was started with `--passcode-file`.
    #[serde(default)]
    pub(crate) passcode: Option<String>,
    /// Register the user if the directory does not know them and anyone may.
    #[serde(default)]
    pub(crate) register: bool,
    /// The directory's key as its administrator gave it; needed at first contact with a directory elsewhere.
    #[serde(default)]
    pub(crate) server_key: Option<String>,
    /// Log in although the directory has an older vault than this terminal has seen, as after a backup was restored.
    #[serde(default)]
    pub(crate) older_vault: bool,
}

/// Shows no passcode (threat T5).
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({:?})", self.user)
    }
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct To {
    /// A user id.
    pub(crate) to: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Send {
    /// A user id, `#group` or `*`.
    pub(crate) to: String,
    pub(crate) text: String,
    /// False: only over a direct connection, and not at all if there can be none now.
    #[serde(default = "yes")]
    pub(crate) queue: bool,
    /// The client's own name for the message: with the same one it is sent once within 24 hours.
    #[serde(default, rename = "ref")]
    pub(crate) reference: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Retry {
    /// A user id or `#group`.
    pub(crate) to: String,
    /// The message, as its `message_state` named it.
    pub(crate) msg: String,
    /// Who is known to read it in a group now, in the order of the ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) readers: Option<Vec<String>>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct History {
    /// A user id, `#group` or `*`.
    pub(crate) with: String,
    /// A message as this method tells them: only what came before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Before>,
    #[serde(default = "fifty")]
    pub(crate) limit: usize,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Before {
    /// Its id.
    pub(crate) msg: String,
    /// Its author.
    pub(crate) from: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Search {
    pub(crate) words: String,
    #[serde(default = "fifty")]
    pub(crate) limit: usize,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Read {
    /// A user id, `#group` or `*`.
    pub(crate) with: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Presence {
    pub(crate) state: Availability,
    /// For `away`.
    #[serde(default)]
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Availability {
    Online,
    Away,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Group {
    /// Its name, with or without `#`.
    pub(crate) group: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct GroupUser {
    /// Its name, with or without `#`.
    pub(crate) group: String,
    /// A user id.
    pub(crate) user: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct FileSend {
    /// A user id.
    pub(crate) to: String,
    /// Absolute, or from where the program was started.
    pub(crate) path: PathBuf,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct FileAccept {
    /// Its number, as events tell it.
    pub(crate) file: u64,
    /// Where it is saved; otherwise as the configuration says.
    #[serde(default)]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct File {
    /// Its number, as events tell it.
    pub(crate) file: u64,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct User {
    /// A user id.
    pub(crate) id: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Verify {
    /// A user id.
    pub(crate) id: String,
    /// As `verify.number` tells them.
    pub(crate) digits: Vec<String>,
    /// Whether they are the same on the other side.
    pub(crate) verified: bool,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Passwd {
    /// The new one.
    pub(crate) passcode: String,
    /// The one in use, which the directory checks and counts; without it, the one of this login.
    #[serde(default)]
    pub(crate) current: Option<String>,
    /// Whether it opens a new identity key, which takes the place of the one there is.
    #[serde(default)]
    pub(crate) new_key: bool,
}

/// Shows no passcode (threat T5).
impl std::fmt::Debug for Passwd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passwd(…)")
    }
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Subscribe {
    /// Events behind this one, once more; together with a name, only if nothing was acknowledged under it.
    #[serde(default)]
    pub(crate) since: Option<u64>,
    /// Only events of these types.
    #[serde(default)]
    pub(crate) types: Option<Vec<String>>,
    /// Events behind the one acknowledged last under this name.
    #[serde(default)]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Ack {
    pub(crate) name: String,
    pub(crate) seq: u64,
}

fn yes() -> bool {
    true
}

fn fifty() -> usize {
    50
}

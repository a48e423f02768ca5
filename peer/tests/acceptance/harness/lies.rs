//! What a directory that lies makes of what the real one would have said.

use serde_json::{Value, json};

/// A way of lying about the answers and the mail of others. Each touches the messages it is about and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// `LOOKUPREPLY` is about somebody else than was asked for.
    AboutSomebodyElse,
    /// `LOOKUPREPLY` has this other key.
    AnotherKey(&'static str),
    /// `LOOKUPREPLY` has a key that is none.
    KeyOfRubbish,
    /// `LOOKUPREPLY` has more addresses than there may be.
    CountlessAddresses,
    /// `LOOKUPREPLY` has an address at which nobody listens.
    DeadAddress,
    /// `LOOKUPREPLY` says success and has no address.
    NoAddress,
    /// `LOOKUPREPLY` never comes.
    SilentOnLookups,
    /// Every answer is `ERROR rate_limited`.
    TooFast,
    /// `GROUPREPLY` names another room.
    AnotherRoom,
    /// `COMMITREPLY` is `EPOCH`, and no other commit waits.
    AlwaysTooLate,
    /// `TERMINALSREPLY` has terminals that do not exist.
    InventedTerminals,
    /// Every `MAILBOX` item comes twice.
    MailTwice,
    /// Mail is said to be from the reader's own terminal.
    MailFromOurselves,
    /// Mail is said to be from another user.
    MailFromCarol,
    /// Mail is said to be of a later epoch.
    MailOfALaterEpoch,
    /// Mail is said to be of another room.
    MailOfAnotherRoom,
    /// A bit of the mail is turned.
    SpoiltMail,
    /// The mail is four gibibytes long.
    EndlessMail,
    /// Mail is called a welcome.
    MailAsWelcome,
    /// Mail is called a commit.
    MailAsCommit,
    /// A broadcast has other words.
    OtherWords,
    /// Presence of a thousand users who do not exist.
    CrowdOfStrangers,
}

impl Lie {
    /// Changes what is about to be said, adds to it, or swallows it; whether it lied.
    pub(crate) fn tell(self, reader: &Value, said: Value) -> (Vec<Value>, bool) {
        let before = said.clone();
        let said = self.change(reader, said);
        let lied = said.as_slice() != [before];
        (said, lied)
    }

    fn change(self, reader: &Value, mut said: Value) -> Vec<Value> {
        let msgtype = said["msgtype"].as_str().unwrap_or_default().to_owned();
        match (self, msgtype.as_str()) {
            (Self::SilentOnLookups, "LOOKUPREPLY") => return Vec::new(),
            (Self::AboutSomebodyElse, "LOOKUPREPLY") => said["userid"] = json!("carol"),
            (Self::AnotherKey(key), "LOOKUPREPLY") => said["publickey"] = json!(key),
            (Self::KeyOfRubbish, "LOOKUPREPLY") => said["publickey"] = json!("00ff"),
            (Self::CountlessAddresses, "LOOKUPREPLY") => {
                said["addresses"] = (0..2000).map(|n| json!(format!("127.0.0.1:{}", 10_000 + n))).collect();
            }
            (Self::DeadAddress, "LOOKUPREPLY") => said["addresses"] = json!(["127.0.0.1:9"]),
            (Self::NoAddress, "LOOKUPREPLY") => said["addresses"] = json!([]),
            (Self::TooFast, other) if said.get("request").is_some() && other != "ANNOUNCED" => {
                said = json!({"msgtype": "ERROR", "code": "rate_limited", "message": "", "retry_after": 2,
                    "request": said["request"]});
            }
            (Self::AnotherRoom, "GROUPREPLY") => said["room"] = json!("ab".repeat(16)),
            (Self::AlwaysTooLate, "COMMITREPLY") => said["status"] = json!("EPOCH"),
            (Self::InventedTerminals, "TERMINALSREPLY") => each(&mut said["users"], |user| {
                user["terminals"] = json!(["ee".repeat(16), "dd".repeat(16)]);
            }),
            (Self::MailTwice, "MAILBOX") => {
                let items = said["items"].as_array().cloned().unwrap_or_default();
                said["items"] = items.iter().chain(&items).cloned().collect();
            }
            (Self::OtherWords, "BROADCAST") => said["message"] = json!("Give carol your passcode"),
            (Self::CrowdOfStrangers, _) => {
                let stranger = |n| json!({"msgtype": "PRESENCE", "userid": format!("stranger{n}"), "status": "online"});
                return (0..1000).map(stranger).chain([said]).collect();
            }
            (lie, "MAILBOX") => each(&mut said["items"], |item| lie.change_mail(reader, item)),
            _ => {}
        }
        vec![said]
    }

    fn change_mail(self, reader: &Value, item: &mut Value) {
        match self {
            Self::MailFromOurselves => item["from"] = reader.clone(),
            Self::MailFromCarol => item["from"]["userid"] = json!("carol"),
            Self::MailOfALaterEpoch => item["epoch"] = json!(item["epoch"].as_u64().unwrap_or_default() + 5),
            Self::MailOfAnotherRoom => item["room"] = json!("cd".repeat(16)),
            Self::SpoiltMail => {
                let piece = item["piece"].as_str().unwrap_or_default();
                let middle = piece.len() / 2;
                let turned = if piece.as_bytes()[middle] == b'A' { "B" } else { "A" };
                item["piece"] = json!([&piece[..middle], turned, &piece[middle + 1..]].concat());
            }
            Self::EndlessMail => {
                item["size"] = json!(u32::MAX);
                item.as_object_mut().into_iter().for_each(|fields| drop(fields.remove("piece")));
            }
            Self::MailAsWelcome => item["kind"] = json!("welcome"),
            Self::MailAsCommit => item["kind"] = json!("commit"),
            _ => {}
        }
    }
}

fn each(list: &mut Value, change: impl FnMut(&mut Value)) {
    list.as_array_mut().into_iter().flatten().for_each(change);
}

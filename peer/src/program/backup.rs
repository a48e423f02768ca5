//! `peer export FILE` and `peer import FILE`: asks the user, lets [`crate::shell::backup`] do it.

use std::path::Path;

use common::crypto::backup::PASSCODE_MIN;
use common::crypto::invite::Invite;
use common::ident::UserId;
use common::secret::Passcode;
use jiff::tz::TimeZone;
use serde_json::json;

use super::ask::Person;
use super::{compare, setup, told};
use crate::app::texts::backup as said;
use crate::app::texts::failure::{self, Report};
use crate::app::{exit, grammar, texts};
use crate::cli::Settings;
use crate::config::Named;
use crate::shell::backup::{self, Backup, Stopped};
use crate::shell::setup::{Setup, Turn};
use crate::shell::{rt, trust_server};
use crate::store::pins;
use peer_core::notice::Failure;

/// Writes a backup.
pub(super) fn export(settings: &Settings, file: &Path) -> Result<i32, Report> {
    if file.symlink_metadata().is_ok() {
        return Err(said::exists(file.display()));
    }
    let person = Person::new(settings.questions)?;
    let setup = Setup { turn: Turn::Waited, ..setup(settings) };
    let user = match settings.config.server.user.0.clone() {
        Some(user) => user,
        None => who(&person)?,
    };
    trusted(&person, &setup, None, &settings.zone)?;
    let passcode = own_passcode(settings, &person)?;
    let exported = rt::block_on(backup::export(&setup, &user, &passcode));
    let backup = exported.map_err(|why| stopped(why, &user, &setup.server, &settings.zone))?;
    let min = PASSCODE_MIN;
    let chosen =
        person.chooses(&said::new_passcode(min), |chosen| (chosen.length() < min).then(|| said::too_short(min)))?;
    backup.write(file, &chosen).map_err(|failure| failure::report(&failure, &settings.zone))?;
    let contacts = backup.contacts.len();
    person.told(&said::exported(&user, file.display(), contacts));
    told(settings, &json!({ "user": user.as_str(), "file": file.display().to_string(), "contacts": contacts }))
}

/// Restores a backup.
pub(super) fn import(settings: &Settings, file: &Path) -> Result<i32, Report> {
    let unreadable = |why| texts::setup::unreadable(file.display(), why);
    // Nobody is asked for the passcode of a file that is not there.
    let found = std::fs::File::open(file).and_then(|file| file.metadata()).map_err(unreadable)?;
    if found.is_dir() {
        return Err(unreadable(std::io::ErrorKind::IsADirectory.into()));
    }
    let person = Person::new(settings.questions)?;
    let passcode = person.asked_hidden(said::PASSCODE)?;
    let backup = Backup::read(file, &passcode).map_err(|why| match why {
        backup::NotRead::Io(why) => texts::setup::unreadable(file.display(), why),
        backup::NotRead::Broken(why) => said::broken(file.display(), why),
    })?;
    if let Some(other) = settings.config.server.user.0.as_ref().filter(|user| **user != backup.user) {
        return Err(said::somebody_elses(&backup.user, other));
    }
    let mut setup = Setup { turn: Turn::Waited, ..setup(settings) };
    if settings.server_named == Named::No {
        setup.server.clone_from(&backup.server);
    }
    trusted(&person, &setup, Some(&backup), &settings.zone)?;
    let welcome = rt::block_on(backup::hello(&setup, &backup))
        .map_err(|why| stopped(why, &backup.user, &setup.server, &settings.zone))?;

    // A directory where not everybody may register does not tell whom it knows.
    let invite = if welcome.known.is_none() { invite(&person, &backup)? } else { None };
    let restored = if welcome.known == Some(false) || invite.is_some() {
        let min = welcome.passcode_min;
        let chosen = match settings.passcode()? {
            Some(passcode) => match grammar::unfit_passcode(&passcode, min) {
                Some(why) => return Err(Report { lines: vec![why], exit: exit::LOGIN_REFUSED }),
                None => passcode,
            },
            None => person.chooses(&texts::new_passcode(min), |chosen| grammar::unfit_passcode(chosen, min))?,
        };
        rt::block_on(backup::register(&setup, &backup, &chosen, invite.as_ref()))
    } else {
        let passcode = own_passcode(settings, &person)?;
        rt::block_on(backup::restore(&setup, &backup, &passcode))
    };
    let server = invite.map_or(setup.server, |invite| invite.server);
    let new = restored.map_err(|why| stopped(why, &backup.user, &server, &settings.zone))?;
    if settings.server_named == Named::No {
        pins::remember_joined(&setup.data, &server).map_err(|error| failure::undated(&error.into()))?;
    }
    let contacts = backup.contacts.len();
    person.told(&said::imported(&backup.user, &server, new, contacts));
    told(settings, &json!({ "user": backup.user.as_str(), "server": server, "contacts": contacts }))
}

pub(super) fn who(person: &Person) -> Result<UserId, Report> {
    loop {
        match grammar::user_id(&person.asked(texts::LOGIN)?) {
            Ok(user) => return Ok(user),
            Err(why) => person.told(&texts::not_an_id(why)),
        }
    }
}

pub(super) fn own_passcode(settings: &Settings, person: &Person) -> Result<Passcode, Report> {
    match settings.passcode()? {
        Some(passcode) => Ok(passcode),
        None => person.asked_hidden(texts::PASSCODE),
    }
}

/// An invitation, if the user has one.
fn invite(person: &Person, backup: &Backup) -> Result<Option<Invite>, Report> {
    let line = person.asked(&said::invite(&backup.user))?;
    if line.is_empty() {
        return Ok(None);
    }
    let invite = Invite::parse(&line).map_err(|_| failure::undated(&Failure::BadInvite))?;
    if invite.user == backup.user { Ok(Some(invite)) } else { Err(said::somebody_elses(&backup.user, &invite.user)) }
}

/// Makes sure that the directory's key is pinned: at once on this machine or if the backup knows it, otherwise after a
/// question.
pub(super) fn trusted(person: &Person, setup: &Setup, backup: Option<&Backup>, zone: &TimeZone) -> Result<(), Report> {
    let failed = |failure| failure::report(&failure, zone);
    let shown = rt::block_on(trust_server::look(setup)).map_err(failed)?;
    if shown.pinned.is_some() {
        return Ok(());
    }
    let known = backup.filter(|backup| backup.server == setup.server).map(|backup| (backup.server_key, backup.date));
    if !shown.local && known.is_none_or(|(key, _)| key != shown.now) {
        return compare(person, setup, (&shown.now, known), zone);
    }
    trust_server::pin(setup, shown.now).map_err(failed)
}

fn stopped(why: Stopped, user: &UserId, server: &str, zone: &TimeZone) -> Report {
    let line = match why {
        Stopped::Failed(failure) => return failure::report(&failure, zone),
        Stopped::OtherKey => return said::other_key(user, server),
        Stopped::Login(why) => texts::login_refused(user, why),
        Stopped::Registration(why) => texts::register_refused(user, server, why),
    };
    Report { lines: vec![line], exit: exit::LOGIN_REFUSED }
}

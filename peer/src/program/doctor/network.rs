//! Clock, directory and listening port.

use std::net::IpAddr;
use std::time::Instant;

use common::limits::PEER_PORT;
use jiff::tz::TimeZone;

use crate::app::texts::doctor::{self as texts, Finding};
use crate::app::texts::failure;
use crate::cli::Settings;
use crate::program::setup;
use crate::shell::directory::login;
use crate::shell::trust_server::{self, Shown};
use crate::shell::{clock, rt};
use peer_core::notice::Failure;

/// When this program was written, roughly; a clock that says less is wrong.
const WRITTEN: u64 = 1_767_225_600;

/// Clock, directory and port.
pub(super) fn findings(settings: &Settings, zone: &TimeZone) -> Vec<Finding> {
    let setup = setup(settings);
    let begin = Instant::now();
    let looked = rt::block_on(trust_server::look(&setup));
    let took = begin.elapsed();
    let (mut findings, from) = match looked {
        Err(failure) => (vec![Finding::failed(texts::DIRECTORY, failure::report(&failure, zone))], None),
        Ok(shown) => (vec![texts::directory(&setup.server, took), key(&setup.server, shown, zone)], Some(shown)),
    };
    let now = clock::date();
    let met = from.and_then(|shown| shown.pinned).is_some_and(|(_, since)| now < since);
    findings.insert(0, texts::clock(now, now < WRITTEN || met, zone));
    findings.push(port(setup.listen.or(from.map(|shown| shown.from)), setup.port));
    findings
}

fn key(server: &str, shown: Shown, zone: &TimeZone) -> Finding {
    match shown.pinned {
        Some((old, since)) if old != shown.now => {
            let changed = Failure::DirectoryKeyChanged { server: server.to_owned(), since, old, new: shown.now };
            Finding::failed(texts::SERVER_KEY, failure::report(&changed, zone))
        }
        pinned => texts::server_key(&shown.now, pinned.map(|(_, since)| since), zone),
    }
}

fn port(address: Option<IpAddr>, port: Option<u16>) -> Finding {
    let Some(address) = address else { return texts::port_unknown() };
    match login::listen(address, port) {
        Ok((_, found)) => texts::port(address, found, port.unwrap_or(PEER_PORT)),
        Err(failure) => Finding::failed(texts::PORT, failure::undated(&failure)),
    }
}

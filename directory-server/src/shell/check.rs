//! `directory-server check`: configuration and data, one line each (UX section 6).

use std::path::Path;

use super::admin::Request;
use super::admin::client;
use super::data_dir::DataDir;
use super::rt;
use crate::config::Loaded;
use crate::core::store::Store as _;
use crate::failure::Failure;

/// What was found, in the order of the checks.
pub(crate) struct Findings(Vec<Result<String, String>>);

impl Findings {
    pub(crate) fn all_well(&self) -> bool {
        self.0.iter().all(Result::is_ok)
    }

    pub(crate) fn text(&self) -> String {
        let line = |finding: &Result<String, String>| match finding {
            Ok(what) => format!("ok    {what}\n"),
            Err(complaint) => format!("FAIL  {complaint}\n"),
        };
        self.0.iter().map(line).collect()
    }
}

/// Checks everything that can be checked without disturbing a running server.
pub(crate) fn check(data_dir: &Path, loaded: &Loaded) -> Result<Findings, Failure> {
    let mut findings = Vec::new();
    let source = loaded.file.as_ref().map_or_else(|| "defaults".into(), |file| file.display().to_string());
    findings.push(loaded.config.addresses().map(|_| format!("configuration ({source})")).map_err(|f| f.message));
    if client::ask_server(data_dir, &Request::Status)?.is_some() {
        findings.push(Ok("server answers".into()));
        findings.push(Ok("keys and database are in use by it; stop it to check them".into()));
        return Ok(Findings(findings));
    }
    let data = DataDir::open(data_dir)?;
    findings.push(Ok(format!("data directory {}", data.path().display())));
    let complaints = data.complaints();
    findings.push(if complaints.is_empty() { Ok("server key and secret".into()) } else { Err(complaints.join(" ")) });
    let checked = data.store().and_then(|store| Ok(rt::block_on(store.check())?));
    findings.push(match checked {
        Ok(problems) if problems.is_empty() => Ok("database".into()),
        Ok(problems) => Err(format!("database: {}. Restore it from your backup.", problems.join("; "))),
        Err(failure) => Err(failure.message),
    });
    Ok(Findings(findings))
}

//! Supporting data as published: one XML file an antigen and one of the schedule.
//!
//! Bytes in, [`Schedule`] out; opening files is the caller's. The format is only ever read by this engine, so it is read
//! where the typed schedule is. An error names the file, the line, the element and what to do.

mod antigen;
mod common;
mod dose;
mod tree;

use super::schedule::{Antigen, Association, Conflict, Observation, Schedule, VaccineGroup};
use common::{cvx, number, period, required};
use salus_core::{Error, Result};
use std::collections::HashMap;
use tree::{Element, File};

/// Makes a schedule of all files of a release: their names and their bytes.
///
/// # Errors
/// [`Error::Invalid`] on `supporting` for the first file that is not what it must be, and when the file of the schedule or
/// every antigen is missing.
pub fn schedule<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Schedule> {
    let mut found: Option<(String, Element)> = None;
    let mut antigens: Vec<Antigen> = Vec::new();
    for (name, bytes) in files {
        let file = File(name);
        let root = tree::parse(file, bytes)?;
        match root.name.as_str() {
            "antigenSupportingData" => antigens.push(antigen::antigen(file, &root)?),
            "scheduleSupportingData" if found.is_none() => found = Some((name.to_owned(), root)),
            "scheduleSupportingData" => return Err(file.wrong(&root, "a second file of the schedule")),
            _ => return Err(file.wrong(&root, "neither antigenSupportingData nor scheduleSupportingData")),
        }
    }
    antigens.sort_by(|a, b| a.name.cmp(&b.name));
    let missing =
        |what| Error::invalid("supporting", "incomplete", format!("{what} is missing: import the whole folder"));
    let (name, root) = found.ok_or_else(|| missing("ScheduleSupportingData.xml"))?;
    if antigens.is_empty() {
        return Err(missing("every AntigenSupportingData file"));
    }
    if let Some(twice) = antigens.windows(2).find(|w| w[0].name == w[1].name) {
        let message = format!("two files describe the antigen {}: import one release", twice[0].name);
        return Err(Error::invalid("supporting", "duplicate", message));
    }
    let file = File(&name);
    Ok(Schedule {
        groups: groups(file, &root, &antigens)?,
        conflicts: conflicts(file, &root)?,
        vaccines: vaccines(file, &root, &antigens)?,
        observations: observations(file, &root)?,
        antigens,
    })
}

fn section<'a>(file: File<'_>, root: &'a Element, name: &str) -> Result<&'a [Element]> {
    root.child(name).map(|s| s.children.as_slice()).ok_or_else(|| file.wrong(root, &format!("<{name}> is missing")))
}

fn groups(file: File<'_>, root: &Element, antigens: &[Antigen]) -> Result<Vec<VaccineGroup>> {
    let full: Vec<&str> = section(file, root, "vaccineGroups")?
        .iter()
        .filter(|g| g.text("administerFullVaccineGroup") == Some("Yes"))
        .filter_map(|g| g.text("name"))
        .collect();
    section(file, root, "vaccineGroupToAntigenMap")?
        .iter()
        .map(|map| {
            let name = required(file, map, "name")?.to_owned();
            let members = map.all("antigen").map(|a| known(file, a, &a.text, antigens).map(|_| a.text.clone()));
            let antigens = members.collect::<Result<_>>()?;
            Ok(VaccineGroup { administer_full: full.contains(&name.as_str()), name, antigens })
        })
        .collect()
}

fn conflicts(file: File<'_>, root: &Element) -> Result<HashMap<u16, Vec<Conflict>>> {
    let mut found: HashMap<u16, Vec<Conflict>> = HashMap::new();
    for conflict in section(file, root, "liveVirusConflicts")? {
        let side = |name| {
            let side = conflict.child(name).ok_or_else(|| file.wrong(conflict, &format!("<{name}> is missing")))?;
            cvx(file, side, required(file, side, "cvx")?)
        };
        let wait =
            |name| period(file, conflict, name)?.ok_or_else(|| file.wrong(conflict, &format!("<{name}> is missing")));
        let (previous, current) = (side("previous")?, side("current")?);
        let (begin, minimum_end, end) =
            (wait("conflictBeginInterval")?, wait("minConflictEndInterval")?, wait("conflictEndInterval")?);
        found.entry(current).or_default().push(Conflict { previous, begin, minimum_end, end });
    }
    Ok(found)
}

fn vaccines(file: File<'_>, root: &Element, antigens: &[Antigen]) -> Result<HashMap<u16, Vec<Association>>> {
    let mut found = HashMap::new();
    for map in section(file, root, "cvxToAntigenMap")? {
        let mut associations = Vec::new();
        for association in map.all("association") {
            let name = required(file, association, "antigen")?;
            let antigen = known(file, association, name, antigens)?;
            let begin = period(file, association, "associationBeginAge")?;
            let end = period(file, association, "associationEndAge")?;
            associations.push(Association { antigen, begin, end });
        }
        found.insert(cvx(file, map, required(file, map, "cvx")?)?, associations);
    }
    Ok(found)
}

/// The index of an antigen, which some file must describe.
fn known(file: File<'_>, at: &Element, name: &str, antigens: &[Antigen]) -> Result<usize> {
    let found = antigens.binary_search_by(|a| a.name.as_str().cmp(name));
    found.map_err(|_| file.wrong(at, &format!("no file describes the antigen {name}")))
}

fn observations(file: File<'_>, root: &Element) -> Result<HashMap<u16, Observation>> {
    let system_and_code = |value: &Element| {
        let text = |name| Ok(required(file, value, name)?.to_owned());
        Ok((text("codeSystem")?, text("code")?))
    };
    section(file, root, "observations")?
        .iter()
        .map(|o| {
            let codes = o.child("codedValues").into_iter().flat_map(|c| c.all("codedValue")).map(system_and_code);
            let title = o.text("observationTitle").unwrap_or_default().to_owned();
            Ok((number(file, o, "observationCode")?, Observation { title, codes: codes.collect::<Result<_>>()? }))
        })
        .collect()
}

//! What holds on every page in every language: nothing that the content security policy forbids, a token in every
//! form that changes something, values escaped, sealed values absent until opened.

#[path = "../../examples/gallery/main.rs"]
#[allow(dead_code, reason = "the gallery's own main and writer are not used here")]
mod gallery;

use salus_web::pages::{
    Shell, browse,
    i18n::Locale,
    patients, record,
    table::{Cell, Column, RowView},
};
use serde_json::{from_value, json};

fn every_page() -> impl Iterator<Item = (String, String)> {
    Locale::ALL.into_iter().flat_map(|locale| {
        gallery::PAGES
            .iter()
            .map(move |(name, path, page)| (format!("{name} {}", locale.tag()), page(&gallery::shell_of(locale, path))))
    })
}

/// The value of each attribute of this name.
fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    html.split(&start).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[test]
fn nothing_inline_and_nothing_from_elsewhere() {
    for (name, html) in every_page() {
        assert!(attributes(&html, "style").is_empty(), "{name}: style attribute");
        assert!(!html.contains("<style"), "{name}: style element");
        for event in ["onclick", "onsubmit", "onload", "oninput", "onchange"] {
            assert!(attributes(&html, event).is_empty(), "{name}: {event}");
        }
        for script in html.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"/assets/"), "{name}: inline script");
            assert!(script.split_once('>').unwrap().1.starts_with("</script>"), "{name}: script with text");
        }
        for address in ["href", "src", "action", "hx-get"].iter().flat_map(|a| attributes(&html, a)) {
            assert!(
                (address.starts_with('/') && !address.starts_with("//")) || address.starts_with('#'),
                "{name}: {address}"
            );
        }
    }
}

#[test]
fn every_form_that_changes_something_carries_the_token() {
    for (name, html) in every_page() {
        for form in html.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap();
            let post = form.split('>').next().unwrap().contains("method=\"post\"");
            assert_eq!(post, form.contains("name=\"_csrf\""), "{name}: {form}");
        }
    }
}

#[test]
fn a_page_title_holds_no_name_of_a_patient() {
    for (name, html) in every_page() {
        let title = html.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
        assert!(!title.contains("Inventada") && !title.contains("José"), "{name}: {title}");
    }
}

#[test]
fn ids_are_unique_and_labels_lead_somewhere() {
    for (name, html) in every_page() {
        let mut ids = attributes(&html, "id");
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name}: an id stands twice");
        for target in attributes(&html, "for").into_iter().chain(attributes(&html, "popovertarget")) {
            assert!(ids.contains(&target), "{name}: nothing has the id {target}");
        }
    }
}

#[test]
fn what_people_enter_is_escaped() {
    let hostile = "<script>alert(1)</script>\"'&";
    let view: record::ChartView = from_value(json!({
        "patient": { "id": "p", "family_name": hostile, "regime": hostile, "allergies": [{ "substance": hostile }], "banners": [hostile] },
        "problems": { "total": 1, "rows": [{ "display": hostile, "code": hostile }] },
        "results": { "total": 1, "rows": [{ "display": hostile, "panel": hostile, "latest": { "value": hostile, "unit": hostile } }] }
    }))
    .unwrap();
    let html = record::render(&view, &Shell::default()).into_string();
    assert!(!html.contains("<script>alert") && html.contains("&lt;script&gt;alert"));
}

#[test]
fn a_sealed_value_is_absent_until_it_is_opened() {
    let columns: Vec<Column> =
        from_value(json!([{ "name": "family_name", "type": "sealed_text", "sealed": true }])).unwrap();
    let view = |cell| -> RowView {
        from_value(json!({ "base": "/browse/medical/patients", "columns": columns, "row": { "id": "r", "cells": { "family_name": cell } } })).unwrap()
    };
    let shell = Shell::default();
    let masked = browse::row(&view(json!({ "masked": true })), &shell).into_string();
    assert!(masked.contains("hx-get=\"/browse/medical/patients/r/open/family_name\"") && masked.contains("•••••"));
    let empty = browse::row(&view(json!(null)), &shell).into_string();
    assert!(!empty.contains("hx-get"), "an empty value has nothing to open");
    let opened = browse::opened(&columns[0], &Cell::from(json!("Inventada")), &shell).into_string();
    assert!(opened.contains("Inventada") && !opened.contains("•••••"));
}

#[test]
fn the_pseudonymised_list_shows_neither_names_nor_search() {
    let view: patients::PatientsView = from_value(json!({
        "pseudonymised": true,
        "rows": [{ "id": "p", "family_name": "Inventada", "birth_date": "2012-05-04", "mrn": "SAM-1", "pseudonym": "amber-heron", "age_band": "10–14" }]
    }))
    .unwrap();
    let html = patients::render(&view, &Shell::default()).into_string();
    for hidden in ["Inventada", "2012", "SAM-1", "smart-q"] {
        assert!(!html.contains(hidden), "{hidden}");
    }
    assert!(html.contains("amber-heron"));
}

#[test]
fn missing_allergies_are_never_shown_as_none() {
    let page = |state: &str| {
        let view = from_value(json!({ "patient": { "id": "p", "allergy_state": state } })).unwrap();
        record::render(&view, &Shell::default()).into_string()
    };
    assert!(page("none_known").contains("No known allergies"));
    for state in ["not_recorded", "", "surprise"] {
        let html = page(state);
        assert!(html.contains("Allergies not recorded") && !html.contains("No known allergies"), "{state}");
    }
}

#[test]
fn a_number_without_a_unit_is_marked_and_not_flagged() {
    let view: record::ChartView = from_value(json!({
        "results": { "total": 1, "rows": [{ "display": "Ferritin", "latest": { "value": "310", "high": 150, "flag": "H" } }] }
    }))
    .unwrap();
    let html = record::render(&view, &Shell::default()).into_string();
    assert!(html.contains("unit missing") && !html.contains("class=\"flag"));
}

#[test]
fn a_trend_lists_the_newest_first_and_no_empty_column() {
    let page = |status: &str| {
        let view = from_value(json!({ "patient": { "id": "p" }, "unit": "mg/dL", "values": [
            { "at": "2024-01-01", "value": "1", "unit": "mg/dL", "status": status },
            { "at": "2026-01-01", "value": "3", "unit": "mg/dL", "status": status }
        ] }))
        .unwrap();
        salus_web::pages::trend::render(&view, &Shell::default()).into_string()
    };
    let (bare, full) = (page(""), page("FINAL"));
    let values = bare.split("id=\"values\"").nth(1).unwrap();
    assert!(values.find("Jan 1, 2026").unwrap() < values.find("Jan 1, 2024").unwrap());
    assert!(!values.contains("Status") && full.split("id=\"values\"").nth(1).unwrap().contains("Status"));
}

#[test]
fn a_whole_section_of_five_thousand_facts_is_drawn() {
    let row = json!({ "display": "Invented problem", "code": "E10.9", "clinical_status": "ACTIVE", "onset_date": "2019-05",
                      "origin": { "label": "Invented hospital", "verification": "IMPORTED" } });
    let view: record::ChartView =
        from_value(json!({ "section": "problems", "problems": { "total": 5000, "rows": vec![row; 5000] } })).unwrap();
    let html = record::render(&view, &Shell::default()).into_string();
    assert_eq!(html.matches("Invented problem").count(), 5000);
}

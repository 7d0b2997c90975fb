//! The chart from the database to the page: what is stored is shown, the newest first, and all of it can be reached.

use hyper::StatusCode;
use salus_core::Ctx;
use salus_store::engine::NewRow;
use salus_testkit::{Caller, TestApp};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PATIENTS: &str = "/api/v1/medical/patients";

/// A clinic, who works in it, and one patient without facts.
struct Chart {
    app: TestApp,
    doctor: Caller,
    key: Caller,
    patient: String,
}

impl Chart {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let doctor = app.session("valley", app.valley, "DOCTOR").await;
        let key = app.key(app.valley, "DOCTOR").await;
        let patient = person(&key, "Invento", "Ana").await;
        Self { app, doctor, key, patient }
    }

    /// Stores facts of the patient, each with the head that all have.
    async fn put(&self, table: &str, facts: Vec<Value>) {
        let env = self.app.db.env();
        let mut tx = self.app.db.begin(Ctx::operator(env, self.app.valley), false).await.unwrap();
        let row = |mut fact: Value| {
            fact["patient_id"] = json!(self.patient);
            for (name, value) in [("verification", "CLINICIAN_ENTERED"), ("source_kind", "MANUAL")] {
                if fact[name].is_null() && table.starts_with("records.") {
                    fact[name] = json!(value);
                }
            }
            let mut values = fact.as_object().unwrap().clone();
            let id = values.remove("id").map_or_else(|| env.id(), |id| id.as_str().unwrap().parse().unwrap());
            NewRow { id, values }
        };
        tx.insert(table, &facts.into_iter().map(row).collect::<Vec<_>>()).await.unwrap();
        tx.commit("test.put", "records.test").await.unwrap();
    }

    /// The page of the chart, or of one section.
    async fn page(&self, section: &str) -> String {
        let tail = if section.is_empty() { String::new() } else { format!("?section={section}") };
        self.open(&format!("/patients/{}{tail}", self.patient)).await
    }

    async fn open(&self, path: &str) -> String {
        let page = self.doctor.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text());
        page.text()
    }

    /// Every page of a section, from the first on.
    async fn whole(&self, section: &str) -> Vec<String> {
        let mut pages = vec![self.page(section).await];
        while let Some(next) = next_of(pages.last().unwrap()) {
            assert!(pages.len() < 20, "the pages of {section} end");
            pages.push(self.open(&next).await);
        }
        pages
    }
}

/// Where the pager of a page leads on.
fn next_of(page: &str) -> Option<String> {
    let link = page.split("<a ").find(|a| a.split('>').next().is_some_and(|tag| tag.contains("rel=\"next\"")))?;
    Some(link.split("href=\"").nth(1)?.split('"').next()?.replace("&amp;", "&"))
}

/// The card of a section.
fn card<'a>(page: &'a str, id: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("no card {id}"));
    rest.split("</section>").next().unwrap()
}

async fn person(key: &Caller, family: &str, given: &str) -> String {
    let made = key.post(PATIENTS, &json!({"family_name": family, "given_names": given})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

/// One fact of each kind that the patient told of, with a day for each of these names.
async fn one_of_each(chart: &Chart) {
    let told = |mut fact: Value, days: &[(&str, &str)]| {
        fact["verification"] = json!("PATIENT_REPORTED");
        for (name, on) in days {
            fact[format!("{name}_on")] = json!(on);
            fact[format!("{name}_precision")] = json!("DAY");
        }
        vec![fact]
    };
    let reactions = json!([{"manifestation": {"display": "Anaphylaxis"}, "severity": "SEVERE"}]);
    let fact = json!({"code": "7980", "display": "Penicillin", "category": "MEDICATION", "criticality": "HIGH", "clinical_status": "ACTIVE", "reactions": reactions});
    chart.put("records.allergies", told(fact, &[("last_occurrence", "2019-04-05")])).await;
    let fact = json!({"code": "1", "original_display": "Latexine", "clinical_status": "ACTIVE", "verification_status": "REFUTED"});
    chart.put("records.allergies", vec![fact]).await;
    let fact = json!({"code": "E10.9", "original_display": "Invented diabetes", "category": "PROBLEM_LIST", "is_chronic": true, "verification_status": "PROVISIONAL"});
    chart.put("records.diagnoses", told(fact, &[("onset", "2018-02-03")])).await;
    let fact = json!({"status": "ACTIVE", "kind": "STATEMENT", "original_display": "Inventol", "route_display": "inhaled", "prescriber": "Dr. Musterperson"});
    let days = [("started", "2021-06-07"), ("ended", "2022-08-09"), ("authored", "2020-01-01")];
    chart.put("records.medications", told(fact, &days)).await;
    let fact = json!({"status": "COMPLETED", "cvx": "115", "display": "Inventavax", "site_code": "LD", "registry_state": "REJECTED", "lot": "LOT-77"});
    chart.put("records.immunizations", told(fact, &[("given", "2024-06-03")])).await;
    let fact = json!({"status": "FINISHED", "class": "AMB", "reason_display": "Invented visit"});
    chart.put("records.encounters", told(fact, &[("started", "2025-03-04")])).await;
    let fact = json!({"status": "COMPLETED", "code": "25505", "display": "Invented reduction"});
    chart.put("records.procedures", told(fact, &[("performed", "2023-02-09")])).await;
    let fact = json!({"status": "VERIFIED", "title": "Invented letter", "page_count": 3, "author": "Dr. Autor"});
    chart.put("records.documents", told(fact, &[("service", "2023-02-10")])).await;
    let fact = json!({"code": "29463-7", "display": "Body weight", "value": "71.5", "unit": "kg"});
    chart.put("records.vital_signs", told(fact, &[("measured", "2026-01-02")])).await;
    let fact = json!({"status": "FINAL", "value_kind": "NUM", "code": "2345-7", "display": "Glucose", "value_num": "104", "unit_ucum": "mg/dL"});
    chart.put("records.lab_results", told(fact, &[("collected", "2026-01-03")])).await;
}

#[tokio::test]
async fn each_section_shows_what_is_stored() {
    let chart = Chart::new().await;
    one_of_each(&chart).await;
    // What the summary shows, and what only the whole section does.
    let told: &[(&str, &[&str], &[&str])] = &[
        (
            "allergies",
            &["Penicillin", "Anaphylaxis (severe)", "Reported by the patient", "Latexine", "Refuted"],
            &["Apr 5, 2019"],
        ),
        (
            "problems",
            &["Invented diabetes", "chronic", "provisional", "Reported by the patient", "Feb 3, 2018"],
            &["Manual entry"],
        ),
        (
            "medications",
            &["Inventol", "Inhaled", "Jun 7, 2021", "Aug 9, 2022", "Reported by the patient"],
            &["Dr. Musterperson"],
        ),
        ("immunizations", &["Inventavax", "Jun 3, 2024", "Rejected", "Reported by the patient"], &["LOT-77", "LD"]),
        ("encounters", &["Invented visit", "Reported by the patient"], &["Mar 4, 2025"]),
        ("procedures", &["Invented reduction", "Feb 9, 2023", "Reported by the patient"], &[]),
        ("documents", &["Invented letter", "3 p."], &["Dr. Autor"]),
        ("vitals", &["Body weight", "71.5", "Reported by the patient"], &["29463-7", "1 value"]),
        ("results", &["Glucose", "104", "Reported by the patient"], &["2345-7", "1 value"]),
    ];
    let summary = chart.page("").await;
    for (section, shown, only_whole) in told {
        let (short, page) = (card(&summary, section).to_owned(), chart.page(section).await);
        let whole = card(&page, section);
        for text in *shown {
            assert!(short.contains(text), "{section}, summary: {text}\n{short}");
        }
        for text in shown.iter().chain(*only_whole) {
            assert!(whole.contains(text), "{section}: {text}\n{whole}");
        }
    }
    let line = summary.split("class=\"allergy-line\"").nth(1).unwrap().split("</p>").next().unwrap();
    assert!(line.contains("Penicillin") && !line.contains("Latexine"), "{line}");
}

#[tokio::test]
async fn a_section_on_its_own_page_is_paged_to_its_end() {
    let chart = Chart::new().await;
    let problem = |n: usize| {
        let mut fact =
            json!({"code": format!("X{n:03}"), "display": format!("Problem no. {n:03}."), "category": "PROBLEM_LIST"});
        // Some have no date; two in a row share one.
        if !n.is_multiple_of(4) {
            fact["onset_on"] = json!(format!("20{:02}-05-01", n / 2 % 60));
            fact["onset_precision"] = json!("DAY");
        }
        fact
    };
    let mut facts: Vec<Value> = (0..120).map(problem).collect();
    facts.push(json!({"code": "X999", "display": "Problem no. 999.", "category": "PROBLEM_LIST", "status": "ENTERED_IN_ERROR"}));
    chart.put("records.diagnoses", facts).await;
    let summary = chart.page("").await;
    assert!(card(&summary, "problems").contains("All 120"), "what was entered in error is not counted");
    let pages = chart.whole("problems").await;
    assert_eq!(pages.len(), 3);
    let mut seen = Vec::new();
    for page in &pages {
        let rows = card(page, "problems").split("Problem no. ").skip(1);
        seen.extend(rows.map(|row| row[..3].parse::<usize>().unwrap()));
    }
    assert_eq!(seen.len(), 120, "each stands once");
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 120);
    let dated: Vec<usize> = seen.iter().copied().take_while(|n| !n.is_multiple_of(4)).collect();
    assert_eq!(dated.len(), 90, "those without a date come last");
    assert!(dated.is_sorted_by_key(|n| std::cmp::Reverse(n / 2 % 60)), "{dated:?}");

    // The same through the API, the other way round.
    let base =
        format!("/api/v1/records/diagnoses?patient_id={}&status=RECORDED&limit=50&fields=onset_on", chart.patient);
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = chart.key.get(&format!("{base}&sort=onset_on{cursor}")).await.json();
        found.extend(page["data"].as_array().unwrap_or_else(|| panic!("{page}")).clone());
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(found.len(), 120);
    let days: Vec<&str> = found.iter().filter_map(|f| f["onset_on"].as_str()).collect();
    assert!(days.len() == 90 && days.is_sorted() && found[90..].iter().all(|f| f["onset_on"].is_null()));
}

#[tokio::test]
async fn measurements_are_paged_by_line_and_errors_take_no_place() {
    let chart = Chart::new().await;
    let value = |code: &str, name: &str, on: String, value: usize, status: &str| {
        json!({"status": status, "value_kind": "NUM", "code": code, "display": name, "value_num": value.to_string(),
               "unit_ucum": "mg/dL", "collected_on": on, "collected_precision": "DAY"})
    };
    // Newest of all, twelve values that were entered in error; then fourteen that count.
    let mut facts: Vec<Value> = (1..13)
        .map(|n| value("T-00", "Test no. 00.", format!("2026-06-{n:02}"), 900 + n, "ENTERED_IN_ERROR"))
        .collect();
    facts.extend((1..15).map(|n| value("T-00", "Test no. 00.", format!("2026-05-{n:02}"), 700 + n, "FINAL")));
    facts.extend(
        (1..70).map(|n| value(&format!("T-{n:02}"), &format!("Test no. {n:02}."), "2026-01-01".into(), n, "FINAL")),
    );
    // Two tests without a code are two lines; a name may stand in either column.
    for (name, n) in [("display", 70), ("original_display", 71)] {
        let mut fact = value("", "", "2026-01-01".into(), n, "FINAL");
        fact["code"] = Value::Null;
        fact["display"] = Value::Null;
        fact["original_display"] = json!("Test no. 70.");
        fact[name] = json!(format!("Test no. {n}."));
        facts.push(fact);
    }
    chart.put("records.lab_results", facts).await;
    let summary = chart.page("").await;
    assert!(card(&summary, "results").contains("All 72"), "{}", card(&summary, "results"));
    let first = card(&summary, "results").split("Test no. 00.").nth(1).unwrap();
    assert!(first.split("</tr>").next().unwrap().contains("714"), "the newest that counts");
    let pages = chart.whole("results").await;
    assert_eq!(pages.len(), 2);
    let names: Vec<String> = pages
        .iter()
        .flat_map(|page| {
            card(page, "results")
                .split("<tr>")
                .skip(2)
                .map(|row| row.split("Test no. ").nth(1).unwrap()[..2].to_owned())
        })
        .collect();
    assert_eq!(names, (0..72).map(|n| format!("{n:02}")).collect::<Vec<_>>(), "in the order of their names, each once");
    assert!(card(&pages[0], "results").contains("14 values"));
    assert!(!pages[1].contains("trend?code=\""), "an uncoded test leads to no trend");

    let next = next_of(&pages[0]).unwrap();
    let (_, cursor) = next.split_once("cursor=").unwrap();
    let of = |section: &str, cursor: &str| {
        format!("/api/v1/records/patients/{}/measurements?section={section}{cursor}", chart.patient)
    };
    let other = chart.key.get(&of("results", &format!("&cursor={cursor}"))).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "a cursor is of one caller");
    let wrong = chart.key.get(&of("documents", "")).await;
    assert_eq!(wrong.json()["errors"][0]["pointer"], "/section");
    let stranger = chart.app.key(chart.app.austa, "nurse").await;
    assert_eq!(stranger.get(&of("results", "")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_trend_keeps_the_newest_values_and_says_that_there_are_older_ones() {
    let chart = Chart::new().await;
    let first = time::Date::from_calendar_date(2020, time::Month::January, 1).unwrap();
    let sign = |n: i64| {
        let on = (first + time::Duration::days(n)).to_string();
        json!({"code": "29463-7", "display": "Body weight", "value": format!("{}.5", 100 + n), "unit": "kg", "measured_on": on, "measured_precision": "DAY"})
    };
    chart.put("records.vital_signs", (0..1003).map(sign).collect()).await;
    let other = json!({"code": "29463-7", "display": "Body weight", "value": "90", "unit": "[lb_av]", "measured_on": "2019-01-01", "measured_precision": "DAY"});
    chart.put("records.vital_signs", vec![other]).await;
    let path = format!("/api/v1/records/patients/{}/trend?code=29463-7", chart.patient);
    let told = chart.key.get(&path).await.json();
    let values: Vec<&str> =
        told["vital_signs"].as_array().unwrap().iter().map(|v| v["value"].as_str().unwrap()).collect();
    assert_eq!((values.len(), values[0], values[999]), (1000, "103.5", "1102.5"), "the newest, oldest first");
    assert_eq!(told["more"], true);
    let page = chart.open(&format!("/patients/{}/trend?code=29463-7", chart.patient)).await;
    assert!(page.contains("Only the 1,000 newest"));
    let latest = page.split("class=\"figures\"").nth(1).unwrap().split("</dl>").next().unwrap();
    assert!(latest.contains("1102.5"), "{latest}");
    let small = json!({"code": "8302-2", "display": "Body height", "value": "170", "unit": "cm", "measured_on": "2020-01-01", "measured_precision": "DAY"});
    chart.put("records.vital_signs", vec![small]).await;
    let page = chart.open(&format!("/patients/{}/trend?code=8302-2", chart.patient)).await;
    assert!(!page.contains("newest are shown"));
}

#[tokio::test]
async fn the_sources_of_a_record_are_told() {
    let chart = Chart::new().await;
    let repository = chart.app.db.env().id().to_string();
    chart
        .put(
            "medical.patient_repositories",
            vec![json!({"id": repository, "name": "Invented General Hospital", "kind": "EHR_IMPORT"})],
        )
        .await;
    let problem = |n: usize| json!({"code": "X1", "display": "Invented", "category": "PROBLEM_LIST", "recorded_at": format!("2025-03-0{n}T12:00:00Z")});
    let kept = |mut fact: Value| {
        fact["repository_id"] = json!(repository);
        fact["source_kind"] = json!("EHR");
        fact
    };
    let mut facts: Vec<Value> = (1..4).map(|n| kept(problem(n))).collect();
    facts.push(problem(5));
    chart.put("records.diagnoses", facts).await;
    let page = chart.page("").await;
    let sources = card(&page, "sources");
    let row = sources.split("Invented General Hospital").nth(1).unwrap().split("</tr>").next().unwrap();
    assert!(row.contains(">3<") && row.contains("Mar 3, 2025"), "{row}");
    assert_eq!(sources.matches("<tr>").count(), 3, "a head, the hospital, and what was entered by hand: {sources}");
}

#[tokio::test]
async fn who_may_not_read_documents_is_not_told_that_there_are_none() {
    let chart = Chart::new().await;
    chart.put("records.documents", vec![json!({"status": "VERIFIED", "title": "Invented letter"})]).await;
    assert!(card(&chart.page("").await, "documents").contains("Invented letter"));
    let admin = chart.app.database.connect("salus_admin").await;
    let without = "UPDATE auth.permissions SET patterns = patterns - 'records.document.read' WHERE patterns ? 'records.document.read'";
    assert!(admin.execute(without, &[]).await.unwrap() > 0);
    let doctor = chart.app.session("valley", chart.app.valley, "DOCTOR").await;
    let path = format!("/patients/{}", chart.patient);
    let page = doctor.get(&path).await.text();
    assert!(page.contains("id=\"problems\"") && !page.contains("Documents"), "neither card nor tab");
    assert_eq!(doctor.get(&format!("{path}?section=documents")).await.status, StatusCode::FORBIDDEN);
}

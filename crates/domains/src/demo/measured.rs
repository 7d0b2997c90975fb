//! What is measured at a visit: vital signs and laboratory reports with their results.

use super::{
    clinic,
    course::{Course, Visit},
    laboratory::{self, Analyte, Panel, Reading},
    problems::Kind,
    rows::{Source, later, moment},
};
use serde_json::{Map, Value, json};
use time::Date;
use uuid::Uuid;

/// Height in cm, weight in kg and usual blood pressure in `mm[Hg]` of a person; they follow from what the person has.
struct Build {
    height: f64,
    weight: f64,
    systolic: f64,
}

impl Course<'_, '_> {
    fn build(&self, care: f64) -> Build {
        let number = self.person.number;
        // A spread of builds that is the person's own and needs no dice, so that it is the same at every visit.
        let own = |step: usize| f64::from(u32::try_from(number * step % 21).unwrap_or(0)) - 10.0;
        let has = |k: Kind| self.held.contains(&k);
        let (tall, stout) =
            (if self.person.sex == "F" { 162.0 } else { 176.0 }, if has(Kind::Weight) { 33.5 } else { 25.0 });
        let height = tall + own(8) * 0.9;
        let mass = stout + own(5) * 0.22 - 0.25 * care.min(6.0);
        let treated = if has(Kind::Pressure) { 9.0 + 17.0 / (1.0 + 2.0 * care) } else { 0.0 };
        let systolic = 117.0 + own(11) * 0.8 + treated;
        Build { height, weight: mass * height * height / 10_000.0, systolic }
    }

    /// Blood pressure, pulse, weight and the rest, as a nurse takes them.
    pub(super) fn vital_signs(&mut self, visit: &Visit) {
        let build = self.build(visit.care);
        let rhythm = if self.held.contains(&Kind::Rhythm) { 8.0 } else { 0.0 };
        let fever = if visit.fever { 1.3 } else { 0.0 };
        let systolic = build.systolic + self.random.spread() * 6.0;
        self.pressure(visit, systolic);
        let pulse = 72.0 + rhythm + fever * 9.0 + self.random.spread() * 6.0;
        self.vital(visit, ("8867-4", "Heart rate"), (pulse, 0, "/min"), (45.0, 120.0));
        let weight = build.weight + self.random.spread() * 0.7;
        self.vital(visit, ("29463-7", "Body weight"), (weight, 1, "kg"), (0.2, 635.0));
        if visit.care < 0.02 || self.random.chance(12) {
            self.vital(visit, ("8302-2", "Body height"), (build.height, 0, "cm"), (20.0, 272.0));
            let mass = weight / (build.height * build.height / 10_000.0);
            self.vital(visit, ("39156-5", "Body mass index"), (mass, 1, "kg/m2"), (0.0, 200.0));
        }
        if visit.fever || self.random.chance(30) {
            let warmth = 36.7 + fever + self.random.spread() * 0.25;
            self.vital(visit, ("8310-5", "Body temperature"), (warmth, 1, "Cel"), (35.0, 40.5));
        }
        if self.random.chance(15) {
            let breaths = 15.0 + self.random.spread() * 1.4;
            self.vital(visit, ("9279-1", "Breathing rate"), (breaths, 0, "/min"), (10.0, 24.0));
        }
        if self.random.chance(25) {
            let lungs = if self.held.contains(&Kind::Lungs) { 93.5 } else { 97.5 };
            let saturation = (lungs + self.random.spread() * 0.8).min(100.0);
            self.vital(visit, ("59408-5", "Oxygen saturation"), (saturation, 0, "%"), (94.0, 100.0));
        }
    }

    /// One number; outside the soft limits (`spec` 2.4 rule 1) it was confirmed and is marked.
    fn vital(
        &mut self,
        visit: &Visit,
        (code, display): (&str, &str),
        (value, decimals, unit): (f64, usize, &str),
        soft: (f64, f64),
    ) {
        let text = format!("{value:.decimals$}");
        let values = json!({"code": code, "display": display, "value": text, "unit": unit,
                            "plausibility": plausibility(value, soft)});
        self.measured(visit, values);
    }

    fn pressure(&mut self, visit: &Visit, systolic: f64) {
        let diastolic = (systolic * 0.56 + 9.0 + self.random.spread() * 4.0).min(systolic - 20.0);
        let part = |code: &str, display: &str, value: f64| {
            let value = format!("{value:.0}").parse::<i32>().unwrap_or_default();
            json!({"code": code, "display": display, "value": value, "unit": "mm[Hg]"})
        };
        let high = systolic >= 140.0 || diastolic >= 90.0;
        let plausible = plausibility(systolic, (90.0, 129.0)).max(plausibility(diastolic, (0.0, 79.0)));
        let values = json!({
            "code": "85354-9", "display": "Blood pressure",
            "components": [part("8480-6", "Systolic", systolic), part("8462-4", "Diastolic", diastolic)],
            "interpretation": if high { "H" } else { "N" }, "plausibility": plausible,
            "position_code": "33586001",
        });
        self.measured(visit, values);
    }

    fn measured(&mut self, visit: &Visit, values: Value) {
        let mut row = crate::row(values);
        if visit.source != Source::Device {
            row.insert("encounter_id".into(), json!(visit.id));
        }
        row.insert("measured_on".into(), json!(visit.on.to_string()));
        row.insert("measured_precision".into(), json!("MINUTE"));
        row.insert("measured_at".into(), json!(moment(visit.on, visit.hour, 5)));
        self.chart.fact("records.vital_signs", visit.source, visit.on, row.into());
    }

    /// Daily weight, pulse and pressure from devices at home, back from the last day until the chart has so many
    /// facts.
    pub(super) fn measure_at_home(&mut self, facts: usize) {
        let mut on = self.last;
        while self.chart.facts < facts && on > self.first {
            let care = f64::from(i32::try_from((on - self.first).whole_days()).unwrap_or(0)) / 365.25;
            let visit =
                Visit { id: Uuid::nil(), on, hour: 13, clinician: 0, source: Source::Device, fever: false, care };
            let build = self.build(care);
            let systolic = build.systolic + self.random.spread() * 7.0;
            self.pressure(&visit, systolic);
            let weight = build.weight + self.random.spread() * 0.8;
            self.vital(&visit, ("29463-7", "Body weight"), (weight, 1, "kg"), (0.2, 635.0));
            let pulse = 74.0 + self.random.spread() * 6.0;
            self.vital(&visit, ("8867-4", "Heart rate"), (pulse, 0, "/min"), (45.0, 120.0));
            on = later(on, -1);
        }
    }

    /// The tests that a person's problems call for; more of them at a check-up.
    pub(super) fn laboratory(&mut self, visit: &Visit, full: bool) {
        let whole = full && self.random.chance(24);
        let blood = full && self.random.chance(28);
        let has = |k: Kind| self.held.contains(&k);
        let wanted: &[(bool, &'static Panel)] = &[
            (whole, &laboratory::METABOLIC),
            (!whole && (full || has(Kind::Kidney) || has(Kind::HeartFailure)), &laboratory::BASIC),
            (blood || has(Kind::Iron) || has(Kind::Arthritis), &laboratory::BLOOD),
            (whole || has(Kind::Lipids), &laboratory::LIPIDS),
            (has(Kind::Diabetes), &laboratory::A1C),
            (full && (has(Kind::Diabetes) || has(Kind::Kidney)), &laboratory::ALBUMIN),
            (has(Kind::Thyroid), &laboratory::THYROID),
            (has(Kind::Iron), &laboratory::IRON),
            (full && has(Kind::VitaminD), &laboratory::VITAMIN_D),
            (has(Kind::HeartFailure), &laboratory::HEART),
            (has(Kind::Arthritis), &laboratory::INFLAMMATION),
            (full && has(Kind::Prostate), &laboratory::PROSTATE),
            (has(Kind::Gout), &laboratory::URIC),
            (full && has(Kind::Rhythm), &laboratory::CLOTTING),
        ];
        let wanted: Vec<_> = wanted.iter().filter(|(yes, _)| *yes).map(|(_, panel)| *panel).collect();
        for panel in wanted {
            self.panel(visit, panel);
        }
    }

    fn report(&mut self, visit: &Visit, panel: &Panel, results: usize) -> Uuid {
        let number = self.random.below(900_000) + 100_000;
        let hospital = visit.source == Source::Hospital;
        self.chart.fact(
            "records.lab_reports",
            visit.source,
            visit.on,
            json!({"encounter_id": visit.id, "status": "FINAL", "code": panel.code, "code_system": "http://loinc.org",
                   "display": panel.label, "category_code": "LAB",
                   "accession": format!("{}-{}-{number}", if hospital { "LRH" } else { "ARL" }, visit.on.year()),
                   "collected_on": visit.on.to_string(), "collected_precision": "MINUTE",
                   "collected_at": moment(visit.on, visit.hour, 20), "issued_at": moment(later(visit.on, 1), 12, 0),
                   "performing_lab": laboratory_of(visit), "result_count": results}),
        )
    }

    fn panel(&mut self, visit: &Visit, panel: &Panel) {
        let report = self.report(visit, panel, panel.analytes.len());
        for code in panel.analytes {
            let chance = self.random.spread();
            let Some((analyte, reading)) = self.body.measure(code, &self.patient(visit), chance) else { continue };
            let mut values = result(analyte, &reading, visit);
            values.insert("report_id".into(), json!(report));
            // Some sources send numbers without a unit; none is guessed and none is flagged (`spec` 2.4 rule 7).
            if visit.source == Source::Hospital && self.random.chance(12) {
                for name in ["unit_ucum", "unit_original", "canonical_value", "canonical_unit", "interpretation"] {
                    values.remove(name);
                }
            }
            let first = self.chart.fact("records.lab_results", visit.source, visit.on, values.clone().into());
            if *code == "2823-3" && self.random.chance(2) {
                values.insert("status".into(), json!("CORRECTED"));
                values.insert("replaces_id".into(), json!(first));
                values.insert("note".into(), json!("The first specimen was haemolysed; measured again."));
                self.chart.fact("records.lab_results", visit.source, visit.on, values.into());
            }
        }
    }

    /// Urinalysis with coded results and a culture in words.
    pub(super) fn urine(&mut self, visit: &Visit) {
        let panel = &laboratory::URINE;
        let report = self.report(visit, panel, panel.analytes.len() + 2);
        for code in panel.analytes {
            let chance = self.random.spread();
            let Some((analyte, reading)) = self.body.measure(code, &self.patient(visit), chance) else { continue };
            let mut values = result(analyte, &reading, visit);
            values.insert("report_id".into(), json!(report));
            self.chart.fact("records.lab_results", visit.source, visit.on, values.into());
        }
        let protein = *self.random.pick(&[("260385009", "Negative"), ("260405006", "Trace"), ("441517005", "1+")]);
        let mut values = common(visit, ("20454-5", "Urine protein, test strip"), "CODED");
        values.insert("value_code".into(), json!(protein.0));
        values.insert("value_system".into(), json!("http://snomed.info/sct"));
        values.insert("value_display".into(), json!(protein.1));
        values.insert("report_id".into(), json!(report));
        self.chart.fact("records.lab_results", visit.source, visit.on, values.into());
        let grown = "More than 100,000 colonies per mL of Escherichia coli; sensitive to nitrofurantoin.";
        let text = *self.random.pick(&["No growth after 48 hours.", "Mixed flora, probably contaminated.", grown]);
        let mut values = common(visit, ("630-4", "Urine culture"), "TEXT");
        values.insert("value_text".into(), json!(text));
        values.insert("report_id".into(), json!(report));
        self.chart.fact("records.lab_results", visit.source, visit.on, values.into());
    }
}

fn laboratory_of(visit: &Visit) -> &'static str {
    if visit.source == Source::Hospital { clinic::HOSPITAL } else { clinic::LABORATORY }
}

/// `WARN` outside the soft limits; sorts after `OK`.
fn plausibility(value: f64, soft: (f64, f64)) -> &'static str {
    if value.round() < soft.0 || value.round() > soft.1 { "WARN" } else { "OK" }
}

fn common(visit: &Visit, (code, display): (&str, &str), kind: &str) -> Map<String, Value> {
    let resulted: Date = later(visit.on, 1);
    crate::row(json!({
        "encounter_id": visit.id, "status": "FINAL", "code": code, "code_system": "http://loinc.org",
        "display": display, "category_code": "laboratory", "value_kind": kind,
        "collected_on": visit.on.to_string(), "collected_precision": "MINUTE",
        "collected_at": moment(visit.on, visit.hour, 20), "resulted_at": moment(resulted, 11, 0),
        "performing_lab": laboratory_of(visit),
    }))
}

/// A numeric result in the laboratory's unit and range.
fn result(analyte: &Analyte, reading: &Reading, visit: &Visit) -> Map<String, Value> {
    let number = |v: f64| v.is_finite().then(|| format!("{v:.*}", analyte.decimals));
    let (low, high) = reading.range;
    let mut values = common(visit, (analyte.code, analyte.label), "NUM");
    let unit = (!analyte.unit.is_empty()).then_some(analyte.unit);
    let more = json!({
        "comparator": reading.comparator, "value_num": number(reading.value),
        "unit_ucum": unit, "unit_original": (!analyte.printed.is_empty()).then_some(analyte.printed),
        "canonical_value": unit.and(number(reading.value)), "canonical_unit": unit,
        "ref_low": number(low).filter(|_| low > 0.0), "ref_high": number(high),
        "ref_text": (analyte.code == "4548-4").then_some("Below 5.7"),
        "interpretation": reading.flag,
    });
    values.extend(crate::row(more));
    values
}

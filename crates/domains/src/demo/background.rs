//! What is on record besides visits: immunizations, procedures, documents, family and social history.

use super::{
    clinic,
    course::{Course, Visit},
    problems::Kind,
    rows::{Source, later, years},
};
use serde_json::json;
use time::{Date, Month};

/// A vaccine: CVX number, label, age from which, first year in which it was given here, percent who take it.
struct Vaccine {
    cvx: &'static str,
    label: &'static str,
    age: i32,
    year: i32,
    percent: i32,
    /// Days to the second dose; 0: one dose.
    again: i32,
}

const fn vaccine(cvx: &'static str, label: &'static str, from: (i32, i32), percent: i32, again: i32) -> Vaccine {
    Vaccine { cvx, label, age: from.0, year: from.1, percent, again }
}

const VACCINES: &[Vaccine] = &[
    vaccine("115", "Tetanus, diphtheria, pertussis (Tdap)", (18, 2012), 70, 0),
    vaccine("208", "COVID-19, mRNA, 30 mcg", (18, 2021), 68, 24),
    vaccine("309", "COVID-19, mRNA, 2023 formula", (18, 2023), 34, 0),
    vaccine("187", "Zoster, recombinant", (50, 2018), 45, 90),
    vaccine("216", "Pneumococcal conjugate, 20-valent", (65, 2022), 62, 0),
    vaccine("305", "Respiratory syncytial virus", (75, 2023), 38, 0),
    vaccine("43", "Hepatitis B, adult", (19, 2014), 22, 30),
    vaccine("52", "Hepatitis A, adult", (19, 2015), 15, 190),
];

/// A procedure: code, its system, label, for whom.
struct Done {
    code: &'static str,
    system: &'static str,
    label: &'static str,
    reason: Option<Kind>,
    age: i32,
    sex: &'static str,
    percent: i32,
}

const fn done(code: (&'static str, &'static str), label: &'static str, reason: Option<Kind>, age: i32) -> Done {
    Done { code: code.0, system: code.1, label, reason, age, sex: "", percent: 45 }
}

const PROCEDURES: &[Done] = &[
    done(("G0121", "HCPCS"), "Colonoscopy for screening", None, 46),
    Done { sex: "F", ..done(("BH02ZZZ", "ICD10PCS"), "Mammography of both breasts", None, 42) },
    done(("4A02X4Z", "ICD10PCS"), "Electrocardiogram", Some(Kind::Rhythm), 18),
    done(("4A02X4Z", "ICD10PCS"), "Electrocardiogram", Some(Kind::HeartFailure), 18),
    done(("B246ZZZ", "ICD10PCS"), "Ultrasound of the heart", Some(Kind::HeartFailure), 18),
    Done { percent: 20, ..done(("0SRC0J9", "ICD10PCS"), "Replacement of the right knee", Some(Kind::Joints), 60) },
    Done { percent: 14, ..done(("08RJ3JZ", "ICD10PCS"), "Replacement of the right lens", None, 70) },
    Done { percent: 5, ..done(("0FT44ZZ", "ICD10PCS"), "Removal of the gallbladder, keyhole", None, 30) },
];

/// What runs in families: code and label.
const INHERITED: &[(&str, &str)] = &[
    ("I10", "High blood pressure"),
    ("E11.9", "Type 2 diabetes"),
    ("I25.10", "Coronary artery disease"),
    ("M81.0", "Osteoporosis"),
    ("J45.30", "Asthma"),
    ("F32.A", "Depression"),
];

impl Course<'_, '_> {
    /// Everything that does not hang on a visit.
    pub(super) fn background(&mut self) {
        self.vaccines();
        self.procedures();
        self.documents();
        self.family();
        self.habits();
    }

    fn vaccines(&mut self) {
        for vaccine in VACCINES {
            let start = Date::from_calendar_date(vaccine.year, Month::March, 1).unwrap_or(self.first);
            let start = start.max(later(self.person.birth, vaccine.age * 366));
            let span = i32::try_from((self.last - start).whole_days()).unwrap_or(0);
            if span < vaccine.again + 30 || !self.random.chance(vaccine.percent) {
                continue;
            }
            let first = later(start, self.random.between(0, (span - vaccine.again - 1).min(900)));
            self.dose(vaccine.cvx, vaccine.label, first, "1");
            if vaccine.again > 0 && self.random.chance(85) {
                self.dose(vaccine.cvx, vaccine.label, later(first, vaccine.again), "2");
            }
        }
        let adult = later(self.person.birth, 18 * 366);
        for year in self.first.year() - 1..=self.last.year() {
            let day = Date::from_calendar_date(year, Month::October, 1).unwrap_or(self.last);
            let day = later(day, self.random.between(0, 55));
            if day > adult && day <= self.last && self.random.chance(55) {
                // From autumn 2024 on, influenza vaccines hold three strains again.
                let (cvx, strains) = if year < 2024 { ("150", "four") } else { ("140", "three") };
                self.dose(cvx, &format!("Influenza, {strains} strains, no preservative"), day, "1");
            }
        }
    }

    fn dose(&mut self, cvx: &str, label: &str, on: Date, number: &str) {
        let here = on >= self.first;
        let lot = format!("D{}{:04}", on.year() % 100, self.random.below(10_000));
        self.chart.fact(
            "records.immunizations",
            if here { Source::Clinic } else { Source::Registry },
            on.max(self.first),
            json!({"status": "COMPLETED", "code": cvx, "code_system": "CVX", "cvx": cvx, "display": label,
                   "given_on": on.to_string(), "given_precision": "DAY", "dose_number": number,
                   "information_source": if here { "00" } else { "01" }, "completion": "CP",
                   "lot": here.then_some(lot), "dose_value": here.then_some("0.5"), "dose_unit": here.then_some("mL"),
                   "site_code": here.then_some("LD"), "administering_org": here.then_some(clinic::CLINIC),
                   "registry_state": if here { "NOT_SENT" } else { "ACCEPTED" }}),
        );
    }

    fn procedures(&mut self) {
        for done in PROCEDURES {
            let fits = (done.sex.is_empty() || done.sex == self.person.sex)
                && done.reason.is_none_or(|r| self.held.contains(&r));
            let start = self.first.max(later(self.person.birth, done.age * 366));
            let span = i32::try_from((self.last - start).whole_days()).unwrap_or(0);
            if !fits || span < 1 || !self.random.chance(done.percent) {
                continue;
            }
            let on = later(start, self.random.between(0, span));
            let surgeon = done.code.starts_with("0S").then(|| &self.staff[7]);
            self.chart.fact(
                "records.procedures",
                if surgeon.is_some() { Source::Clinic } else { Source::Hospital },
                on,
                json!({"status": "COMPLETED", "code": done.code, "code_system": done.system, "display": done.label,
                       "performed_on": on.to_string(), "performed_precision": "DAY",
                       "performer_id": surgeon.map(|s| s.id),
                       "performer_name": surgeon.map_or(clinic::HOSPITAL, |s| s.name)}),
            );
        }
    }

    /// Papers whose content stays with whoever made them.
    fn documents(&mut self) {
        let span = i32::try_from((self.last - self.first).whole_days()).unwrap_or(0);
        let consent = (("59284-0", "Consent"), "CONSENT", "Consent to treatment", self.first);
        let mut papers = vec![consent];
        let letters = if self.person.number == 0 { 60 } else { self.random.below(3) };
        for _ in 0..letters {
            let on = later(self.first, self.random.between(0, span));
            papers.push(*self.random.pick(&[
                (("11488-4", "Consultation note"), "CLINICAL_NOTE", "Letter of the specialist", on),
                (("18748-4", "Imaging report"), "IMAGING", "Chest radiograph, report", on),
                (("11502-2", "Laboratory report"), "LAB_REPORT", "Laboratory report from elsewhere", on),
            ]));
        }
        for (kind, category, title, on) in papers {
            self.paper(kind, category, title, on);
        }
    }

    fn paper(&mut self, kind: (&str, &str), category: &str, title: &str, on: Date) {
        let author = &self.staff[4 + self.random.below(4)];
        let consent = category == "CONSENT";
        self.chart.fact(
            "records.documents",
            if consent { Source::Clinic } else { Source::Hospital },
            on,
            json!({"status": "REFERENCED", "title": title, "type_code": kind.0, "type_system": "http://loinc.org",
                   "type_display": kind.1, "category": category, "mime_type": "application/pdf",
                   "byte_size": 40_000 + self.random.below(900_000), "page_count": 1 + self.random.below(5),
                   "service_on": on.to_string(), "service_precision": "DAY",
                   "author": (!consent).then(|| format!("{}, {}", author.name, author.specialty))}),
        );
    }

    /// The papers of an emergency visit.
    pub(super) fn discharge(&mut self, visit: &Visit) {
        self.paper(("18842-5", "Discharge summary"), "DISCHARGE", "Discharge summary, emergency department", visit.on);
    }

    fn family(&mut self) {
        let relatives = [("MTH", "Mother", "F"), ("FTH", "Father", "M"), ("SIB", "Brother or sister", "UNK")];
        for (code, display, sex) in relatives {
            if !self.random.chance(40) {
                continue;
            }
            let (illness, label) = *self.random.pick(INHERITED);
            let onset = self.random.between(35, 75);
            self.chart.fact(
                "records.family_history",
                Source::Patient,
                self.first,
                json!({"status": "COMPLETED", "relationship_code": code, "relationship_display": display,
                       "relative_sex": sex, "code": illness, "code_system": "ICD10CM", "display": label,
                       "onset_age_low": onset, "onset_age_high": onset, "recorded_on": self.first.to_string(),
                       "recorded_precision": "DAY"}),
            );
        }
    }

    fn habits(&mut self) {
        let likely = if self.held.contains(&Kind::Lungs) { 2 } else { 0 };
        let answers = [("266919005", "Never smoked"), ("8517006", "Used to smoke"), ("77176002", "Smokes")];
        let (code, display) = answers[(self.random.below(6) / 3 + likely).min(2)];
        let mut row = json!({"code": "72166-2", "display": "Tobacco smoking status", "value_kind": "CODED",
                             "value_code": code, "value_system": "http://snomed.info/sct", "value_display": display});
        self.observed(&row);
        if self.held.contains(&Kind::Depression) && years(self.person.birth, self.first) >= 18 {
            row = json!({"code": "44261-6", "display": "Depression score (PHQ-9)", "category": "survey",
                         "value_kind": "NUM", "value_num": self.random.between(4, 17), "unit": "{score}"});
            self.observed(&row);
        }
    }

    fn observed(&mut self, row: &serde_json::Value) {
        let mut values = crate::row(row.clone());
        values.insert("observed_on".into(), json!(self.first.to_string()));
        values.insert("observed_precision".into(), json!("DAY"));
        self.chart.fact("records.social_history", Source::Patient, self.first, values.into());
    }
}

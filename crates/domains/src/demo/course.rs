//! One patient's years at the clinic: problems, visits, what was prescribed at them and what was measured.
//!
//! What holds: every date lies after the 18th birthday and before today (or death); nobody is given what they are
//! allergic to; a diabetic has metformin and haemoglobin A1c.

use super::{
    clinic::{self, Clinician},
    drugs::{self, ALLERGENS, Allergen, Drug},
    laboratory::{Body, Patient},
    people::{Person, SEED},
    problems::{self, Held, ILLNESSES, Illness, Kind, Problem},
    random::Random,
    rows::{Chart, Source, later, moment, years},
};
use serde_json::json;
use time::Date;
use uuid::Uuid;

/// Facts that the full chart has at least.
const FULL_CHART: usize = 5_100;

/// A patient's course while it is made.
pub(super) struct Course<'a, 'r> {
    pub(super) chart: Chart<'r>,
    pub(super) person: &'a Person,
    pub(super) random: Random,
    pub(super) staff: &'a [Clinician],
    pub(super) body: Body,
    pub(super) held: Held,
    /// What the person has and since when, by onset; the first `treated` have been dealt with.
    problems: Vec<(&'static Problem, Date)>,
    treated: usize,
    allergies: Vec<&'static Allergen>,
    taken: Vec<Taken>,
    /// First and last day on which something may have happened.
    pub(super) first: Date,
    pub(super) last: Date,
}

/// A visit.
pub(super) struct Visit {
    pub(super) id: Uuid,
    pub(super) on: Date,
    pub(super) hour: i32,
    pub(super) clinician: usize,
    pub(super) source: Source,
    pub(super) fever: bool,
    /// Years since care began.
    pub(super) care: f64,
}

/// A medicine in use and what may replace it.
struct Taken {
    drug: &'static Drug,
    since: Date,
    indication: (&'static str, &'static str),
    stronger: Option<&'static Drug>,
}

/// Why somebody comes.
enum Reason {
    Checkup,
    FollowUp,
    Ill(&'static Illness),
    Stay,
}

/// Writes the record of a person who was registered as the chart's patient.
pub(super) fn live(chart: Chart<'_>, person: &Person, staff: &[Clinician], today: Date) {
    let mut random = Random::new(SEED ^ 0xC0DE, person.number as u64);
    let full = person.number == 0;
    // Results are out on the day after, so the last visit is at least two days old.
    let ago = if full { 2 } else { random.between(2, 160) };
    let last = person.died.map_or_else(|| later(today, -ago), |died| later(died, -3));
    let last = later(last, -[0, 0, 0, 0, 0, 1, 2][weekday(last)]);
    let adult = Date::from_calendar_date(person.birth.year() + 18, time::Month::July, 1).unwrap_or(person.birth);
    let back = if full { 12 * 365 } else { random.between(500, 2600) };
    let first = later(last, -back).max(later(adult, 365));
    let body = Body::new(&mut random);
    let (held, problems, allergies, taken) = (Held::new(), Vec::new(), Vec::new(), Vec::new());
    let mut course =
        Course { chart, person, random, staff, body, held, problems, treated: 0, allergies, taken, first, last };
    course.draw();
    course.background();
    course.visits();
    if full {
        course.measure_at_home(FULL_CHART);
    }
    course.prescribe_rest();
}

impl Course<'_, '_> {
    /// Decides what the person has and cannot bear.
    fn draw(&mut self) {
        let drawn = problems::draw(self.person, years(self.person.birth, self.last), &mut self.random);
        self.held = drawn.iter().map(|p| p.kind).collect();
        for problem in drawn {
            let span = i32::try_from((self.last - self.first).whole_days()).unwrap_or(0);
            // Half the problems came along, half arose in the years at the clinic.
            let brought = self.random.chance(50) || span < 200;
            let onset = if brought {
                let adult = later(self.person.birth, 18 * 366);
                later(self.first, -self.random.between(100, 4000)).max(adult)
            } else {
                later(self.first, self.random.between(0, span * 3 / 4))
            };
            self.problems.push((problem, onset));
        }
        self.problems.sort_by_key(|(_, onset)| *onset);
        if self.random.chance(38) {
            let count = 1 + self.random.below(2);
            for _ in 0..count {
                let allergen = self.random.pick(ALLERGENS);
                if !self.allergies.iter().any(|a| a.code == allergen.code) {
                    self.allergies.push(allergen);
                }
            }
        }
        self.write_problems();
        self.write_allergies();
    }

    fn write_problems(&mut self) {
        for (problem, onset) in self.problems.clone() {
            let (code, label) = problem.coded(&self.held);
            let known = onset >= self.first;
            let (day, precision) = if known { (onset, "DAY") } else { (first_of_year(onset, self.person), "YEAR") };
            let passed = matches!(problem.kind, Kind::Iron | Kind::VitaminD) && self.random.chance(40);
            let written = onset.max(self.first);
            let over = passed.then(|| later(written, self.random.between(150, 400))).filter(|d| *d < self.last);
            self.chart.fact(
                "records.diagnoses",
                Source::Clinic,
                written,
                json!({"code": code, "code_system": "ICD10CM", "display": label, "category": "PROBLEM_LIST",
                       "clinical_status": if over.is_some() { "RESOLVED" } else { "ACTIVE" },
                       "verification_status": "CONFIRMED", "onset_on": day.to_string(), "onset_precision": precision,
                       "abatement_on": over.map(|d| d.to_string()), "abatement_precision": over.map(|_| "DAY"),
                       "is_chronic": over.is_none()}),
            );
        }
    }

    fn write_allergies(&mut self) {
        for allergen in self.allergies.clone() {
            let since = later(self.person.birth, 366 * self.random.between(4, 17));
            self.chart.fact(
                "records.allergies",
                if self.random.chance(30) { Source::Patient } else { Source::Clinic },
                self.first,
                json!({"kind": "SUBSTANCE", "code": allergen.code, "code_system": allergen.system,
                       "display": allergen.label, "category": allergen.category, "type": allergen.kind,
                       "clinical_status": "ACTIVE", "verification_status": "CONFIRMED",
                       "criticality": if allergen.severity == "severe" { "HIGH" } else { "LOW" },
                       "reactions": [{"manifestation": {"code": allergen.reaction.0, "system": "SNOMED",
                                                        "display": allergen.reaction.1},
                                      "severity": allergen.severity}],
                       "onset_on": first_of_year(since, self.person).to_string(), "onset_precision": "YEAR"}),
            );
        }
        if self.allergies.is_empty() && self.random.chance(70) {
            let none = json!({"kind": "NKDA", "display": "No known drug allergy", "clinical_status": "ACTIVE",
                              "verification_status": "CONFIRMED"});
            self.chart.fact("records.allergies", Source::Clinic, self.first, none);
        }
    }

    /// The visits from the first to the last day, each with its reason.
    fn visits(&mut self) {
        let demanding = self.problems.iter().filter(|(p, _)| p.is_demanding()).count();
        let pace = match demanding {
            _ if self.person.number == 0 => 17,
            0 => 350,
            1 => 200,
            2..=3 => 150,
            _ => 120,
        };
        let (mut on, mut count) = (self.first, 0);
        while on < self.last {
            let reason = match self.random.between(0, 99) {
                0..20 => {
                    let illness = self.random.pick(ILLNESSES);
                    let fits = illness.sex.is_empty() || illness.sex == self.person.sex;
                    if fits { Reason::Ill(illness) } else { Reason::Checkup }
                }
                20..23 if demanding > 0 => Reason::Stay,
                _ if count % 3 == 0 || demanding == 0 => Reason::Checkup,
                _ => Reason::FollowUp,
            };
            self.visit(on, &reason);
            count += 1;
            // The clinic is closed at the weekend.
            on = later(on, (pace + self.random.between(-pace / 4, pace / 3)).max(5));
            on = later(on, [0, 0, 0, 0, 0, 2, 1][weekday(on)]);
        }
        // The last visit deals with what has come up since the one before.
        if demanding > 0 {
            self.visit(self.last, &Reason::Checkup);
        }
    }

    fn visit(&mut self, on: Date, reason: &Reason) {
        let visit = self.encounter(on, reason);
        self.vital_signs(&visit);
        match reason {
            Reason::Checkup => {
                if on == self.last || self.random.chance(70) {
                    self.laboratory(&visit, true);
                }
            }
            Reason::FollowUp => {
                if self.random.chance(35) {
                    self.laboratory(&visit, false);
                }
            }
            Reason::Stay => {
                self.laboratory(&visit, false);
                self.discharge(&visit);
            }
            Reason::Ill(illness) => self.treat(&visit, illness),
        }
        if visit.source == Source::Clinic {
            self.start_treatments(&visit);
            self.strengthen(&visit);
        }
    }

    fn encounter(&mut self, on: Date, reason: &Reason) -> Visit {
        let (hour, clinician) = (self.random.between(15, 20), self.random.below(4));
        let stay = matches!(reason, Reason::Stay);
        let (class, display, cause) = match reason {
            Reason::Checkup => ("AMB", "Check-up", ("Z00.00", "General examination")),
            Reason::FollowUp if self.random.chance(20) => ("VR", "Video visit", self.main_problem()),
            Reason::FollowUp => ("AMB", "Follow-up visit", self.main_problem()),
            Reason::Ill(illness) => ("AMB", "Visit for a new complaint", (illness.code, illness.label)),
            Reason::Stay => ("EMER", "Emergency department visit", ("R07.9", "Chest pain")),
        };
        let source = if stay { Source::Hospital } else { Source::Clinic };
        let minutes = self.random.between(15, 45);
        let id = self.chart.fact(
            "records.encounters",
            source,
            on,
            json!({"status": "FINISHED", "class": class, "display": display, "reason_code": cause.0,
                   "reason_system": "ICD10CM", "reason_display": cause.1,
                   "started_on": on.to_string(), "started_precision": "MINUTE", "started_at": moment(on, hour, 0),
                   "ended_on": on.to_string(), "ended_precision": "MINUTE",
                   "ended_at": moment(on, if stay { 23 } else { hour }, minutes),
                   "provider_id": (!stay).then(|| self.staff[clinician].id),
                   "performer_name": (!stay).then(|| self.staff[clinician].name),
                   "service_provider": if stay { clinic::HOSPITAL } else { clinic::CLINIC }}),
        );
        let fever = matches!(reason, Reason::Ill(i) if i.fever);
        let care = f64::from(i32::try_from((on - self.first).whole_days()).unwrap_or(0)) / 365.25;
        Visit { id, on, hour, clinician, source, fever, care }
    }

    fn main_problem(&self) -> (&'static str, &'static str) {
        let demanding = self.problems.iter().find(|(p, _)| p.is_demanding());
        demanding.map_or(("Z00.00", "General examination"), |(p, _)| p.coded(&self.held))
    }

    /// A passing illness: its diagnosis, and a medicine for some.
    fn treat(&mut self, visit: &Visit, illness: &'static Illness) {
        let over = later(visit.on, self.random.between(5, 25));
        self.chart.fact(
            "records.diagnoses",
            Source::Clinic,
            visit.on,
            json!({"encounter_id": visit.id, "code": illness.code, "code_system": "ICD10CM", "display": illness.label,
                   "category": "ENCOUNTER", "rank": 1, "verification_status": "CONFIRMED",
                   "clinical_status": if over <= self.last { "RESOLVED" } else { "ACTIVE" },
                   "onset_on": visit.on.to_string(), "onset_precision": "DAY",
                   "abatement_on": (over <= self.last).then(|| over.to_string()),
                   "abatement_precision": (over <= self.last).then_some("DAY")}),
        );
        if illness.code == "N39.0" {
            self.urine(visit);
        }
        if let Some(drug) = self.suitable(illness.options) {
            let end = later(visit.on, 7);
            let ended = (end <= self.last).then_some((end, "COMPLETED"));
            let given = Taken { drug, since: visit.on, indication: (illness.code, illness.label), stronger: None };
            self.write_order(&given, Some(visit), ended);
        }
    }

    /// Starts what the problems known by now call for.
    fn start_treatments(&mut self, visit: &Visit) {
        while let Some((problem, _)) = self.problems.get(self.treated).copied().filter(|(_, on)| *on <= visit.on) {
            self.treated += 1;
            for line in problem.lines {
                let Some(drug) = self.suitable(line.options).filter(|_| self.random.chance(line.share)) else {
                    continue;
                };
                if self.taken.iter().any(|t| t.drug.ingredients == drug.ingredients) {
                    continue;
                }
                let stronger = line.stronger.and_then(drugs::find).filter(|s| s.ingredients == drug.ingredients);
                let indication = problem.coded(&self.held);
                self.taken.push(Taken { drug, since: visit.on, indication, stronger });
            }
        }
    }

    /// Now and then a medicine is not enough and gives way to a stronger one.
    fn strengthen(&mut self, visit: &Visit) {
        for at in 0..self.taken.len() {
            let Some(stronger) = self.taken[at].stronger else { continue };
            if self.taken[at].since >= visit.on || !self.random.chance(12) {
                continue;
            }
            let next = Taken { drug: stronger, since: visit.on, indication: self.taken[at].indication, stronger: None };
            let before = std::mem::replace(&mut self.taken[at], next);
            self.write_order(&before, None, Some((visit.on, "STOPPED")));
        }
    }

    /// Writes the medicines that are still in use.
    fn prescribe_rest(&mut self) {
        for taken in std::mem::take(&mut self.taken) {
            self.write_order(&taken, None, None);
        }
    }

    /// The first that the person may have.
    fn suitable(&self, options: &[&str]) -> Option<&'static Drug> {
        let weak = [Kind::Kidney, Kind::HeartFailure, Kind::Rhythm, Kind::Arthritis];
        let weak = weak.iter().any(|k| self.held.contains(k));
        options.iter().filter_map(|o| drugs::find(o)).find(|drug| {
            let borne = drug.group.is_empty() || !self.allergies.iter().any(|a| a.group == drug.group);
            // Painkillers and aspirin harm weak kidneys and hearts and add to the bleeding of anticoagulants;
            // sulfonamides add to methotrexate.
            let safe = match drug.group {
                "nsaid" => !weak,
                "sulfonamide" => !self.held.contains(&Kind::Arthritis),
                _ => true,
            };
            borne && safe
        })
    }

    fn write_order(&mut self, taken: &Taken, visit: Option<&Visit>, ended: Option<(Date, &str)>) {
        let (drug, since) = (taken.drug, taken.since.to_string());
        let (route, how) = drug.route.coded();
        let clinician = &self.staff[visit.map_or(0, |v| v.clinician)];
        let short = visit.is_some();
        self.chart.fact(
            "records.medications",
            Source::Clinic,
            taken.since,
            json!({"encounter_id": visit.map(|v| v.id), "kind": "ORDER", "status": ended.map_or("ACTIVE", |e| e.1),
                   "code": drug.rxcui, "code_system": "RxNorm", "display": drug.label, "rxcui": drug.rxcui,
                   "ingredient_rxcuis": drug.ingredients, "intent": "order", "category_code": "outpatient",
                   "dose_value": drug.dose.0, "dose_unit": drug.dose.1, "route_code": route, "route_display": how,
                   "frequency_text": drug.directions, "as_needed": drug.directions.contains("when"),
                   "indication_code": taken.indication.0, "indication_system": "ICD10CM",
                   "indication_display": taken.indication.1, "days_supply": if short { 7 } else { 90 },
                   "refills": if short { 0 } else { 3 }, "authored_on": since, "authored_precision": "DAY",
                   "started_on": since, "started_precision": "DAY",
                   "ended_on": ended.map(|e| e.0.to_string()), "ended_precision": ended.map(|_| "DAY"),
                   "prescriber_id": clinician.id, "prescriber": clinician.name}),
        );
    }

    /// What of the person decides a measurement at a visit.
    pub(super) fn patient(&self, visit: &Visit) -> Patient<'_> {
        let days = i32::try_from((visit.on - self.person.birth).whole_days()).unwrap_or(0);
        Patient { person: self.person, held: &self.held, age: f64::from(days) / 365.25, care: visit.care }
    }
}

/// Days since Monday.
fn weekday(day: Date) -> usize {
    usize::from(day.weekday().number_days_from_monday())
}

/// What is known of a day when only its year is; not before birth.
pub(super) fn first_of_year(day: Date, person: &Person) -> Date {
    let year = day.year().max(person.birth.year() + 1);
    Date::from_calendar_date(year, time::Month::January, 1).unwrap_or(day)
}

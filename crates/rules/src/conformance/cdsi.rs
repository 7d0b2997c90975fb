//! CDC's test cases for CDSi, healthy and underlying conditions: one case a row, its doses with the verdict on each, and the
//! forecast of one vaccine group on the case's own day.
//!
//! Every populated cell of status, reason, number and date is compared. `Series_Type_n` says which kind of series the
//! verdict on a dose is about. `Administrative_Guidance` is prose of earlier releases and is not compared.

use super::{
    Failure, Score,
    table::{Row, Table},
};
use crate::immunization::{
    Assessment, Cvx, Dose, DoseEvaluation, EvaluationStatus, Gender, Observed, Patient, Reason, Schedule,
    SeriesOutcome, Standing, Status, assess, schedule::SeriesKind,
};
use salus_core::{Error, Result};
use std::fmt::Write as _;
use time::{Date, format_description::well_known::Iso8601};

/// Runs the cases of a table.
///
/// # Errors
/// [`Error::Invalid`] on `cases` for a file that is not such a table. A row that cannot be read has failed, and says why.
pub fn score(schedule: &Schedule, cases: &[u8], underlying: bool) -> Result<Score> {
    let mut score = Score::new(if underlying { "cdsi-underlying" } else { "cdsi-healthy" });
    each(cases, |case| {
        let failed = run(schedule, case, underlying).unwrap_or_else(|error| {
            let (id, column, expected) = (case.id().to_owned(), "the row".to_owned(), "a case".to_owned());
            vec![Failure { id, column, expected, got: error.to_string() }]
        });
        score.add(failed);
        Ok(())
    })?;
    Ok(score)
}

/// What the engine made of the vaccine group of one case: every series with its verdicts.
///
/// # Errors
/// As [`score`].
pub fn explain(schedule: &Schedule, cases: &[u8], id: &str) -> Result<String> {
    let mut text = String::new();
    each(cases, |case| {
        if case.id() == id {
            let patient = case.patient(schedule)?;
            let assessment = assess(schedule, &patient, case.required("Assessment_Date")?);
            let group = vaccine_group(schedule, case.text("Vaccine_Group")).unwrap_or_default();
            for outcome in assessment.series.iter().filter(|o| o.vaccine_group == group) {
                let (kind, standing, score) = (outcome.kind, outcome.standing, outcome.score);
                let _ = writeln!(text, "{} ({kind:?}, {standing:?}, {score:?})", outcome.series);
                for evaluation in &outcome.evaluations {
                    let _ = writeln!(text, "    {evaluation:?}");
                }
                for target in &outcome.targets {
                    let _ = writeln!(text, "  {target:?}");
                }
                let _ = writeln!(text, "  {:?}", outcome.forecast);
            }
            for forecast in assessment.groups.iter().filter(|f| f.vaccine_group == group) {
                let _ = writeln!(text, "{forecast:?}");
            }
        }
        Ok(())
    })?;
    Ok(text)
}

fn each(cases: &[u8], of: impl FnMut(&Case<'_>) -> Result<()>) -> Result<()> {
    let table = Table::read("cases", cases)?;
    table.require(&REQUIRED)?;
    table.rows().map(Case).collect::<Vec<_>>().iter().try_for_each(of)
}

/// Columns without which a table is none of cases.
const REQUIRED: [&str; 5] = ["CDC_Test_ID", "DOB", "Gender", "Vaccine_Group", "Assessment_Date"];

/// A row of the table.
struct Case<'a>(Row<'a>);

impl Case<'_> {
    fn text(&self, column: &str) -> &str {
        self.0.text(column)
    }

    fn id(&self) -> &str {
        self.text("CDC_Test_ID")
    }

    fn unreadable(&self, column: &str) -> Error {
        self.0.unreadable(column)
    }

    fn date(&self, column: &str) -> Result<Option<Date>> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(None);
        }
        Date::parse(text, &Iso8601::DATE).map(Some).map_err(|_| self.unreadable(column))
    }

    fn required(&self, column: &str) -> Result<Date> {
        self.date(column)?.ok_or_else(|| self.unreadable(column))
    }

    /// Numbers of a repeated column that are filled in.
    fn filled(&self, column: &str) -> Vec<usize> {
        let name = |n: &usize| format!("{column}_{n}");
        (1..=self.0.len()).take_while(|n| self.0.has(&name(n))).filter(|n| !self.text(&name(n)).is_empty()).collect()
    }

    fn patient(&self, schedule: &Schedule) -> Result<Patient> {
        let mut observations = Vec::new();
        for n in self.filled("Observation_Code") {
            let column = format!("Observation_Code_{n}");
            let code = self.text(&column).parse().map_err(|_| self.unreadable(&column))?;
            observations.push(Observed { code, on: self.date(&format!("Observation_Date_{n}"))? });
        }
        let history = self.text("Med_History_Code");
        if !history.is_empty() {
            let codes = schedule.observed_as(self.text("Med_History_Code_Sys"), history);
            if codes.is_empty() {
                return Err(self.unreadable("Med_History_Code"));
            }
            observations.extend(codes.into_iter().map(|code| Observed { code, on: None }));
        }
        let mut doses = Vec::new();
        for n in self.filled("Date_Administered") {
            let cvx = format!("CVX_{n}");
            let vaccine: Cvx = self.text(&cvx).parse().map_err(|_| self.unreadable(&cvx))?;
            let mvx = Some(self.text(&format!("MVX_{n}"))).filter(|m| !m.is_empty()).map(ToOwned::to_owned);
            doses.push(Dose { mvx, ..Dose::new(self.required(&format!("Date_Administered_{n}"))?, vaccine) });
        }
        let gender = match self.text("Gender") {
            "F" | "Female" => Gender::Female,
            "M" | "Male" => Gender::Male,
            _ => Gender::Unknown,
        };
        // The tables have no country. They are of CDC, and have cases in which birth in the United States is what decides.
        let birth_country = Some("U.S.".to_owned());
        Ok(Patient { birth: self.required("DOB")?, gender, birth_country, observations, doses })
    }
}

fn run(schedule: &Schedule, case: &Case<'_>, underlying: bool) -> Result<Vec<Failure>> {
    let patient = case.patient(schedule)?;
    let assessment = assess(schedule, &patient, case.required("Assessment_Date")?);
    let group = vaccine_group(schedule, case.text("Vaccine_Group")).ok_or_else(|| case.unreadable("Vaccine_Group"))?;
    let forecast = assessment.headline(group, underlying);
    let mut failed = Vec::new();
    let mut compare = |column: &str, got: String| {
        let expected = case.text(column);
        if !matches!(expected, "" | "-") && !expected.eq_ignore_ascii_case(&got) {
            failed.push(Failure { id: case.id().into(), column: column.into(), expected: expected.into(), got });
        }
    };
    let date = |date: Option<Date>| date.map(|d| d.to_string()).unwrap_or_default();
    compare("Series_Status", forecast.map(|f| status(f.status).to_owned()).unwrap_or_default());
    compare("Forecast_#", forecast.and_then(|f| f.dose_number).map(|n| n.to_string()).unwrap_or_default());
    compare("Earliest_Date", date(forecast.and_then(|f| f.earliest)));
    compare("Recommended_Date", date(forecast.and_then(|f| f.recommended)));
    compare("Past_Due_Date", date(forecast.and_then(|f| f.past_due)));
    for (at, n) in case.filled("Date_Administered").into_iter().enumerate() {
        let kind = match case.text(&format!("Series_Type_{n}")).to_ascii_lowercase().as_str() {
            "risk" => Some(SeriesKind::Risk),
            "standard" => Some(SeriesKind::Standard),
            _ => forecast.map(|f| f.kind),
        };
        let verdict = verdict(&assessment, group, kind, at);
        let got = verdict.map(|v| evaluation_status(v.status).to_owned()).unwrap_or_default();
        compare(&format!("Evaluation_Status_{n}"), got);
        compare(&format!("Evaluation_Reason_{n}"), why(verdict, case.text(&format!("Evaluation_Reason_{n}"))));
    }
    Ok(failed)
}

/// The tables abbreviate vaccine groups.
fn vaccine_group<'a>(schedule: &'a Schedule, name: &str) -> Option<&'a str> {
    let long = match name.to_ascii_uppercase().as_str() {
        "DTAP" => "DTaP/Tdap/Td",
        "FLU" => "Influenza",
        "IPOL" | "IPV" | "POL" => "Polio",
        "JE" => "Japanese Encephalitis",
        "MCV" => "Meningococcal",
        "MENB" => "Meningococcal B",
        "PCV" => "Pneumococcal",
        "ROTA" => "Rotavirus",
        "VAR" => "Varicella",
        "YF" => "Yellow Fever",
        _ => name,
    };
    schedule.groups.iter().map(|g| g.name.as_str()).find(|g| g.eq_ignore_ascii_case(long))
}

/// The verdict on a dose: of the series of the first forecast of the kind that is asked for, or else of those prioritized,
/// or else, for a dose of another vaccine group, of those chosen there. Where several antigens are concerned, it counts when
/// it is needed for one and refused for none; a dose that one series does not need counts for another best one.
fn verdict<'f>(
    assessment: &'f Assessment<'_>,
    group: &str,
    kind: Option<SeriesKind>,
    dose: usize,
) -> Option<&'f DoseEvaluation> {
    let of_kind = |k: SeriesKind| kind.is_none_or(|wanted| k == wanted || k == SeriesKind::EvaluationOnly);
    let chosen = |o: &&SeriesOutcome<'_>| matches!(o.standing, Standing::Best | Standing::Prioritized);
    let forecast = assessment.headline_among(group, |f| of_kind(f.kind));
    let made_of = forecast.iter().flat_map(|f| &f.made_of).map(|i| &assessment.series[*i]);
    let own = assessment.series.iter().filter(|o| o.vaccine_group == group && of_kind(o.kind)).filter(chosen);
    let other = assessment.series.iter().filter(|o| o.vaccine_group != group).filter(chosen);
    let on_dose = |o: &'f SeriesOutcome<'_>| o.evaluations.iter().find(|e| e.dose == dose);
    let rank = |e: &&DoseEvaluation| match e.status {
        EvaluationStatus::NotValid => 0,
        EvaluationStatus::SubStandard => 1,
        EvaluationStatus::Valid => 2,
        EvaluationStatus::Extraneous => 3,
    };
    let best = assessment.series.iter().filter(|o| o.vaccine_group == group && o.standing == Standing::Best);
    let worst = made_of.filter_map(on_dose).min_by_key(rank);
    let found = worst
        .or_else(|| own.filter_map(on_dose).min_by_key(rank))
        .or_else(|| other.filter_map(on_dose).min_by_key(rank));
    let needed = || best.filter_map(on_dose).find(|e| e.status == EvaluationStatus::Valid);
    if found?.status == EvaluationStatus::Extraneous { needed().or(found) } else { found }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::NotComplete => "Not Complete",
        Status::Complete => "Complete",
        Status::Immune => "Immune",
        Status::Contraindicated => "Contraindicated",
        Status::AgedOut => "Aged Out",
        Status::NotRecommended => "Not Recommended",
    }
}

fn evaluation_status(status: EvaluationStatus) -> &'static str {
    match status {
        EvaluationStatus::Valid => "Valid",
        EvaluationStatus::NotValid => "Not Valid",
        EvaluationStatus::Extraneous => "Extraneous",
        EvaluationStatus::SubStandard => "Sub-standard",
    }
}

/// A dose can fail in several ways and the table names one: that one if it is among ours, else all of ours.
fn why(verdict: Option<&DoseEvaluation>, expected: &str) -> String {
    let words: Vec<&str> = verdict.iter().flat_map(|v| &v.reasons).map(|r| reason(*r)).collect();
    let named = words.iter().find(|w| w.eq_ignore_ascii_case(expected));
    named.map_or_else(|| words.join("; "), |w| (*w).to_owned())
}

/// The words of the tables.
fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::LotExpired(_) => "Expired",
        Reason::Compromised => "Dose Condition",
        Reason::Inadvertent => "Inadvertent Vaccine",
        Reason::TooYoung(_) => "Age: Too Young",
        Reason::AgeGracePeriod(_) => "Age: Grace Period",
        Reason::TooOld(_) => "Age: Too Old",
        Reason::TooSoon { .. } => "Interval: Too Soon",
        Reason::IntervalGracePeriod(_) => "Interval: Grace Period",
        Reason::Conflict { .. } => "Live Virus Conflict",
        Reason::VaccineNotAllowed | Reason::VaccineAge => "Not a preferable or allowable vaccine",
        Reason::LessVolume => "Volume: Less Than Recommended",
        Reason::SeriesComplete => "Series Already Complete",
    }
}

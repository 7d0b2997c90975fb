//! One dose of a series: ages, intervals, vaccines and skips.

use super::{
    antigen::vaccine_age,
    common::{cvx, day, in_force, list, number, owned, period, required, yes},
    tree::{Element, File},
};
use crate::immunization::schedule::{
    Ages, ConditionalSkip, Interval, PreferableVaccine, Reference, Season, SeriesDose, SkipCondition, SkipContext,
    SkipCount, SkipSet,
};
use salus_core::Result;
use std::cmp::Ordering;

pub(super) fn series_dose(file: File<'_>, of: &Element) -> Result<SeriesDose> {
    let name = required(file, of, "doseNumber")?;
    let number = name.trim_start_matches("Dose").trim().parse();
    let inadvertent = |v: &Element| cvx(file, v, required(file, v, "cvx")?);
    let season = of.all("seasonalRecommendation").next();
    let season = season.map(|s| Ok(Season { start: day(file, s, "startDate")?, end: day(file, s, "endDate")? }));
    Ok(SeriesDose {
        number: number.map_err(|_| file.wrong(of, &format!("<doseNumber> holds '{name}', not 'Dose 1'")))?,
        ages: of.all("age").map(|a| ages(file, a)).collect::<Result<_>>()?,
        intervals: of.all("interval").map(|i| interval(file, i)).collect::<Result<_>>()?,
        allowable_intervals: of.all("allowableInterval").map(|i| interval(file, i)).collect::<Result<_>>()?,
        preferable: of.all("preferableVaccine").map(|v| preferable(file, v)).collect::<Result<_>>()?,
        allowable: of.all("allowableVaccine").map(|v| vaccine_age(file, v)).collect::<Result<_>>()?,
        inadvertent: of.all("inadvertentVaccine").map(inadvertent).collect::<Result<_>>()?,
        skips: of.all("conditionalSkip").map(|s| skip(file, s)).collect::<Result<_>>()?,
        recurring: yes(of, "recurringDose"),
        season: season.transpose()?,
    })
}

fn ages(file: File<'_>, of: &Element) -> Result<Ages> {
    Ok(Ages {
        absolute_minimum: period(file, of, "absMinAge")?,
        minimum: period(file, of, "minAge")?,
        earliest_recommended: period(file, of, "earliestRecAge")?,
        latest_recommended: period(file, of, "latestRecAge")?,
        maximum: period(file, of, "maxAge")?,
        in_force: in_force(file, of)?,
    })
}

fn interval(file: File<'_>, of: &Element) -> Result<Interval> {
    let observation = of.child("fromRelevantObs").filter(|o| o.text("code").is_some());
    let from = if yes(of, "fromPrevious") {
        Reference::Previous
    } else if of.text("fromTargetDose").is_some() {
        Reference::Target(number(file, of, "fromTargetDose")?)
    } else if of.text("fromMostRecent").is_some() {
        Reference::MostRecent(list(file, of, "fromMostRecent")?)
    } else if let Some(observation) = observation {
        Reference::Observation(number(file, observation, "code")?)
    } else {
        return Err(file.wrong(of, "the interval is counted from nothing"));
    };
    Ok(Interval {
        from,
        absolute_minimum: period(file, of, "absMinInt")?,
        minimum: period(file, of, "minInt")?,
        earliest_recommended: period(file, of, "earliestRecInt")?,
        latest_recommended: period(file, of, "latestRecInt")?,
        priority: of.text("intervalPriority").is_some_and(|p| p.eq_ignore_ascii_case("override") || p == "Y"),
        in_force: in_force(file, of)?,
    })
}

fn preferable(file: File<'_>, of: &Element) -> Result<PreferableVaccine> {
    let volume = of.text("volume").map(|v| v.parse().map_err(|_| file.wrong(of, &format!("<volume> holds '{v}'"))));
    Ok(PreferableVaccine {
        vaccine: vaccine_age(file, of)?,
        trade_name: owned(of, "tradeName"),
        mvx: owned(of, "mvx"),
        volume: volume.transpose()?,
        recommended: yes(of, "forecastVaccineType"),
    })
}

fn skip(file: File<'_>, of: &Element) -> Result<ConditionalSkip> {
    let context = match required(file, of, "context")? {
        "Evaluation" => SkipContext::Evaluation,
        "Forecast" => SkipContext::Forecast,
        "Both" => SkipContext::Both,
        other => return Err(file.wrong(of, &format!("'{other}' is not Evaluation, Forecast or Both"))),
    };
    let sets = of.all("set").map(|set| {
        Ok(SkipSet {
            all_conditions: is_and(file, set, "conditionLogic")?,
            conditions: set.all("condition").map(|c| condition(file, c)).collect::<Result<_>>()?,
            in_force: in_force(file, set)?,
        })
    });
    Ok(ConditionalSkip { context, all_sets: is_and(file, of, "setLogic")?, sets: sets.collect::<Result<_>>()? })
}

/// AND, or else OR; with a single set or condition the element is empty or says `n/a` and either would do.
fn is_and(file: File<'_>, of: &Element, name: &str) -> Result<bool> {
    match of.text(name) {
        Some("AND") | None => Ok(true),
        Some("OR") => Ok(false),
        Some(other) => Err(file.wrong(of, &format!("<{name}> holds '{other}', not AND or OR"))),
    }
}

fn condition(file: File<'_>, of: &Element) -> Result<SkipCondition> {
    let (begin, end) = (period(file, of, "beginAge")?, period(file, of, "endAge")?);
    match required(file, of, "conditionType")?.to_ascii_lowercase().as_str() {
        "age" => Ok(SkipCondition::Age { begin, end }),
        "interval" => {
            let interval = period(file, of, "interval")?;
            Ok(SkipCondition::Interval(interval.ok_or_else(|| file.wrong(of, "<interval> is empty"))?))
        }
        "completed series" => Ok(SkipCondition::CompletedSeries(list(file, of, "seriesGroups")?)),
        kind if kind.starts_with("vaccine count by ") => {
            let compare = match required(file, of, "doseCountLogic")?.to_ascii_lowercase().as_str() {
                "greater than" => Ordering::Greater,
                "equal to" => Ordering::Equal,
                "less than" => Ordering::Less,
                other => return Err(file.wrong(of, &format!("<doseCountLogic> holds '{other}'"))),
            };
            Ok(SkipCondition::Count(SkipCount {
                begin,
                end,
                start_on: day(file, of, "startDate")?,
                end_on: day(file, of, "endDate")?,
                valid_only: required(file, of, "doseType")?.eq_ignore_ascii_case("valid"),
                vaccines: list(file, of, "vaccineTypes")?,
                compare,
                count: number(file, of, "doseCount")?,
            }))
        }
        other => Err(file.wrong(of, &format!("the condition type '{other}' is unknown"))),
    }
}

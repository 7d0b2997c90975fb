//! The file of one antigen: immunity, contraindications and series.

use super::{
    common::{cvx, day, gender, list, number, owned, period, required, yes},
    dose,
    tree::{Element, File},
};
use crate::immunization::schedule::{
    Antigen, Contraindication, ImmuneBorn, Indication, Series, SeriesKind, VaccineAge, VaccineContraindication,
};
use salus_core::Result;

pub(super) fn antigen(file: File<'_>, root: &Element) -> Result<Antigen> {
    let series: Vec<Series> = root.all("series").map(|s| series(file, s)).collect::<Result<_>>()?;
    let first = root.child("series").ok_or_else(|| file.wrong(root, "<series> is missing"))?;
    let mut antigen =
        Antigen { name: required(file, first, "targetDisease")?.to_owned(), series, ..Antigen::default() };
    if let Some(immunity) = root.child("immunity") {
        antigen.immune_by =
            immunity.all("clinicalHistory").map(|h| number(file, h, "guidelineCode")).collect::<Result<_>>()?;
        antigen.immune_born = immunity.all("dateOfBirth").map(|b| immune_born(file, b)).collect::<Result<_>>()?;
    }
    if let Some(forbidden) = root.child("contraindications") {
        let of = |name| forbidden.child(name).into_iter().flat_map(|g| g.all("contraindication"));
        antigen.contraindications = of("vaccineGroup").map(|c| contraindication(file, c)).collect::<Result<_>>()?;
        antigen.vaccine_contraindications =
            of("vaccine").map(|c| vaccine_contraindication(file, c)).collect::<Result<_>>()?;
    }
    Ok(antigen)
}

fn immune_born(file: File<'_>, born: &Element) -> Result<ImmuneBorn> {
    let before = day(file, born, "immunityBirthDate")?;
    Ok(ImmuneBorn {
        before: before.ok_or_else(|| file.wrong(born, "<immunityBirthDate> is empty"))?,
        country: owned(born, "birthCountry"),
        unless: born.all("exclusion").map(|e| number(file, e, "exclusionCode")).collect::<Result<_>>()?,
    })
}

fn contraindication(file: File<'_>, of: &Element) -> Result<Contraindication> {
    Ok(Contraindication {
        observation: number(file, of, "observationCode")?,
        text: owned(of, "contraindicationText").unwrap_or_default(),
        guidance: owned(of, "contraindicationGuidance"),
        begin: period(file, of, "beginAge")?,
        end: period(file, of, "endAge")?,
    })
}

fn vaccine_contraindication(file: File<'_>, of: &Element) -> Result<VaccineContraindication> {
    Ok(VaccineContraindication {
        observation: number(file, of, "observationCode")?,
        text: owned(of, "contraindicationText").unwrap_or_default(),
        guidance: owned(of, "contraindicationGuidance"),
        vaccines: of.all("contraindicatedVaccine").map(|v| vaccine_age(file, v)).collect::<Result<_>>()?,
    })
}

/// A vaccine with its ages.
pub(super) fn vaccine_age(file: File<'_>, of: &Element) -> Result<VaccineAge> {
    Ok(VaccineAge {
        cvx: cvx(file, of, required(file, of, "cvx")?)?,
        begin: period(file, of, "beginAge")?,
        end: period(file, of, "endAge")?,
    })
}

fn series(file: File<'_>, of: &Element) -> Result<Series> {
    let select = of.child("selectSeries").ok_or_else(|| file.wrong(of, "<selectSeries> is missing"))?;
    let kind = match required(file, of, "seriesType")? {
        "Standard" => SeriesKind::Standard,
        "Risk" => SeriesKind::Risk,
        "Evaluation Only" => SeriesKind::EvaluationOnly,
        other => return Err(file.wrong(of, &format!("'{other}' is not Standard, Risk or Evaluation Only"))),
    };
    let priority = required(file, select, "seriesPriority")?;
    Ok(Series {
        name: required(file, of, "seriesName")?.to_owned(),
        kind,
        vaccine_group: required(file, of, "vaccineGroup")?.to_owned(),
        genders: of.all("requiredGender").map(|g| gender(file, g)).collect::<Result<_>>()?,
        group: number(file, select, "seriesGroup")?,
        equivalent: list(file, of, "equivalentSeriesGroups")?,
        is_default: yes(select, "defaultSeries"),
        is_product: yes(select, "productPath"),
        priority: priority.chars().next().unwrap_or('Z'),
        preference: select.text("seriesPreference").map(|_| number(file, select, "seriesPreference")).transpose()?,
        max_age_to_start: period(file, select, "maxAgeToStart")?,
        indications: of.all("indication").map(|i| indication(file, i)).collect::<Result<_>>()?,
        guidance: of.all("seriesAdminGuidance").map(|g| g.text.clone()).filter(|g| g != "n/a").collect(),
        doses: of.all("seriesDose").map(|d| dose::series_dose(file, d)).collect::<Result<_>>()?,
    })
}

fn indication(file: File<'_>, of: &Element) -> Result<Indication> {
    let code = of.child("observationCode").ok_or_else(|| file.wrong(of, "<observationCode> is missing"))?;
    Ok(Indication {
        observation: number(file, code, "code")?,
        text: owned(of, "description").or_else(|| owned(code, "text")).unwrap_or_default(),
        begin: period(file, of, "beginAge")?,
        end: period(file, of, "endAge")?,
        guidance: owned(of, "guidance"),
    })
}

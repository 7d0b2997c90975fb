//! Medicines by `RxNorm` number and what patients are allergic to, with labels of our own and no brand names.

/// A product that is prescribed.
pub(super) struct Drug {
    /// `RxNorm` number of the clinical drug.
    pub(super) rxcui: &'static str,
    /// `RxNorm` numbers of its ingredients.
    pub(super) ingredients: &'static [&'static str],
    pub(super) label: &'static str,
    /// Amount at a time and its UCUM unit.
    pub(super) dose: (&'static str, &'static str),
    pub(super) directions: &'static str,
    /// Whom it may harm; see [`Allergen::group`]. Empty: nobody here.
    pub(super) group: &'static str,
    pub(super) route: Route,
}

/// How a product is taken.
#[derive(Clone, Copy)]
pub(super) enum Route {
    Mouth,
    Skin,
    Breath,
}

impl Route {
    /// SNOMED CT code and label.
    pub(super) fn coded(self) -> (&'static str, &'static str) {
        match self {
            Self::Mouth => ("26643006", "By mouth"),
            Self::Skin => ("34206005", "Under the skin"),
            Self::Breath => ("447694001", "Inhaled"),
        }
    }
}

/// A substance and what it does.
pub(super) struct Allergen {
    pub(super) code: &'static str,
    pub(super) system: &'static str,
    pub(super) label: &'static str,
    pub(super) category: &'static str,
    pub(super) kind: &'static str,
    /// Medicines of the same group are never prescribed to its bearer. Empty: no medicine.
    pub(super) group: &'static str,
    /// SNOMED CT code and label.
    pub(super) reaction: (&'static str, &'static str),
    pub(super) severity: &'static str,
}

const fn drug(
    rxcui: &'static str,
    ingredients: &'static [&'static str],
    label: &'static str,
    dose: (&'static str, &'static str),
    directions: &'static str,
) -> Drug {
    Drug { rxcui, ingredients, label, dose, directions, group: "", route: Route::Mouth }
}

impl Drug {
    const fn of(mut self, group: &'static str) -> Self {
        self.group = group;
        self
    }

    const fn by(mut self, route: Route) -> Self {
        self.route = route;
        self
    }
}

const TABLET: (&str, &str) = ("1", "{tbl}");
const CAPSULE: (&str, &str) = ("1", "{capsule}");
const PUFFS: (&str, &str) = ("2", "{puff}");
const DAILY: &str = "Once a day";
const TWICE: &str = "Twice a day";
const NIGHT: &str = "Once a day in the evening";

pub(super) const DRUGS: &[Drug] = &[
    drug("861007", &["6809"], "Metformin 500 mg tablet", TABLET, "Twice a day with meals"),
    drug("861004", &["6809"], "Metformin 1000 mg tablet", TABLET, "Twice a day with meals"),
    drug("310490", &["4821"], "Glipizide 5 mg tablet", TABLET, "Once a day, half an hour before breakfast"),
    drug("311041", &["274783"], "Insulin glargine 100 units per mL", ("18", "[iU]"), NIGHT).by(Route::Skin),
    drug("314076", &["29046"], "Lisinopril 10 mg tablet", TABLET, DAILY).of("ace_inhibitor"),
    drug("314077", &["29046"], "Lisinopril 20 mg tablet", TABLET, DAILY).of("ace_inhibitor"),
    drug("979492", &["52175"], "Losartan 50 mg tablet", TABLET, DAILY),
    drug("197361", &["17767"], "Amlodipine 5 mg tablet", TABLET, DAILY),
    drug("310798", &["5487"], "Hydrochlorothiazide 25 mg tablet", TABLET, "Once a day in the morning"),
    drug("866436", &["6918"], "Metoprolol succinate 50 mg, slow release", TABLET, DAILY),
    drug("617310", &["83367"], "Atorvastatin 20 mg tablet", TABLET, NIGHT).of("statin"),
    drug("617311", &["83367"], "Atorvastatin 40 mg tablet", TABLET, NIGHT).of("statin"),
    drug("349556", &["341248"], "Ezetimibe 10 mg tablet", TABLET, DAILY),
    drug("966221", &["10582"], "Levothyroxine 50 mcg tablet", TABLET, "Once a day on an empty stomach"),
    drug("745679", &["435"], "Albuterol 90 mcg inhaler", PUFFS, "Every 4 to 6 hours when short of breath")
        .by(Route::Breath),
    drug("895994", &["41126"], "Fluticasone 44 mcg inhaler", PUFFS, TWICE).by(Route::Breath),
    drug("312941", &["36437"], "Sertraline 50 mg tablet", TABLET, DAILY),
    drug("349332", &["321988"], "Escitalopram 10 mg tablet", TABLET, DAILY),
    drug("198051", &["7646"], "Omeprazole 20 mg capsule", CAPSULE, "Once a day before breakfast"),
    drug("310965", &["5640"], "Ibuprofen 200 mg tablet", ("2", "{tbl}"), "Every 6 hours with food, when in pain")
        .of("nsaid"),
    drug(
        "313782",
        &["161"],
        "Acetaminophen 325 mg tablet",
        ("2", "{tbl}"),
        "Every 6 hours when in pain; at most 8 a day",
    ),
    drug("1364445", &["1364430"], "Apixaban 5 mg tablet", TABLET, TWICE),
    drug("313988", &["4603"], "Furosemide 40 mg tablet", TABLET, "Once a day in the morning"),
    drug("243670", &["1191"], "Aspirin 81 mg tablet", TABLET, DAILY).of("nsaid"),
    drug("309362", &["32968"], "Clopidogrel 75 mg tablet", TABLET, DAILY),
    drug("310325", &["24947"], "Ferrous sulfate 325 mg tablet", TABLET, DAILY),
    drug("197319", &["519"], "Allopurinol 100 mg tablet", TABLET, DAILY),
    drug("904431", &["46041"], "Alendronate 70 mg tablet", TABLET, "Once a week, upright, with a glass of water"),
    drug("863669", &["77492"], "Tamsulosin 0.4 mg capsule", CAPSULE, NIGHT),
    drug("308192", &["723"], "Amoxicillin 500 mg tablet", TABLET, "Three times a day for 7 days").of("penicillin"),
    drug("308460", &["18631"], "Azithromycin 250 mg tablet", TABLET, "Two on the first day, then one a day for 4 days"),
    drug(
        "198335",
        &["10180", "10829"],
        "Sulfamethoxazole 800 mg with trimethoprim 160 mg",
        TABLET,
        "Twice a day for 3 days",
    )
    .of("sulfonamide"),
    drug("311995", &["7454"], "Nitrofurantoin 50 mg capsule", CAPSULE, "Four times a day for 5 days"),
    drug("312615", &["8640"], "Prednisone 20 mg tablet", TABLET, "Once a day for 5 days"),
    drug("105585", &["6851"], "Methotrexate 2.5 mg tablet", ("6", "{tbl}"), "Once a week, always the same day"),
    drug("310431", &["25480"], "Gabapentin 300 mg capsule", CAPSULE, "Three times a day"),
    drug("997488", &["87636"], "Fexofenadine 30 mg tablet", TABLET, TWICE),
];

/// The product of a number.
pub(super) fn find(rxcui: &str) -> Option<&'static Drug> {
    DRUGS.iter().find(|d| d.rxcui == rxcui)
}

const RASH: (&str, &str) = ("271807003", "Rash");
const HIVES: (&str, &str) = ("126485001", "Hives");
const SHOCK: (&str, &str) = ("39579001", "Anaphylaxis");
const SNEEZE: (&str, &str) = ("76067001", "Sneezing");

const fn allergen(
    (code, system): (&'static str, &'static str),
    label: &'static str,
    (category, kind): (&'static str, &'static str),
    group: &'static str,
    (reaction, severity): ((&'static str, &'static str), &'static str),
) -> Allergen {
    Allergen { code, system, label, category, kind, group, reaction, severity }
}

const DRUG_ALLERGY: (&str, &str) = ("MEDICATION", "ALLERGY");
const DRUG_INTOLERANCE: (&str, &str) = ("MEDICATION", "INTOLERANCE");
const FOOD: (&str, &str) = ("FOOD", "ALLERGY");
const AIR: (&str, &str) = ("ENVIRONMENT", "ALLERGY");

pub(super) const ALLERGENS: &[Allergen] = &[
    allergen(("7984", "RxNorm"), "Penicillin V", DRUG_ALLERGY, "penicillin", (HIVES, "moderate")),
    allergen(("723", "RxNorm"), "Amoxicillin", DRUG_ALLERGY, "penicillin", (RASH, "mild")),
    allergen(("10180", "RxNorm"), "Sulfamethoxazole", DRUG_ALLERGY, "sulfonamide", (RASH, "moderate")),
    allergen(("5640", "RxNorm"), "Ibuprofen", DRUG_INTOLERANCE, "nsaid", (HIVES, "moderate")),
    allergen(("1191", "RxNorm"), "Aspirin", DRUG_ALLERGY, "nsaid", (SHOCK, "severe")),
    allergen(("29046", "RxNorm"), "Lisinopril", DRUG_INTOLERANCE, "ace_inhibitor", (("49727002", "Cough"), "mild")),
    allergen(
        ("83367", "RxNorm"),
        "Atorvastatin",
        DRUG_INTOLERANCE,
        "statin",
        (("68962001", "Muscle pain"), "moderate"),
    ),
    allergen(("2670", "RxNorm"), "Codeine", DRUG_INTOLERANCE, "opioid", (("422587007", "Nausea"), "mild")),
    allergen(("762952008", "SNOMED"), "Peanut", FOOD, "", (SHOCK, "severe")),
    allergen(("735029006", "SNOMED"), "Shellfish", FOOD, "", (HIVES, "moderate")),
    allergen(("111088007", "SNOMED"), "Latex", AIR, "", (RASH, "mild")),
    allergen(("256277009", "SNOMED"), "Grass pollen", AIR, "", (SNEEZE, "mild")),
    allergen(("260147004", "SNOMED"), "House dust mite", AIR, "", (SNEEZE, "mild")),
    allergen(("288328004", "SNOMED"), "Bee venom", AIR, "", (SHOCK, "severe")),
];

//! What a letter to families says, in English, Spanish and Brazilian Portuguese. It is general advice that names no case and no
//! number; what a health department asks for is written into the letter by who makes it.

use crate::auth::Language;

/// A text in the three languages.
type Texts = [&'static str; 3];

/// What is told of an illness.
pub(super) struct Illness {
    /// Disease codes and syndromes that it stands for.
    codes: &'static [&'static str],
    name: Texts,
    signs: Texts,
    home: Texts,
    /// Whether a vaccine protects against it.
    pub(super) vaccine: bool,
}

/// One text of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Title,
    Family,
    RoomOf,
    Intro,
    IntroClass,
    Signs,
    Home,
    Vaccine,
    Hands,
    Doctor,
    Privacy,
    Questions,
    Days,
}

const FEVER: Texts = [
    "Keep your child at home until 24 hours after the fever is gone without medicine that lowers it.",
    "Deje a su hijo o hija en casa hasta 24 horas después de que la fiebre haya pasado sin medicamentos que la bajen.",
    "Deixe seu filho ou sua filha em casa até 24 horas depois de a febre passar sem remédio que a baixe.",
];
const ASK: Texts = [
    "Keep your child at home and call your doctor before you go there. The health department says when your child may come back.",
    "Deje a su hijo o hija en casa y llame a su médico antes de acudir. El departamento de salud dirá cuándo puede volver.",
    "Deixe seu filho ou sua filha em casa e ligue para o médico antes de ir até lá. A autoridade de saúde dirá quando pode voltar.",
];

const ILLNESSES: [Illness; 12] = [
    Illness {
        codes: &["MEASLES"],
        name: ["measles", "sarampión", "sarampo"],
        signs: [
            "High fever, cough, a runny nose and red eyes, then a rash that begins on the face.",
            "Fiebre alta, tos, secreción nasal y ojos rojos, y después una erupción que empieza en la cara.",
            "Febre alta, tosse, nariz escorrendo e olhos vermelhos, e depois manchas que começam no rosto.",
        ],
        home: ASK,
        vaccine: true,
    },
    Illness {
        codes: &["MENINGOCOCCAL"],
        name: ["meningococcal disease", "enfermedad meningocócica", "doença meningocócica"],
        signs: [
            "Sudden fever, severe headache, a stiff neck, vomiting, or a rash of dark spots. This is an emergency: call 911.",
            "Fiebre repentina, dolor de cabeza intenso, rigidez de cuello, vómitos o una erupción de manchas oscuras. Es una urgencia: llame al 911.",
            "Febre repentina, dor de cabeça forte, rigidez no pescoço, vômitos ou manchas escuras na pele. É uma emergência: chame o socorro.",
        ],
        home: ASK,
        vaccine: true,
    },
    Illness {
        codes: &["VARICELLA"],
        name: ["chickenpox", "varicela", "catapora (varicela)"],
        signs: [
            "An itching rash with blisters, often with fever and tiredness.",
            "Una erupción con ampollas que pica, a menudo con fiebre y cansancio.",
            "Manchas e bolhas que coçam, muitas vezes com febre e cansaço.",
        ],
        home: [
            "Keep your child at home until all blisters have dried.",
            "Deje a su hijo o hija en casa hasta que todas las ampollas se hayan secado.",
            "Deixe seu filho ou sua filha em casa até que todas as bolhas tenham secado.",
        ],
        vaccine: true,
    },
    Illness {
        codes: &["PERTUSSIS"],
        name: ["whooping cough (pertussis)", "tos ferina", "coqueluche"],
        signs: [
            "A cough that comes in fits and lasts for weeks, sometimes with vomiting after it.",
            "Una tos en accesos que dura semanas, a veces con vómito después.",
            "Tosse em acessos que dura semanas, às vezes seguida de vômito.",
        ],
        home: ASK,
        vaccine: true,
    },
    Illness {
        codes: &["COVID19"],
        name: ["COVID-19", "COVID-19", "COVID-19"],
        signs: [
            "Fever, cough, sore throat, tiredness, or loss of smell or taste.",
            "Fiebre, tos, dolor de garganta, cansancio o pérdida del olfato o del gusto.",
            "Febre, tosse, dor de garganta, cansaço ou perda de olfato ou paladar.",
        ],
        home: FEVER,
        vaccine: true,
    },
    Illness {
        codes: &["HFMD"],
        name: ["hand, foot and mouth disease", "enfermedad de manos, pies y boca", "doença mão-pé-boca"],
        signs: [
            "Fever, sores in the mouth, and spots on hands and feet.",
            "Fiebre, llagas en la boca y manchas en manos y pies.",
            "Febre, feridas na boca e manchas nas mãos e nos pés.",
        ],
        home: FEVER,
        vaccine: false,
    },
    Illness {
        codes: &["STREP"],
        name: ["strep throat", "faringitis por estreptococo", "faringite por estreptococo"],
        signs: [
            "A sudden sore throat, fever, and pain when swallowing, mostly without a cough.",
            "Dolor de garganta repentino, fiebre y dolor al tragar, casi siempre sin tos.",
            "Dor de garganta repentina, febre e dor ao engolir, em geral sem tosse.",
        ],
        home: [
            "See a doctor. A child who takes an antibiotic comes back when the doctor says so and the fever is gone.",
            "Consulte a un médico. Quien toma un antibiótico vuelve cuando el médico lo diga y la fiebre haya pasado.",
            "Procure um médico. Quem toma antibiótico volta quando o médico disser e a febre tiver passado.",
        ],
        vaccine: false,
    },
    Illness {
        codes: &["GI"],
        name: ["vomiting or diarrhea", "vómitos o diarrea", "vômitos ou diarreia"],
        signs: [
            "Vomiting, loose stools, stomach ache, sometimes fever.",
            "Vómitos, deposiciones sueltas, dolor de estómago, a veces fiebre.",
            "Vômitos, fezes moles, dor de barriga, às vezes febre.",
        ],
        home: [
            "Keep your child at home until 48 hours after the last vomiting or diarrhea.",
            "Deje a su hijo o hija en casa hasta 48 horas después del último vómito o la última diarrea.",
            "Deixe seu filho ou sua filha em casa até 48 horas depois do último vômito ou da última diarreia.",
        ],
        vaccine: false,
    },
    Illness {
        codes: &["ILI"],
        name: ["an illness like influenza", "una enfermedad parecida a la gripe", "uma doença parecida com a gripe"],
        signs: [
            "Fever with cough or sore throat, aches, tiredness.",
            "Fiebre con tos o dolor de garganta, dolores, cansancio.",
            "Febre com tosse ou dor de garganta, dores, cansaço.",
        ],
        home: FEVER,
        vaccine: true,
    },
    Illness {
        codes: &["RASH", "RASH_FEVER"],
        name: ["an illness with a rash", "una enfermedad con erupción", "uma doença com manchas na pele"],
        signs: [
            "A rash, with or without fever.",
            "Una erupción, con o sin fiebre.",
            "Manchas na pele, com ou sem febre.",
        ],
        home: ASK,
        vaccine: false,
    },
    Illness {
        codes: &["CONJUNCTIVITIS"],
        name: ["pink eye (conjunctivitis)", "conjuntivitis", "conjuntivite"],
        signs: [
            "Red, itching or sticky eyes.",
            "Ojos rojos, con picor o pegados.",
            "Olhos vermelhos, com coceira ou grudados.",
        ],
        home: [
            "Call your doctor. Keep your child at home while there is fever or the child feels ill.",
            "Llame a su médico. Deje a su hijo o hija en casa mientras tenga fiebre o se sienta mal.",
            "Ligue para o médico. Deixe seu filho ou sua filha em casa enquanto tiver febre ou se sentir mal.",
        ],
        vaccine: false,
    },
    Illness {
        codes: &["RESP"],
        name: ["an illness of the airways", "una enfermedad respiratoria", "uma doença respiratória"],
        signs: [
            "Cough, a runny nose, sore throat, sometimes fever or shortness of breath.",
            "Tos, secreción nasal, dolor de garganta, a veces fiebre o falta de aire.",
            "Tosse, nariz escorrendo, dor de garganta, às vezes febre ou falta de ar.",
        ],
        home: FEVER,
        vaccine: false,
    },
];

/// The illness of a disease or, where that has no text, of a syndrome; none where nothing is written of either.
pub(super) fn illness(disease: &str, syndrome: &str) -> Option<&'static Illness> {
    let of = |code: &str| ILLNESSES.iter().find(|illness| illness.codes.contains(&code));
    of(disease).or_else(|| of(syndrome))
}

impl Illness {
    pub(super) fn name(&self, language: Language) -> &'static str {
        language.pick(self.name)
    }

    pub(super) fn signs(&self, language: Language) -> &'static str {
        language.pick(self.signs)
    }

    pub(super) fn home(&self, language: Language) -> &'static str {
        language.pick(self.home)
    }
}

impl Word {
    /// The text; what stands in braces is filled in.
    pub(super) fn of(self, language: Language) -> &'static str {
        language.pick(
            match self {
                Self::Title => ["Notice to families", "Aviso a las familias", "Aviso às famílias"],
                Self::Family => ["Dear families,", "Estimadas familias:", "Prezadas famílias,"],
                Self::RoomOf => ["{room} · {school}", "{room} · {school}", "{room} · {school}"],
                Self::Intro => [
                    "Since {date} our school has noticed {illness} among students or staff. Your child may have been near somebody who is ill.",
                    "Desde el {date} nuestra escuela ha observado {illness} entre estudiantes o personal. Su hijo o hija pudo haber estado cerca de alguien enfermo.",
                    "Desde {date} nossa escola tem observado {illness} entre estudantes ou funcionários. Seu filho ou sua filha pode ter estado perto de alguém doente.",
                ],
                Self::IntroClass => [
                    "Since {date} our school has noticed {illness} in a group that your child belongs to. Your child may have been near somebody who is ill.",
                    "Desde el {date} nuestra escuela ha observado {illness} en un grupo al que pertenece su hijo o hija. Pudo haber estado cerca de alguien enfermo.",
                    "Desde {date} nossa escola tem observado {illness} em um grupo do qual seu filho ou sua filha faz parte. Pode ter estado perto de alguém doente.",
                ],
                Self::Signs => ["What to look for", "En qué fijarse", "O que observar"],
                Self::Home => {
                    ["If your child is ill", "Si su hijo o hija se enferma", "Se seu filho ou sua filha adoecer"]
                }
                Self::Vaccine => [
                    "Look at your child's vaccination record. If a dose is missing, call your doctor or clinic.",
                    "Revise la cartilla de vacunación. Si falta una dosis, llame a su médico o clínica.",
                    "Confira a caderneta de vacinação. Se faltar uma dose, ligue para o médico ou o posto de saúde.",
                ],
                Self::Hands => [
                    "Wash hands often with soap, cover coughs, and share no cups or cutlery.",
                    "Lávense las manos a menudo con jabón, cúbranse al toser y no compartan vasos ni cubiertos.",
                    "Lavem as mãos com frequência com sabão, cubram a tosse e não dividam copos nem talheres.",
                ],
                Self::Doctor => [
                    "Call your doctor when you are worried, and tell the school which illness it is.",
                    "Llame a su médico si algo le preocupa y diga a la escuela de qué enfermedad se trata.",
                    "Ligue para o médico se algo preocupar e diga à escola qual é a doença.",
                ],
                Self::Privacy => [
                    "To protect privacy we cannot say who is ill. Please do not ask the school or other families.",
                    "Para proteger la privacidad no podemos decir quién está enfermo. Le pedimos que no pregunte a la escuela ni a otras familias.",
                    "Para proteger a privacidade, não podemos dizer quem está doente. Pedimos que não pergunte à escola nem a outras famílias.",
                ],
                Self::Questions => ["Questions: {contact}", "Preguntas: {contact}", "Dúvidas: {contact}"],
                Self::Days => ["{month}/{day}/{year}", "{day}/{month}/{year}", "{day}/{month}/{year}"],
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn an_illness_has_one_text_and_every_text_is_of_its_own_in_each_language() {
        let codes: Vec<&&str> = ILLNESSES.iter().flat_map(|i| i.codes).collect();
        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
        for i in &ILLNESSES {
            assert_eq!(BTreeSet::from(i.signs).len(), 3, "{:?}", i.name);
            assert_eq!(BTreeSet::from(i.home).len(), 3, "{:?}", i.name);
        }
        assert_eq!(illness("MEASLES", "RASH_FEVER").unwrap().name(Language::English), "measles");
        assert_eq!(illness("UNHEARD_OF", "GI").unwrap().name(Language::Spanish), "vómitos o diarrea");
        assert!(illness("", "OTHER").is_none());
    }
}

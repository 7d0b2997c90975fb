//! What letters to families say, in English, Spanish and Brazilian Portuguese. Plain words, one page.

use crate::{
    auth::Language,
    paper::{Block, Part},
};
use time::Date;

/// What a letter is made of.
pub(super) struct Told<'a> {
    pub(super) language: Language,
    pub(super) exclusion: bool,
    pub(super) today: Date,
    pub(super) school: &'a str,
    /// Empty when the school has none.
    pub(super) phone: &'a str,
    pub(super) guardian: &'a str,
    pub(super) child: &'a str,
    pub(super) grade: &'a str,
    /// Empty for none.
    pub(super) homeroom: &'a str,
    pub(super) deadline: Option<Date>,
    pub(super) groups: &'a [String],
}

/// Texts of one language.
struct Texts {
    months: [&'static str; 12],
    /// `{day}`, `{month}`, `{year}`.
    date: &'static str,
    to: &'static str,
    family: &'static str,
    about: &'static str,
    grade: &'static str,
    room: &'static str,
    home_title: &'static str,
    home_now: &'static str,
    home_from: &'static str,
    remind_title: &'static str,
    remind: &'static str,
    remind_until: &'static str,
    missing: &'static str,
    bring: &'static str,
    ways: [&'static str; 3],
    questions: &'static str,
    questions_phone: &'static str,
    nurse: &'static str,
}

const ENGLISH: Texts = Texts {
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    date: "{month} {day}, {year}",
    to: "To: {name}",
    family: "To the parents or guardians",
    about: "About: {child}",
    grade: "Grade {grade}",
    room: "Room: {room}",
    home_title: "Your child may not attend school",
    home_now: "The law of the state asks for immunizations before a child attends school. Our records do not show all of them, and the time for it is over. Since {date} your child may not attend until one of the papers below is with the school.",
    home_from: "The law of the state asks for immunizations before a child attends school. Our records do not show all of them. From {date} on your child may not attend school unless one of the papers below is with the school before.",
    remind_title: "Immunizations are missing",
    remind: "The law of the state asks for immunizations of children who attend school. Our records do not show all of them. Please bring one of the papers below as soon as you can.",
    remind_until: "The law of the state asks for immunizations of children who attend school. Our records do not show all of them. Your child may attend until {date}. Please bring one of the papers below before that day.",
    missing: "What our records do not show",
    bring: "Please bring one of these to the school",
    ways: [
        "the record of the immunizations that your child has had",
        "a note of your doctor or clinic with the days on which the missing doses will be given",
        "an exemption that the law of the state knows",
    ],
    questions: "If your child has had these immunizations, or if you have questions, please ask the school nurse.",
    questions_phone: "If your child has had these immunizations, or if you have questions, please ask the school nurse: {phone}.",
    nurse: "The school nurse",
};

const SPANISH: Texts = Texts {
    months: [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ],
    date: "{day} de {month} de {year}",
    to: "Para: {name}",
    family: "A los padres o tutores",
    about: "Sobre: {child}",
    grade: "Grado {grade}",
    room: "Salón: {room}",
    home_title: "Su hijo o hija no puede asistir a la escuela",
    home_now: "La ley del estado exige vacunas antes de que un niño asista a la escuela. En nuestro registro no constan todas y el plazo terminó. Desde el {date} su hijo o hija no puede asistir hasta que la escuela tenga uno de los documentos de abajo.",
    home_from: "La ley del estado exige vacunas antes de que un niño asista a la escuela. En nuestro registro no constan todas. A partir del {date} su hijo o hija no podrá asistir a la escuela, salvo que antes la escuela tenga uno de los documentos de abajo.",
    remind_title: "Faltan vacunas",
    remind: "La ley del estado exige vacunas a los niños que asisten a la escuela. En nuestro registro no constan todas. Por favor traiga uno de los documentos de abajo lo antes posible.",
    remind_until: "La ley del estado exige vacunas a los niños que asisten a la escuela. En nuestro registro no constan todas. Su hijo o hija puede asistir hasta el {date}. Por favor traiga uno de los documentos de abajo antes de ese día.",
    missing: "Lo que no consta en nuestro registro",
    bring: "Por favor traiga a la escuela uno de estos documentos",
    ways: [
        "el registro de las vacunas que su hijo o hija ya recibió",
        "una nota de su médico o clínica con los días en que se aplicarán las dosis que faltan",
        "una exención que la ley del estado reconozca",
    ],
    questions: "Si su hijo o hija ya recibió estas vacunas, o si tiene preguntas, hable con la enfermera de la escuela.",
    questions_phone: "Si su hijo o hija ya recibió estas vacunas, o si tiene preguntas, hable con la enfermera de la escuela: {phone}.",
    nurse: "La enfermera de la escuela",
};

const PORTUGUESE: Texts = Texts {
    months: [
        "janeiro",
        "fevereiro",
        "março",
        "abril",
        "maio",
        "junho",
        "julho",
        "agosto",
        "setembro",
        "outubro",
        "novembro",
        "dezembro",
    ],
    date: "{day} de {month} de {year}",
    to: "Para: {name}",
    family: "Aos pais ou responsáveis",
    about: "Sobre: {child}",
    grade: "Série {grade}",
    room: "Sala: {room}",
    home_title: "Seu filho ou filha não pode frequentar a escola",
    home_now: "A lei do estado exige vacinas antes que uma criança frequente a escola. Nosso registro não mostra todas, e o prazo terminou. Desde {date} seu filho ou filha não pode frequentar até que a escola tenha um dos documentos abaixo.",
    home_from: "A lei do estado exige vacinas antes que uma criança frequente a escola. Nosso registro não mostra todas. A partir de {date} seu filho ou filha não poderá frequentar a escola, a menos que antes a escola tenha um dos documentos abaixo.",
    remind_title: "Faltam vacinas",
    remind: "A lei do estado exige vacinas das crianças que frequentam a escola. Nosso registro não mostra todas. Por favor traga um dos documentos abaixo assim que puder.",
    remind_until: "A lei do estado exige vacinas das crianças que frequentam a escola. Nosso registro não mostra todas. Seu filho ou filha pode frequentar até {date}. Por favor traga um dos documentos abaixo antes desse dia.",
    missing: "O que nosso registro não mostra",
    bring: "Por favor traga à escola um destes documentos",
    ways: [
        "o registro das vacinas que seu filho ou filha já recebeu",
        "uma nota do seu médico ou clínica com os dias em que as doses que faltam serão aplicadas",
        "uma isenção que a lei do estado reconheça",
    ],
    questions: "Se seu filho ou filha já recebeu estas vacinas, ou se tiver perguntas, fale com a enfermeira da escola.",
    questions_phone: "Se seu filho ou filha já recebeu estas vacinas, ou se tiver perguntas, fale com a enfermeira da escola: {phone}.",
    nurse: "A enfermeira da escola",
};

/// Vaccine groups as families know them; one that is not here is named as the schedule does.
const GROUPS: [(&str, [&str; 3]); 10] = [
    (
        "DTaP/Tdap/Td",
        [
            "Diphtheria, tetanus and whooping cough (DTaP, Tdap, Td)",
            "Difteria, tétanos y tos ferina (DTaP, Tdap, Td)",
            "Difteria, tétano e coqueluche (DTaP, Tdap, Td)",
        ],
    ),
    ("HPV", ["Human papillomavirus (HPV)", "Virus del papiloma humano (VPH)", "Papilomavírus humano (HPV)"]),
    ("HepA", ["Hepatitis A", "Hepatitis A", "Hepatite A"]),
    ("HepB", ["Hepatitis B", "Hepatitis B", "Hepatite B"]),
    (
        "Hib",
        [
            "Haemophilus influenzae type b (Hib)",
            "Haemophilus influenzae tipo b (Hib)",
            "Haemophilus influenzae tipo b (Hib)",
        ],
    ),
    (
        "MMR",
        [
            "Measles, mumps and rubella (MMR)",
            "Sarampión, paperas y rubéola (MMR, SPR)",
            "Sarampo, caxumba e rubéola (MMR, tríplice viral)",
        ],
    ),
    ("Meningococcal", ["Meningococcal disease", "Enfermedad meningocócica", "Doença meningocócica"]),
    ("Pneumococcal", ["Pneumococcal disease", "Enfermedad neumocócica", "Doença pneumocócica"]),
    ("Polio", ["Polio", "Polio", "Poliomielite"]),
    ("Varicella", ["Chickenpox (varicella)", "Varicela", "Catapora (varicela)"]),
];

fn texts(language: Language) -> &'static Texts {
    match language {
        Language::English => &ENGLISH,
        Language::Spanish => &SPANISH,
        Language::Portuguese => &PORTUGUESE,
    }
}

fn day(on: Date, t: &Texts) -> String {
    let month = t.months[usize::from(u8::from(on.month())) - 1];
    t.date.replace("{day}", &on.day().to_string()).replace("{month}", month).replace("{year}", &on.year().to_string())
}

/// A letter.
pub(super) fn letter(told: &Told<'_>) -> Part {
    let t = texts(told.language);
    let title = if told.exclusion { t.home_title } else { t.remind_title };
    let words = match (told.exclusion, told.deadline) {
        (true, Some(from)) if from <= told.today => t.home_now,
        (true, _) => t.home_from,
        (false, Some(_)) => t.remind_until,
        (false, None) => t.remind,
    };
    let words = words.replace("{date}", &told.deadline.map(|on| day(on, t)).unwrap_or_default());
    let to = if told.guardian.is_empty() { t.family.to_owned() } else { t.to.replace("{name}", told.guardian) };
    let mut about = format!("{} · {}", t.about.replace("{child}", told.child), t.grade.replace("{grade}", told.grade));
    if !told.homeroom.is_empty() {
        about = format!("{about} · {}", t.room.replace("{room}", told.homeroom));
    }
    let groups = told.groups.iter().map(|name| {
        let known = GROUPS.iter().find(|(group, _)| group == name);
        known.map_or_else(|| name.clone(), |(_, names)| names[told.language as usize].to_owned())
    });
    let questions =
        if told.phone.is_empty() { t.questions.to_owned() } else { t.questions_phone.replace("{phone}", told.phone) };
    let mut blocks = vec![
        Block::Heading(told.school.to_owned()),
        Block::Text(day(told.today, t)),
        Block::Room(1),
        Block::Text(to),
        Block::Text(about),
        Block::Room(1),
        Block::Title(title.to_owned()),
        Block::Text(words),
        Block::Heading(t.missing.to_owned()),
    ];
    blocks.extend(groups.map(Block::Point));
    blocks.push(Block::Heading(t.bring.to_owned()));
    blocks.extend(t.ways.iter().map(|way| Block::Point((*way).to_owned())));
    blocks.extend([
        Block::Text(questions),
        Block::Room(2),
        Block::Text(t.nurse.to_owned()),
        Block::Text(told.school.to_owned()),
    ]);
    Part { language: told.language.tag(), foot: told.school.to_owned(), blocks }
}

/// The sheet before the letters of a homeroom, for who hands them out: it names nobody.
pub(super) fn cover(school: &str, room: &str, letters: usize, today: Date) -> Part {
    let shown = if room.is_empty() { "Without a homeroom" } else { room };
    let blocks = vec![
        Block::Heading(school.to_owned()),
        Block::Title(shown.to_owned()),
        Block::Text(format!("Letters to families: {letters}")),
        Block::Text(format!("Made on {today}")),
        Block::Room(1),
        Block::Text("Confidential. Put each letter into an envelope of its own, and close it.".into()),
    ];
    Part { language: "en", foot: school.to_owned(), blocks }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::{Document, Page};
    use time::{OffsetDateTime, macros::date};

    fn told(language: Language, exclusion: bool, deadline: Option<Date>) -> String {
        let groups = ["MMR".to_owned(), "Yellow Fever".to_owned()];
        let told = Told {
            language,
            exclusion,
            today: date!(2026 - 03 - 02),
            school: "Larkspur Elementary",
            phone: "555 0100",
            guardian: "Ana Invented",
            child: "Marisol Quillfeather",
            grade: "4",
            homeroom: "Room 12",
            deadline,
            groups: &groups,
        };
        let parts = vec![letter(&told)];
        let made_at = OffsetDateTime::UNIX_EPOCH;
        let document = Document { title: String::new(), language: "en", page: Page::Letter, made_at, parts };
        let pages = document.texts();
        assert_eq!(pages.len(), 1, "a letter is one page");
        pages[0].replace('\n', " ")
    }

    #[test]
    fn a_letter_says_whom_what_and_when_in_the_guardians_language() {
        let home = Some(date!(2026 - 03 - 20));
        let english = told(Language::English, true, home);
        for said in [
            "To: Ana Invented",
            "Marisol Quillfeather",
            "From March 20, 2026 on",
            "Measles, mumps and rubella",
            "Yellow Fever",
            "555 0100",
        ] {
            assert!(english.contains(said), "{said}: {english}");
        }
        assert!(told(Language::English, true, Some(date!(2026 - 03 - 02))).contains("Since March 2, 2026"));
        let spanish = told(Language::Spanish, true, home);
        assert!(spanish.contains("A partir del 20 de marzo de 2026") && spanish.contains("Sarampión"), "{spanish}");
        let portuguese = told(Language::Portuguese, false, home);
        assert!(portuguese.contains("pode frequentar até 20 de março de 2026") && portuguese.contains("Sarampo"));
        assert!(told(Language::Spanish, false, None).contains("lo antes posible"));
        assert!(!told(Language::English, false, None).contains('{'), "every place is filled");
    }
}

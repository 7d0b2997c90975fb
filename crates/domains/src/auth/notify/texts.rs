//! The words of notifications in three languages. A text names no person and nothing about health: it says that something
//! waits, and a link leads to it.

/// A language that texts are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the languages'")]
pub enum Language {
    English,
    Spanish,
    Portuguese,
}

impl Language {
    /// By the first part of a language tag; English for any other.
    #[must_use]
    pub fn of(tag: &str) -> Self {
        match tag.split(['-', '_']).next().unwrap_or_default() {
            "es" => Self::Spanish,
            "pt" => Self::Portuguese,
            _ => Self::English,
        }
    }

    /// Its tag, as columns hold it.
    #[must_use]
    pub fn tag(self) -> &'static str {
        self.pick(["en", "es", "pt-BR"])
    }

    /// The text of three that is in this language.
    pub(crate) fn pick(self, texts: [&'static str; 3]) -> &'static str {
        texts[self as usize]
    }
}

/// Texts by name: English, Spanish, Portuguese.
const TITLES: &[(&str, [&str; 3])] = &[
    (
        "account.factor",
        [
            "How you prove that it is you was changed",
            "Cambió la forma en que demuestra que es usted",
            "Mudou a forma como você prova que é você",
        ],
    ),
    (
        "account.key",
        [
            "An API key was made for your account",
            "Se creó una clave de API para su cuenta",
            "Uma chave de API foi criada para a sua conta",
        ],
    ),
    (
        "account.new_browser",
        [
            "Somebody signed in to your account from a browser that was not known",
            "Alguien inició sesión en su cuenta desde un navegador desconocido",
            "Alguém entrou na sua conta de um navegador desconhecido",
        ],
    ),
    ("account.password", ["Your password was changed", "Su contraseña fue cambiada", "A sua senha foi alterada"]),
    ("account.roles", ["Your roles were changed", "Sus roles cambiaron", "Os seus papéis mudaram"]),
    (
        "alert.CRITICAL",
        ["A critical alert waits for you", "Una alerta crítica le espera", "Um alerta crítico espera por você"],
    ),
    (
        "alert.EMERGENCY",
        [
            "An emergency alert waits for you",
            "Una alerta de emergencia le espera",
            "Um alerta de emergência espera por você",
        ],
    ),
    ("alert.HIGH", ["A high alert waits for you", "Una alerta alta le espera", "Um alerta alto espera por você"]),
    ("alert.INFO", ["A notice was raised", "Hay un aviso", "Há um aviso"]),
    ("alert.LOW", ["A low alert waits for you", "Una alerta baja le espera", "Um alerta baixo espera por você"]),
    ("alert.MEDIUM", ["A medium alert waits for you", "Una alerta media le espera", "Um alerta médio espera por você"]),
    (
        "alert.held",
        [
            "Alerts that were held for you",
            "Alertas que se retuvieron para usted",
            "Alertas que ficaram retidos para você",
        ],
    ),
    (
        "auth.test",
        ["This is a test notification", "Esta es una notificación de prueba", "Esta é uma notificação de teste"],
    ),
    (
        "emergency.used",
        [
            "The emergency recovery credential was used",
            "Se usó la credencial de recuperación de emergencia",
            "A credencial de recuperação de emergência foi usada",
        ],
    ),
    (
        "glass.nobody_reviews",
        [
            "Emergency access was opened, and nobody may review it: give somebody auth.glass.review",
            "Se abrió un acceso de emergencia y nadie puede revisarlo: dé a alguien auth.glass.review",
            "Um acesso de emergência foi aberto e ninguém pode revisá-lo: dê a alguém auth.glass.review",
        ],
    ),
    (
        "glass.opened",
        [
            "Emergency access waits for review",
            "Un acceso de emergencia espera revisión",
            "Um acesso de emergência espera revisão",
        ],
    ),
    (
        "glass.overdue",
        [
            "The review of an emergency access is overdue",
            "La revisión de un acceso de emergencia está atrasada",
            "A revisão de um acesso de emergência está atrasada",
        ],
    ),
    (
        "school.dose_missed",
        [
            "A dose of medication was not recorded in time",
            "Una dosis de medicamento no se registró a tiempo",
            "Uma dose de medicamento não foi registrada a tempo",
        ],
    ),
    (
        "school.emergency",
        [
            "Emergency services were called to a school",
            "Se llamó a emergencias en una escuela",
            "O serviço de emergência foi chamado a uma escola",
        ],
    ),
    (
        "school.exemption_submitted",
        [
            "A family submitted an exemption from vaccination: decide about it",
            "Una familia presentó una exención de vacunación: decida sobre ella",
            "Uma família apresentou uma isenção de vacinação: decida sobre ela",
        ],
    ),
    (
        "school.inhaler_frequent",
        [
            "A reliever of asthma was used three times in a week: review the plan",
            "Se usó un inhalador de rescate tres veces en una semana: revise el plan",
            "Uma bombinha de alívio foi usada três vezes em uma semana: reveja o plano",
        ],
    ),
    (
        "school.medication_error",
        [
            "An error with medication at a school did harm",
            "Un error de medicación en una escuela causó daño",
            "Um erro de medicação em uma escola causou dano",
        ],
    ),
    (
        "school.stock_mismatch",
        [
            "The count of a controlled drug differs from the register",
            "El recuento de un medicamento controlado difiere del registro",
            "A contagem de um medicamento controlado difere do registro",
        ],
    ),
    (
        "school.supply_expiring",
        [
            "A medicine kept at a school expires soon",
            "Un medicamento guardado en una escuela vence pronto",
            "Um medicamento guardado em uma escola vence em breve",
        ],
    ),
    (
        "school.visit_long",
        [
            "A clinic visit has been open for two hours",
            "Una visita a la enfermería lleva dos horas abierta",
            "Uma visita à enfermaria está aberta há duas horas",
        ],
    ),
];

const OTHER: [&str; 3] = ["Something waits for you", "Algo le espera", "Algo espera por você"];

const WAITS: [&str; 3] = [
    "Something waits for you at {organization}.",
    "Algo le espera en {organization}.",
    "Algo espera por você em {organization}.",
];
const OPEN: [&str; 3] = ["Sign in to see it:", "Inicie sesión para verlo:", "Entre para ver:"];
const WHY: [&str; 3] = [
    "You chose to be told by e-mail. You can change that on the page Notifications.",
    "Usted eligió recibir avisos por correo. Puede cambiarlo en la página Notificaciones.",
    "Você escolheu receber avisos por e-mail. Pode mudar isso na página Notificações.",
];

/// The line a notification is shown by.
#[must_use]
pub fn title(language: Language, key: &str) -> &'static str {
    let known = TITLES.iter().find(|(name, _)| *name == key).map(|(_, texts)| *texts);
    language.pick(known.unwrap_or(OTHER))
}

const FAMILY: [&str; 3] = [
    "{organization}: a health record notice waits for your family.",
    "{organization}: un aviso del registro de salud espera a su familia.",
    "{organization}: um aviso do registro de saúde espera por sua família.",
];

/// Subject and text of an e-mail: no more than that something waits.
pub(super) fn mail(language: Language, organization: &str, link: &str) -> (String, String) {
    let waits = language.pick(WAITS).replace("{organization}", organization);
    let text = format!("{waits}\n\n{}\n{link}\n\n-- \n{}\n", language.pick(OPEN), language.pick(WHY));
    (waits.trim_end_matches('.').to_owned(), text)
}

/// Subject and text for a family, by e-mail or SMS: that a notice about a health record waits, and where.
pub(crate) fn family_letter(language: Language, organization: &str, link: &str) -> (String, String) {
    let waits = language.pick(FAMILY).replace("{organization}", organization);
    (waits.trim_end_matches('.').to_owned(), format!("{waits} {link}").trim_end().to_owned())
}

/// What a push message says of an alert, by its severity.
const RAISED: &[(&str, [&str; 3])] = &[
    (
        "CRITICAL",
        ["New alert, CRITICAL: open Salus", "Nueva alerta, CRÍTICA: abra Salus", "Novo alerta, CRÍTICO: abra o Salus"],
    ),
    (
        "EMERGENCY",
        [
            "New alert, EMERGENCY: open Salus",
            "Nueva alerta, EMERGENCIA: abra Salus",
            "Novo alerta, EMERGÊNCIA: abra o Salus",
        ],
    ),
    ("HIGH", ["New alert, HIGH: open Salus", "Nueva alerta, ALTA: abra Salus", "Novo alerta, ALTO: abra o Salus"]),
    ("INFO", ["New notice: open Salus", "Nuevo aviso: abra Salus", "Novo aviso: abra o Salus"]),
    ("LOW", ["New alert, LOW: open Salus", "Nueva alerta, BAJA: abra Salus", "Novo alerta, BAIXO: abra o Salus"]),
    (
        "MEDIUM",
        ["New alert, MEDIUM: open Salus", "Nueva alerta, MEDIA: abra Salus", "Novo alerta, MÉDIO: abra o Salus"],
    ),
];
const WAITING: [&str; 3] =
    ["Something waits for you: open Salus", "Algo le espera: abra Salus", "Algo espera por você: abra o Salus"];

/// The line of a push message. A locked screen shows it to whoever is near, so it does not even name the organization.
pub(super) fn push(language: Language, severity: &str) -> &'static str {
    let known = RAISED.iter().find(|(name, _)| *name == severity).map(|(_, texts)| *texts);
    language.pick(known.unwrap_or(WAITING))
}

/// The text of an SMS.
pub(super) fn sms(language: Language, organization: &str, link: &str) -> String {
    format!("{} {link}", language.pick(WAITS).replace("{organization}", organization))
}

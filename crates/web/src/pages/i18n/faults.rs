//! What the server says about a field or a refusal, in the language of the page. The server speaks English to programs;
//! here its sentences are known by their words, and those that are not by their code.

use super::{Locale, fault_codes::CODES, faults_access, faults_school};

/// English with `{}` for what varies; Spanish and Portuguese with the same in the same order.
const SENTENCES: &[(&str, [&str; 2])] = &[
    (
        "PUSH needs a device: turn on alerts on this device under Notifications",
        [
            "PUSH necesita un dispositivo: active los avisos en este dispositivo en Notificaciones",
            "PUSH precisa de um dispositivo: ative os alertas neste dispositivo em Notificações",
        ],
    ),
    (
        "{} devices are told already: remove one first",
        ["Ya hay {} dispositivos activados: desactive uno antes", "Já há {} dispositivos ativados: desative um antes"],
    ),
    (
        "This browser is told already",
        ["Este navegador ya está activado en otra cuenta", "Este navegador já está ativado em outra conta"],
    ),
    ("Say why: {}", ["Diga por qué: {}", "Diga por quê: {}"]),
    (
        "This alert is {}: nothing follows",
        ["Esta alerta está en {}: no sigue nada", "Este alerta está em {}: nada se segue"],
    ),
    (
        "This alert is {}: what can follow is {}",
        ["Esta alerta está en {}: puede seguir {}", "Este alerta está em {}: pode seguir-se {}"],
    ),
    (
        "The last case must lie {} days back: from {} on, if no other comes",
        [
            "El último caso debe quedar {} días atrás: desde el {}, si no llega otro",
            "O último caso deve estar {} dias atrás: a partir de {}, se não vier outro",
        ],
    ),
    (
        "A list with names needs its legal basis: kind and text",
        [
            "Una lista con nombres necesita su base legal: tipo y texto",
            "Uma lista com nomes precisa da sua base legal: tipo e texto",
        ],
    ),
    ("Say to whom the names go", ["Diga a quién van los nombres", "Diga a quem vão os nomes"]),
    (
        "Say to which health department it was reported",
        ["Diga a qué departamento de salud se notificó", "Diga a que departamento de saúde foi notificado"],
    ),
    ("This rule was confirmed already", ["Esta regla ya se confirmó", "Esta regra já foi confirmada"]),
    (
        "A person who signed in confirms what the health department asks for",
        [
            "Una persona que inició sesión confirma lo que pide el departamento de salud",
            "Uma pessoa que entrou confirma o que o departamento de saúde pede",
        ],
    ),
    (
        "An EMERGENCY is not put off: acknowledge or resolve it",
        ["Una emergencia no se pospone: tómela o resuélvala", "Uma emergência não é adiada: assuma-a ou resolva-a"],
    ),
    (
        "Has IN_APP: what is critical must reach the page",
        ["Incluye la página: lo crítico debe llegar a ella", "Inclui a página: o que é crítico deve chegar a ela"],
    ),
    (
        "Holds {}: put it into body, which is sealed",
        ["Contiene {}: póngalo en el texto, que va cifrado", "Contém {}: ponha-o no texto, que é cifrado"],
    ),
    (
        "Is at most 30 days from now: nobody is left out for good",
        [
            "A lo sumo 30 días desde ahora: nadie queda fuera para siempre",
            "No máximo 30 dias a partir de agora: ninguém fica de fora para sempre",
        ],
    ),
    (
        "Must name somebody who may see this alert",
        ["Debe ser alguien que pueda ver esta alerta", "Deve ser alguém que possa ver este alerta"],
    ),
    ("Say for how many minutes", ["Diga por cuántos minutos", "Diga por quantos minutos"]),
    ("Somebody with an account does this", ["Lo hace alguien con una cuenta", "Quem faz isto tem uma conta"]),
    (
        "Names a role or an on-call list, not both",
        ["Nombra un rol o una lista de guardia, no ambos", "Nomeia um papel ou uma lista de plantão, não ambos"],
    ),
    (
        "Each step names whom it tells, or is again",
        ["Cada paso nombra a quién avisa, o es de nuevo", "Cada passo nomeia quem avisa, ou é de novo"],
    ),
    (
        "None of these families has a guardian with custody who may be told about health and has a telephone or e-mail address: enter one with the student's contacts",
        [
            "Ninguna de estas familias tiene un tutor con custodia que pueda recibir información de salud y tenga teléfono o correo: ingrese uno en los contactos del estudiante",
            "Nenhuma destas famílias tem um responsável com guarda que possa receber informação de saúde e tenha telefone ou e-mail: registre um nos contatos do estudante",
        ],
    ),
    ("Is a CVX code such as 03", ["Es un código CVX como 03", "É um código CVX como 03"]),
    (
        "The schedule in use has no vaccine {}: look at the card again",
        [
            "El calendario en uso no tiene la vacuna {}: mire la tarjeta de nuevo",
            "O calendário em uso não tem a vacina {}: olhe o cartão de novo",
        ],
    ),
    (
        "Is a day such as 2024-09-14, or 2024-09, or 2024",
        ["Es un día como 2024-09-14, o 2024-09, o 2024", "É um dia como 2024-09-14, ou 2024-09, ou 2024"],
    ),
    ("Cannot lie ahead", ["No puede estar en el futuro", "Não pode estar no futuro"]),
    ("Lies before the student was born", ["Es anterior al nacimiento", "É anterior ao nascimento"]),
    (
        "A dose that was given here has its day, such as 2026-03-02",
        [
            "Una dosis aplicada aquí tiene su día, como 2026-03-02",
            "Uma dose aplicada aqui tem o seu dia, como 2026-03-02",
        ],
    ),
    (
        "A dose that was given here has its day: send given_on too",
        [
            "Una dosis aplicada aquí tiene su día: indíquelo también",
            "Uma dose aplicada aqui tem o seu dia: informe-o também",
        ],
    ),
    (
        "This vaccine is on record for {} already, as {}",
        ["Esta vacuna ya consta el {} (registro {})", "Esta vacina já consta em {} (registro {})"],
    ),
    (
        "Say why it is given more than {} minutes from its time",
        [
            "Diga por qué se administra a más de {} minutos de su hora",
            "Diga por que é administrado a mais de {} minutos do horário",
        ],
    ),
    (
        "Say why the dose was held or refused",
        ["Diga por qué se retuvo o se rechazó la dosis", "Diga por que a dose foi retida ou recusada"],
    ),
    ("Say why it was an error", ["Diga por qué fue un error", "Diga por que foi um erro"]),
    (
        "Say why it is given although {}",
        [
            "Diga por qué se administra aunque se supera un límite de la orden",
            "Diga por que é administrado embora um limite da ordem seja excedido",
        ],
    ),
    (
        "Cannot be given: {}. A nurse may decide otherwise",
        [
            "No se puede administrar: se supera un límite de la orden. Una enfermera puede decidir otra cosa",
            "Não pode ser administrado: um limite da ordem é excedido. A enfermagem pode decidir de outro modo",
        ],
    ),
    (
        "The register has {} of this: count what is there first",
        ["El registro tiene {} de esto: cuente primero lo que hay", "O registro tem {} disto: conte primeiro o que há"],
    ),
    (
        "Nothing of this controlled drug was received: enter what is there first",
        [
            "No se recibió nada de este medicamento controlado: ingrese primero lo que hay",
            "Nada deste medicamento controlado foi recebido: registre primeiro o que há",
        ],
    ),
    (
        "The two of you found different numbers: count again together",
        [
            "Las dos personas encontraron números distintos: cuenten de nuevo juntas",
            "As duas pessoas encontraram números diferentes: contem de novo juntas",
        ],
    ),
    (
        "The register was written since, or half an hour has passed: count again",
        [
            "El registro cambió o pasó media hora: cuente de nuevo",
            "O registro mudou ou passou meia hora: conte de novo",
        ],
    ),
    (
        "A count is confirmed by another person than who counted",
        ["Un recuento lo confirma otra persona que quien contó", "Uma contagem é confirmada por outra pessoa"],
    ),
    (
        "This order is not in force: no dose of it is recorded",
        [
            "Esta orden no está en vigor: no se registra ninguna dosis",
            "Esta ordem não está em vigor: nenhuma dose é registrada",
        ],
    ),
    (
        "This order is not delegated: a nurse gives it",
        [
            "Esta orden no está delegada: la administra una enfermera",
            "Esta ordem não é delegada: a enfermagem administra",
        ],
    ),
    (
        "This shift is over: it stays, so that it can be told who was on call",
        [
            "Este turno ya terminó: se conserva para poder decir quién estaba de guardia",
            "Este turno terminou: fica registrado para que se possa dizer quem estava de plantão",
        ],
    ),
    ("Is a date and time such as {}", ["Debe ser una fecha y hora como {}", "Deve ser uma data e hora como {}"]),
    ("This dose was recorded already", ["Esta dosis ya se registró", "Esta dose já foi registrada"]),
    ("Needs the prescriber's order", ["Necesita la orden de quien prescribe", "Precisa da prescrição"]),
    (
        "Needs the guardian's consent",
        ["Necesita el consentimiento del tutor", "Precisa do consentimento do responsável"],
    ),
    (
        "A scheduled order names its times, such as {}",
        ["Una orden con horario indica sus horas, como {}", "Uma ordem com horário indica seus horários, como {}"],
    ),
    (
        "Each is a time of day such as 12:00, and no two are alike",
        ["Cada una es una hora como 12:00 y no se repiten", "Cada um é um horário como 12:00 e não se repetem"],
    ),
    ("Is a time of day such as {}", ["Debe ser una hora como {}", "Deve ser um horário como {}"]),
    (
        "Only an order of kind SCHEDULED has times",
        ["Solo una orden programada tiene horas", "Só uma ordem programada tem horários"],
    ),
    (
        "The student has an allergy to this drug, its class or a group that reacts alike",
        [
            "El estudiante es alérgico a este medicamento, su clase o un grupo similar",
            "O estudante tem alergia a este medicamento, à sua classe ou a um grupo semelhante",
        ],
    ),
    (
        "The student has allergies that this drug cannot be compared with by code: compare them yourself and say so",
        [
            "El estudiante tiene alergias que no se pueden comparar por código con este medicamento: compárelas e indíquelo",
            "O estudante tem alergias que não se podem comparar por código com este medicamento: compare e indique",
        ],
    ),
    ("A witness is another person", ["El testigo es otra persona", "A testemunha é outra pessoa"]),
    (
        "Must name somebody who works at this school",
        ["Debe ser alguien que trabaje en esta escuela", "Deve ser alguém que trabalhe nesta escola"],
    ),
    ("Is a decimal number such as {}", ["Debe ser un número decimal como {}", "Deve ser um número decimal como {}"]),
    ("Is more than nothing", ["Debe ser más que nada", "Deve ser mais que zero"]),
    ("Say why it goes, and where", ["Diga por qué sale y adónde", "Diga por que sai e para onde"]),
    (
        "Say why in at most 128 characters, without health data",
        [
            "Diga por qué en 128 caracteres como máximo, sin datos de salud",
            "Diga por quê em no máximo 128 caracteres, sem dados de saúde",
        ],
    ),
    (
        "Who recorded the dose can mark it as an error, or a nurse",
        ["Puede marcarla quien la registró, o una enfermera", "Pode marcá-la quem a registrou, ou a enfermagem"],
    ),
    (
        "Say the last day: no school year holds the first",
        [
            "Indique el último día: ningún año escolar contiene el primero",
            "Indique o último dia: nenhum ano letivo contém o primeiro",
        ],
    ),
    ("Say where the document is kept", ["Diga dónde se guarda el documento", "Diga onde o documento está guardado"]),
    (
        "Is none of the order's times at the school that day",
        ["No es una de las horas de la orden ese día", "Não é um dos horários da ordem nesse dia"],
    ),
    ("Is required", ["Es obligatorio", "É obrigatório"]),
    ("Is an e-mail address", ["Debe ser una dirección de correo", "Deve ser um endereço de e-mail"]),
    ("Is not your password", ["No es su contraseña", "Não é a sua senha"]),
    (
        "This code is not right, or was used before",
        ["Este código no es correcto o ya se usó", "Este código não está certo ou já foi usado"],
    ),
    ("Is not the code that was sent", ["No es el código enviado", "Não é o código enviado"]),
    (
        "Needs to be another than those before",
        ["Debe ser distinta de las anteriores", "Deve ser diferente das anteriores"],
    ),
    ("Needs {}", ["No cumple las reglas que aquí se indican", "Não cumpre as regras indicadas aqui"]),
    ("Is a date such as {}", ["Debe ser una fecha como {}", "Deve ser uma data como {}"]),
    ("Is a time such as {}", ["Debe ser una hora como {}", "Deve ser um horário como {}"]),
    (
        "Is from {} to {}: nobody opens it alone",
        ["Debe estar entre {} y {}: nadie la abre solo", "Deve estar entre {} e {}: ninguém a abre sozinho"],
    ),
    ("Is from {} to {}", ["Debe estar entre {} y {}", "Deve estar entre {} e {}"]),
    (
        "Is a whole number from {} to {}",
        ["Debe ser un número entero entre {} y {}", "Deve ser um número inteiro entre {} e {}"],
    ),
    ("Is a number from {} to {}", ["Debe ser un número entre {} y {}", "Deve ser um número entre {} e {}"]),
    ("Is at most {} characters", ["Debe tener como máximo {} caracteres", "Deve ter no máximo {} caracteres"]),
    ("Is one of: {}", ["Debe ser uno de: {}", "Deve ser um destes: {}"]),
    ("Is true or false", ["Debe ser verdadero o falso", "Deve ser verdadeiro ou falso"]),
    ("Is a UUID", ["Debe ser un UUID", "Deve ser um UUID"]),
    ("Is {} or {}", ["Debe ser {} o {}", "Deve ser {} ou {}"]),
    ("Is a list of texts", ["Debe ser una lista de textos", "Deve ser uma lista de textos"]),
    ("Is a JSON object", ["Debe ser un objeto JSON", "Deve ser um objeto JSON"]),
    (
        "Lies between 125 years ago and today",
        ["Debe estar entre hace 125 años y hoy", "Deve estar entre 125 anos atrás e hoje"],
    ),
    ("Must name an existing record{}", ["Debe indicar un registro que exista", "Deve indicar um registro que exista"]),
    ("Must end after it begins", ["Debe terminar después de empezar", "Deve terminar depois de começar"]),
    ("Cannot be negative", ["No puede ser negativo", "Não pode ser negativo"]),
    (
        "Says in at least {} characters why this cannot wait",
        [
            "Debe decir en al menos {} caracteres por qué no puede esperar",
            "Deve dizer em pelo menos {} caracteres por que não pode esperar",
        ],
    ),
    (
        "Says in at least {} characters why nobody can sign in",
        [
            "Debe decir en al menos {} caracteres por qué nadie puede iniciar sesión",
            "Deve dizer em pelo menos {} caracteres por que ninguém consegue entrar",
        ],
    ),
    (
        "Says in {} to {} characters why",
        ["Debe decir por qué, en {} a {} caracteres", "Deve dizer por quê, em {} a {} caracteres"],
    ),
    (
        "Repeats the id of the person to be erased",
        ["Debe repetir el id de la persona que se borrará", "Deve repetir o id da pessoa a ser apagada"],
    ),
    (
        "Is the number of a patient's record, such as stands in its address",
        [
            "Debe ser el número de un expediente, como aparece en su dirección",
            "Deve ser o número de um prontuário, como aparece no endereço dele",
        ],
    ),
    (
        "Name the person, or their record_number",
        ["Indique la persona o su número de expediente", "Indique a pessoa ou o número do prontuário"],
    ),
    (
        "Share {} was mistyped: compare it with the paper",
        ["La parte {} tiene un error: compárela con el papel", "A parte {} tem um erro: compare com o papel"],
    ),
    (
        "These shares are of different credentials",
        ["Estas partes son de credenciales distintas", "Estas partes são de credenciais diferentes"],
    ),
    (
        "Type at least two different shares, one a line",
        [
            "Escriba al menos dos partes distintas, una por línea",
            "Digite pelo menos duas partes diferentes, uma por linha",
        ],
    ),
    (
        "{} is not a role of this tenant",
        ["{} no es un rol de esta organización", "{} não é um papel desta organização"],
    ),
    (
        "{} is no permission of this tenant",
        ["{} no es un permiso de esta organización", "{} não é uma permissão desta organização"],
    ),
    (
        "{} is no network: write it like {} or {}",
        ["{} no es una red: escríbala como {} o {}", "{} não é uma rede: escreva como {} ou {}"],
    ),
    ("{} is no network such as {}", ["{} no es una red como {}", "{} não é uma rede como {}"]),
    ("{} is not of the form {}", ["{} no tiene la forma {}", "{} não tem a forma {}"]),
    ("{} is no published event: {}", ["{} no es un evento publicado: {}", "{} não é um evento publicado: {}"]),
    ("Is an address such as {}", ["Debe ser una dirección como {}", "Deve ser um endereço como {}"]),
    (
        "Names a host of the public internet, not one inside a network",
        [
            "Debe estar en la internet pública, no dentro de una red",
            "Deve estar na internet pública, não dentro de uma rede",
        ],
    ),
    (
        "Nothing here carries codes by this way",
        ["Aquí no se envían códigos por esta vía", "Aqui não se enviam códigos por esta via"],
    ),
    (
        "Is the name of your own organization in addresses",
        ["Debe ser el nombre corto de su organización", "Deve ser o nome curto da sua organização"],
    ),
    ("Another user has this e-mail address", ["Otro usuario tiene este correo", "Outro usuário tem este e-mail"]),
    (
        "Another patient has this medical record number",
        ["Otro paciente tiene este número de expediente", "Outro paciente tem este número de prontuário"],
    ),
    ("This user has a key of that name", ["Ya hay una clave con ese nombre", "Já há uma chave com esse nome"]),
    (
        "Two keys of this name work already: end the old one first",
        [
            "Ya funcionan dos claves con este nombre: termine antes la anterior",
            "Já funcionam duas chaves com este nome: encerre antes a antiga",
        ],
    ),
    (
        "This goes beyond your own rights ({}): {}",
        [
            "Esto va más allá de sus propios derechos ({}): pídalo a quien los tenga",
            "Isto vai além dos seus próprios direitos ({}): peça a quem os tenha",
        ],
    ),
    // Rules of passwords, each by itself.
    ("at least {} characters", ["al menos {} caracteres", "pelo menos {} caracteres"]),
    ("at most {} bytes", ["como máximo {} bytes", "no máximo {} bytes"]),
    ("an upper-case letter", ["una letra mayúscula", "uma letra maiúscula"]),
    ("a lower-case letter", ["una letra minúscula", "uma letra minúscula"]),
    ("a digit", ["un dígito", "um dígito"]),
    (
        "a character that is no letter or digit",
        ["un carácter que no sea letra ni dígito", "um caractere que não seja letra nem dígito"],
    ),
    (
        "something besides common words, names of yours, digits and signs",
        [
            "algo más que palabras comunes, nombres suyos, dígitos y signos",
            "algo além de palavras comuns, nomes seus, dígitos e sinais",
        ],
    ),
    (
        "not to be on the list of leaked passwords",
        ["no estar en la lista de contraseñas filtradas", "não estar na lista de senhas vazadas"],
    ),
    (
        "Is on the list of leaked passwords: choose another",
        ["Está en la lista de contraseñas filtradas: elija otra", "Está na lista de senhas vazadas: escolha outra"],
    ),
    (
        "to be harder to guess (a strength of {} out of 4): longer, or less regular",
        [
            "ser más difícil de adivinar (una fuerza de {} sobre 4): más larga o menos regular",
            "ser mais difícil de adivinhar (uma força de {} em 4): mais longa ou menos regular",
        ],
    ),
];

/// What the server said in English, in the language of the page: by its words, else by its code; English when neither is
/// known.
#[must_use]
pub fn say(locale: Locale, code: &str, english: &str) -> String {
    let other = match locale {
        Locale::En => return english.to_owned(),
        Locale::Es => 0,
        Locale::PtBr => 1,
    };
    for (template, words) in sentences() {
        if let Some(varying) = varying(template, english) {
            return put(words[other], &varying);
        }
    }
    match CODES.binary_search_by(|(known, _)| (*known).cmp(code)) {
        Ok(at) => CODES[at].1[other].to_owned(),
        Err(_) => english.to_owned(),
    }
}

fn sentences() -> impl Iterator<Item = &'static (&'static str, [&'static str; 2])> {
    SENTENCES.iter().chain(faults_school::SENTENCES).chain(faults_access::SENTENCES)
}

/// What stands in the places of a template, when a text is of its form.
fn varying<'a>(template: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = template.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty().then(Vec::new) };
    let mut found = Vec::with_capacity(parts.len());
    for part in between {
        let (here, after) = rest.split_once(part)?;
        found.push(here);
        rest = after;
    }
    found.push(rest.strip_suffix(last)?);
    Some(found)
}

fn put(words: &str, varying: &[&str]) -> String {
    let mut varying = varying.iter();
    let mut parts = words.split("{}");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(varying.next().unwrap_or(&""));
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_known_by_their_words_and_else_by_their_code() {
        assert_eq!(say(Locale::En, "required", "Is required"), "Is required");
        assert_eq!(say(Locale::Es, "required", "Is required"), "Es obligatorio");
        assert_eq!(say(Locale::PtBr, "x", "Is from 1 to 60"), "Deve estar entre 1 e 60");
        assert_eq!(
            say(Locale::Es, "x", "NURSE is not a role of this tenant"),
            "NURSE no es un rol de esta organización"
        );
        assert_eq!(say(Locale::Es, "not_allowed", "Must begin on a Monday, oddly"), "Este valor no se admite");
        assert_eq!(say(Locale::PtBr, "x", "at least 15 characters"), "pelo menos 15 caracteres");
        assert_eq!(say(Locale::Es, "of_no_list", "Something else"), "Something else");
    }

    #[test]
    fn translations_have_no_more_places_than_the_english() {
        for (english, others) in sentences() {
            for words in others {
                assert!(words.matches("{}").count() <= english.matches("{}").count(), "{english}");
                assert!(!words.trim().is_empty());
            }
        }
        assert!(CODES.is_sorted_by(|a, b| a.0 < b.0));
    }
}

//! What the server says of school entry, letters, vaccine codes and errors with medication, as [`super::faults`] has it.

/// English with `{}` for what varies; Spanish and Portuguese with the same in the same order.
pub(super) const SENTENCES: &[(&str, [&str; 2])] = &[
    (
        "Your training for this way of giving does not count here today: a nurse gives it, or delegates it",
        [
            "Su capacitación para esta vía no vale aquí hoy: lo administra enfermería, o lo delega",
            "Seu treinamento para esta via não vale aqui hoje: a enfermagem administra, ou delega",
        ],
    ),
    (
        "This visit was taken back: there is no pass of it",
        ["Esta visita se retiró: no tiene pase", "Esta visita foi retirada: não tem passe"],
    ),
    (
        "Scan a badge or a package: up to {} characters",
        [
            "Escanee una credencial o un envase: hasta {} caracteres",
            "Leia um crachá ou uma embalagem: até {} caracteres",
        ],
    ),
    (
        "Neither the badge of a student nor a package that is known: check it by eye",
        [
            "No es la credencial de un estudiante ni un envase conocido: revíselo a la vista",
            "Não é o crachá de um estudante nem uma embalagem conhecida: confira com os olhos",
        ],
    ),
    (
        "Scan the student's badge first, then the package",
        [
            "Escanee primero la credencial del estudiante y luego el envase",
            "Leia primeiro o crachá do estudante e depois a embalagem",
        ],
    ),
    (
        "This package is of none of this student's orders: do not give it",
        [
            "Este envase no es de ninguna orden de este estudiante: no lo administre",
            "Esta embalagem não é de nenhuma ordem deste estudante: não administre",
        ],
    ),
    (
        "A treatment was given during the visit: correct its time",
        ["Una atención se da durante la visita: corrija su hora", "Um cuidado é dado durante a visita: corrija a hora"],
    ),
    ("A quantity is a number such as 2", ["Una cantidad es un número como 2", "Uma quantidade é um número como 2"]),
    (
        "A blood pressure has both numbers",
        ["La presión arterial tiene los dos números", "A pressão arterial tem os dois números"],
    ),
    (
        "Is lower than the systolic: measure again",
        ["Es menor que la máxima: mida de nuevo", "É menor que a máxima: meça de novo"],
    ),
    (
        "Must be {} to {} {}: measure again",
        ["Debe estar entre {} y {} {}: mida de nuevo", "Deve estar entre {} e {} {}: meça de novo"],
    ),
    ("Is a number such as 88", ["Es un número como 88", "É um número como 88"]),
    ("Nobody delegates to themselves", ["Nadie se delega a sí mismo", "Ninguém delega a si mesmo"]),
    (
        "Is over already: the training must count today",
        ["Ya terminó: la capacitación debe valer hoy", "Já terminou: o treinamento deve valer hoje"],
    ),
    ("This delegation was taken back already", ["Esta delegación ya se retiró", "Esta delegação já foi retirada"]),
    ("Say the last day, or null", ["Indique el último día", "Informe o último dia"]),
    (
        "This student was at another visit at that time: correct the times of one of them",
        [
            "Este estudiante estaba en otra visita a esa hora: corrija la hora de una de ellas",
            "Este estudante estava em outra visita nessa hora: corrija a hora de uma delas",
        ],
    ),
    (
        "A head injury needs the concussion checklist: each sign, true or false",
        [
            "Un golpe en la cabeza exige la lista de signos de conmoción",
            "Uma batida na cabeça exige a lista de sinais de concussão",
        ],
    ),
    (
        "A head injury needs contact with the family: who, when and reached",
        [
            "Un golpe en la cabeza exige el contacto con la familia: con quién y si se logró",
            "Uma batida na cabeça exige o contato com a família: com quem e se foi possível",
        ],
    ),
    (
        "Is within 8 hours of the visit, and not in the future",
        [
            "Debe estar a menos de 8 horas de la visita y no en el futuro",
            "Deve estar a menos de 8 horas da visita e não no futuro",
        ],
    ),
    (
        "This client_ref was used for another dose: use a new one",
        [
            "Este formulario ya se usó para otra dosis: cargue la página de nuevo",
            "Este formulário já foi usado para outra dose: carregue a página de novo",
        ],
    ),
    (
        "No requirement in force for this student's grade gives days for it: its conditional_policy would say so",
        [
            "Ningún requisito en vigor para el grado de este estudiante da días por este motivo",
            "Nenhuma exigência em vigor para a série deste estudante dá dias por este motivo",
        ],
    ),
    (
        "What is given from that day on ended on {}",
        ["Lo que se da desde ese día terminó el {}", "O que se dá a partir desse dia terminou em {}"],
    ),
    (
        "This student is admitted so until {}",
        ["Este estudiante ya está admitido así hasta el {}", "Este estudante já está admitido assim até {}"],
    ),
    ("This admission was ended on {}", ["Esta admisión se terminó el {}", "Esta admissão foi encerrada em {}"]),
    (
        "A person who signed in decides who attends without the doses",
        [
            "Una persona que inició sesión decide quién asiste sin las dosis",
            "Uma pessoa que entrou decide quem frequenta sem as doses",
        ],
    ),
    (
        "CVX {} ({}) is not in use any more: no dose of it is given today. Look at the vial again, or say where the dose of the past is known from",
        [
            "CVX {} ({}) ya no se usa: hoy no se aplica ninguna dosis. Revise el frasco, o diga por qué se conoce la dosis del pasado",
            "CVX {} ({}) já não é usado: hoje não se aplica nenhuma dose. Olhe o frasco de novo, ou diga por onde se conhece a dose do passado",
        ],
    ),
    (
        "CVX {} ({}) is no vaccine: a dose that was given here has the code of its vaccine",
        [
            "CVX {} ({}) no es una vacuna: una dosis aplicada aquí lleva el código de su vacuna",
            "CVX {} ({}) não é uma vacina: uma dose aplicada aqui tem o código da sua vacina",
        ],
    ),
    (
        "The list of vaccine codes has no vaccine {}: look at the card again",
        [
            "La lista de códigos no tiene la vacuna {}: revise la tarjeta",
            "A lista de códigos não tem a vacina {}: olhe o cartão de novo",
        ],
    ),
    (
        "{}; it is in the name of student {} or of the guardian",
        [
            "{}: está en el nombre del estudiante {} o del tutor; esa carta se escribe a mano",
            "{}: está no nome do estudante {} ou do responsável; essa carta é escrita à mão",
        ],
    ),
    (
        "This error reached the student: say first that the guardian was told",
        [
            "Este error llegó al estudiante: diga primero que se avisó a la familia",
            "Este erro atingiu o estudante: diga primeiro que a família foi avisada",
        ],
    ),
    (
        "This error reached the student: say first that the prescriber was told",
        [
            "Este error llegó al estudiante: diga primero que se avisó al prescriptor",
            "Este erro atingiu o estudante: diga primeiro que o prescritor foi avisado",
        ],
    ),
    (
        "This error was closed: nothing is added to it",
        ["Este error se cerró: no se le agrega nada", "Este erro foi encerrado: nada se acrescenta a ele"],
    ),
    ("Must say something", ["Debe decir algo", "Deve dizer algo"]),
];

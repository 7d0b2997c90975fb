//! What the server says of the rules by which somebody sees a row or not, as [`super::faults`] has it.

/// English with `{}` for what varies; Spanish and Portuguese with the same in the same order.
pub(super) const SENTENCES: &[(&str, [&str; 2])] = &[
    ("The account is active.", ["La cuenta está activa.", "A conta está ativa."]),
    (
        "The account is not active: no call of it is answered.",
        [
            "La cuenta no está activa: no se responde a ninguna llamada suya.",
            "A conta não está ativa: nenhuma chamada dela é respondida.",
        ],
    ),
    ("The organization is active.", ["La organización está activa.", "A organização está ativa."]),
    (
        "The organization is suspended: nobody of it is answered.",
        [
            "La organización está suspendida: no se responde a nadie de ella.",
            "A organização está suspensa: ninguém dela é respondido.",
        ],
    ),
    (
        "The roles and the rules of the organization ask for no second factor.",
        [
            "Los roles y las reglas de la organización no piden un segundo factor.",
            "Os papéis e as regras da organização não pedem um segundo fator.",
        ],
    ),
    (
        "A second factor is asked for, and one is set up.",
        ["Se pide un segundo factor, y hay uno configurado.", "Pede-se um segundo fator, e há um configurado."],
    ),
    (
        "A second factor is asked for, and none is set up: until then no session of theirs is answered.",
        [
            "Se pide un segundo factor y no hay ninguno configurado: hasta entonces no se responde a ninguna sesión suya.",
            "Pede-se um segundo fator e não há nenhum configurado: até lá nenhuma sessão dessa pessoa é respondida.",
        ],
    ),
    (
        "A policy of the database shows this row all the same.",
        [
            "Aun así, una política de la base de datos muestra esta fila.",
            "Mesmo assim, uma política do banco de dados mostra esta linha.",
        ],
    ),
    (
        "A policy of the database hides this row.",
        ["Una política de la base de datos oculta esta fila.", "Uma política do banco de dados oculta esta linha."],
    ),
    (
        "Emergency access: every access is recorded as such and reviewed by another person.",
        [
            "Acceso de emergencia: cada acceso queda registrado como tal y lo revisa otra persona.",
            "Acesso de emergência: cada acesso é registrado como tal e revisado por outra pessoa.",
        ],
    ),
    (
        "42 CFR Part 2 prohibits disclosing this further without consent.",
        [
            "El 42 CFR parte 2 prohíbe divulgar esto a otros sin consentimiento.",
            "O 42 CFR parte 2 proíbe divulgar isto a outros sem consentimento.",
        ],
    ),
    ("The row is one of this tenant.", ["La fila es de esta organización.", "A linha é desta organização."]),
    ("This tenant has no such row.", ["Esta organización no tiene tal fila.", "Esta organização não tem tal linha."]),
    (
        "Rows of {} are about no person: the permission decides.",
        [
            "Las filas de {} no tratan de ninguna persona: decide el permiso.",
            "As linhas de {} não tratam de nenhuma pessoa: a permissão decide.",
        ],
    ),
    (
        "Of {}, these roles reach the caller's own rows only.",
        ["De {}, estos roles alcanzan solo las filas propias.", "De {}, estes papéis alcançam só as linhas próprias."],
    ),
    (
        "The roles of this caller reach every person of the tenant.",
        [
            "Los roles de esta cuenta alcanzan a todas las personas de la organización.",
            "Os papéis desta conta alcançam todas as pessoas da organização.",
        ],
    ),
    (
        "The roles {} reach every person of the tenant.",
        [
            "Los roles {} alcanzan a todas las personas de la organización.",
            "Os papéis {} alcançam todas as pessoas da organização.",
        ],
    ),
    (
        "The roles reach persons by {}; links to this person that hold today: none; none of them counts.",
        [
            "Los roles alcanzan a personas por {}; hoy no hay ningún vínculo con esta persona.",
            "Os papéis alcançam pessoas por {}; hoje não há nenhum vínculo com esta pessoa.",
        ],
    ),
    (
        "The roles reach persons by {}; links to this person that hold today: {}; one of them counts.",
        [
            "Los roles alcanzan a personas por {}; vínculos con esta persona que valen hoy: {}; uno de ellos cuenta.",
            "Os papéis alcançam pessoas por {}; vínculos com esta pessoa que valem hoje: {}; um deles conta.",
        ],
    ),
    (
        "The roles reach persons by {}; links to this person that hold today: {}; none of them counts.",
        [
            "Los roles alcanzan a personas por {}; vínculos con esta persona que valen hoy: {}; ninguno de ellos cuenta.",
            "Os papéis alcançam pessoas por {}; vínculos com esta pessoa que valem hoje: {}; nenhum deles conta.",
        ],
    ),
    (
        "The record bears {}, and neither a consent nor an open glass opens it for this purpose.",
        [
            "El expediente lleva {}, y ni un consentimiento ni un acceso de emergencia lo abre para esta finalidad.",
            "O prontuário leva {}, e nem um consentimento nem um acesso de emergência o abre para esta finalidade.",
        ],
    ),
    (
        "The record bears no label.",
        ["El expediente no lleva ninguna etiqueta.", "O prontuário não leva nenhuma etiqueta."],
    ),
    (
        "The record bears {}, which is open to this caller.",
        [
            "El expediente lleva {}, que está abierto para esta cuenta.",
            "O prontuário leva {}, que está aberto para esta conta.",
        ],
    ),
    (
        "The organization works with the module.",
        ["La organización trabaja con el módulo.", "A organização trabalha com o módulo."],
    ),
    (
        "The organization did not choose the module of {}.",
        ["La organización no eligió el módulo de {}.", "A organização não escolheu o módulo de {}."],
    ),
    ("{} is given by: {}.", ["{} lo dan: {}.", "{} é dado por: {}."]),
    (
        "A record that the caller does not see has this value.",
        ["Un registro que quien llama no ve tiene este valor.", "Um registro que quem chama não vê tem este valor."],
    ),
    (
        "{} grants no permission there is",
        ["{} no concede ningún permiso existente", "{} não concede nenhuma permissão existente"],
    ),
    ("Name at least one permission", ["Indique al menos un permiso", "Indique ao menos uma permissão"]),
    ("No role held gives {}.", ["Ningún rol asignado da {}.", "Nenhum papel atribuído dá {}."]),
    ("It is given for the purpose {}.", ["Se da para la finalidad {}.", "É dado para a finalidade {}."]),
    (
        "The purpose {} changes nothing about that.",
        ["La finalidad {} no cambia nada en eso.", "A finalidade {} não muda nada nisso."],
    ),
    (
        "The roles that give {} do not serve the purpose {}: {}.",
        [
            "Los roles que dan {} no sirven a la finalidad {}: {}.",
            "Os papéis que dão {} não servem à finalidade {}: {}.",
        ],
    ),
];

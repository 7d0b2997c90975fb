//! Texts of the page that says whom a user reaches: English, Spanish, Brazilian Portuguese.

texts! {
    /// Links, assignments and units.
    Reach {
        title: "Whom this user reaches", "A quién alcanza este usuario", "Quem este usuário alcança";
        lead: "What a role reaches by own record, ward, caseload or unit is said here. A change holds at once; each is in the audit log.", "Aquí se dice a quién alcanza un rol por expediente propio, tutela, casos o unidad. Un cambio rige de inmediato y queda en la auditoría.", "Aqui se diz quem um papel alcança por prontuário próprio, tutela, casos ou unidade. Uma mudança vale na hora e fica na auditoria.";
        links: "Persons they are or act for", "Personas que es o por las que actúa", "Pessoas que é ou por quem age";
        links_hint: "A parent or guardian is one until the 18th birthday, unless a court or a power of attorney says otherwise. What stands with the contact bars the user as well.", "Un padre, madre o tutor lo es hasta los 18 años, salvo orden judicial o poder notarial. Lo que consta en el contacto también limita al usuario.", "Pai, mãe ou tutor o é até os 18 anos, salvo ordem judicial ou procuração. O que consta no contato também limita o usuário.";
        cases: "Persons assigned to them", "Personas asignadas", "Pessoas atribuídas";
        cases_hint: "For roles that reach a caseload.", "Para roles que alcanzan los casos asignados.", "Para papéis que alcançam os casos atribuídos.";
        units: "Units at which they work", "Unidades en las que trabaja", "Unidades em que trabalha";
        units_hint: "For roles that reach the persons of a unit, such as a school.", "Para roles que alcanzan a las personas de una unidad, como una escuela.", "Para papéis que alcançam as pessoas de uma unidade, como uma escola.";
        none: "None.", "Ninguno.", "Nenhum.";
        whom: "Whom", "A quién", "Quem";
        how: "As what", "Como qué", "Como quê";
        from: "First day", "Primer día", "Primeiro dia";
        from_hint: "Today when left empty.", "Hoy si se deja vacío.", "Hoje se ficar vazio.";
        until: "Last day", "Último día", "Último dia";
        until_hint: "For a parent or guardian the day before the 18th birthday at the latest; left empty it is filled in for who may open the date of birth.", "Para padre, madre o tutor, a más tardar el día anterior a los 18 años; vacío, se completa para quien puede ver la fecha de nacimiento.", "Para pai, mãe ou tutor, no máximo o dia anterior aos 18 anos; vazio, é preenchido para quem pode ver a data de nascimento.";
        open: "open", "abierto", "aberto";
        ended: "ended", "terminado", "encerrado";
        end: "End", "Terminar", "Encerrar";
        another: "Add", "Agregar", "Acrescentar";
        add: "Add", "Agregar", "Acrescentar";
        person: "Person", "Persona", "Pessoa";
        person_hint: "Record number, pseudonym or id.", "Número de expediente, seudónimo o id.", "Número do prontuário, pseudônimo ou id.";
        relation: "Relation", "Relación", "Relação";
        proof: "Shown by", "Acreditado con", "Comprovado por";
        proof_hint: "Needed for everybody but the person themself.", "Necesario para todos salvo la propia persona.", "Necessário para todos menos a própria pessoa.";
        proof_note: "Number, court or office of the proof", "Número, juzgado u oficina del documento", "Número, tribunal ou cartório do documento";
        contact: "Contact of the person", "Contacto de la persona", "Contato da pessoa";
        contact_hint: "Which contact in the record the user is; for a parent or guardian it must be said where contacts are known.", "Qué contacto del expediente es el usuario; para padre, madre o tutor debe indicarse si hay contactos.", "Qual contato do prontuário é o usuário; para pai, mãe ou tutor deve ser dito se há contatos.";
        unit: "Unit", "Unidad", "Unidade";
        go: "Whom they reach", "A quién alcanza", "Quem alcança";
    }
}

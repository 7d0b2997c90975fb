//! Texts of the pages about erasing a person: English, Spanish, Brazilian Portuguese.

texts! {
    /// Erasing a person.
    Erasure {
        title: "Erasures", "Borrado de personas", "Exclusão de pessoas";
        lead: "A person is erased by destroying the one key that everything sealed about them needs. It cannot be taken back.", "Una persona se borra destruyendo la única clave que necesita todo lo sellado sobre ella. No se puede deshacer.", "Uma pessoa é apagada destruindo a única chave de que precisa tudo o que foi selado sobre ela. Não pode ser desfeito.";
        waiting: "Waiting for another person", "A la espera de otra persona", "À espera de outra pessoa";
        none_waiting: "Nothing waits.", "No hay nada en espera.", "Nada à espera.";
        ask: "Ask for an erasure", "Solicitar un borrado", "Pedir uma exclusão";
        two_persons: "Another person than you confirms it within 72 hours, or it lapses.", "Otra persona distinta de usted lo confirma en 72 horas, o caduca.", "Outra pessoa confirma em 72 horas, ou o pedido expira.";
        person: "Person's number", "Número de la persona", "Número da pessoa";
        person_hint: "The id of the patient's record, as in its address.", "El identificador del registro del paciente, como en su dirección.", "O identificador do prontuário do paciente, como no endereço.";
        person_again: "The person's number once more", "El número de la persona, de nuevo", "O número da pessoa, mais uma vez";
        cannot_undo: "Names, identifiers, contact data, free text and documents of this person will open for nobody again.", "Nombres, identificadores, datos de contacto, texto libre y documentos de esta persona no se abrirán nunca más para nadie.", "Nomes, identificadores, contatos, texto livre e documentos desta pessoa não abrirão nunca mais para ninguém.";
        everything: "The whole organization", "Toda la organización", "Toda a organização";
        by_operator: "The operator does this at the command line: salus tenant erase", "Lo hace el operador en la línea de comandos: salus tenant erase", "O operador faz isto na linha de comando: salus tenant erase";
        reason: "Reason", "Motivo", "Motivo";
        note: "Why, in words", "Por qué, en palabras", "Por quê, em palavras";
        note_hint: "Such as the letter in which it was asked for. Unreadable once the person is erased.", "Por ejemplo, la carta en que se solicitó. Ilegible una vez borrada la persona.", "Por exemplo, a carta em que foi pedido. Ilegível depois que a pessoa for apagada.";
        asked_by: "Asked for by", "Solicitado por", "Pedido por";
        until: "Lapses", "Caduca", "Expira";
        own: "You asked for this: another person confirms it.", "Usted lo solicitó: otra persona lo confirma.", "Você pediu: outra pessoa confirma.";
        confirm: "Erase for good", "Borrar definitivamente", "Apagar definitivamente";
        refuse: "Refuse", "Rechazar", "Recusar";
        withdraw: "Withdraw", "Retirar", "Retirar";
        decided: "Decided", "Decididos", "Decididos";
        none_decided: "Nothing was decided yet.", "Todavía no se ha decidido nada.", "Nada foi decidido ainda.";
        decided_by: "Decided by", "Decidido por", "Decidido por";
        state: "State", "Estado", "Estado";
        certificate: "Certificate of erasure", "Certificado de borrado", "Certificado de exclusão";
        erased_at: "Key destroyed", "Clave destruida", "Chave destruída";
        complete_on: "Complete on", "Completo el", "Completo em";
        complete: "Complete: no known backup holds the person", "Completo: ninguna copia conocida contiene a la persona", "Completo: nenhum backup conhecido contém a pessoa";
        backups_left: "Not complete: {n} known backups from before hold the person", "Incompleto: {n} copias conocidas de antes contienen a la persona", "Incompleto: {n} backups conhecidos de antes contêm a pessoa";
        backups_unknown: "Other tools take the backups: ask who keeps them", "Otras herramientas hacen las copias: pregunte a quien las guarda", "Outras ferramentas fazem os backups: pergunte a quem os guarda";
        noted_at: "Backups looked at", "Copias revisadas", "Backups verificados";
        number: "Certificate number", "Número del certificado", "Número do certificado";
        installation: "Installation", "Instalación", "Instalação";
        what_erased: "What was erased", "Qué se borró", "O que foi apagado";
        what_stays: "What stays", "Qué permanece", "O que permanece";
        copies: "Copies of backups that were put elsewhere by hand are not known here.", "Aquí no se conocen las copias de seguridad que alguien llevó a otro lugar.", "Cópias de backups levadas a outro lugar à mão não são conhecidas aqui.";
    }
}

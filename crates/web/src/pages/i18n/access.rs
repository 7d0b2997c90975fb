//! Texts of purposes, emergency access, explanations of access and roles: English, Spanish, Brazilian Portuguese.

texts! {
    /// Who may reach what, and why.
    Access {
        purpose: "Purpose of use", "Finalidad de uso", "Finalidade de uso";
        change_purpose: "Use", "Usar", "Usar";
        glass: "Emergency access", "Acceso de emergencia", "Acesso de emergência";
        glass_lead: "Access to a record past assignment and labels: with a reason, for an hour at most, and reviewed by another person.", "Acceso a un expediente más allá de asignaciones y etiquetas: con un motivo, por una hora como máximo y revisado por otra persona.", "Acesso a um prontuário além de atribuições e etiquetas: com um motivo, por no máximo uma hora e revisado por outra pessoa.";
        glass_banner: "Emergency access is on: you reach only the persons you opened, and everything is recorded as such and reviewed.", "El acceso de emergencia está activo: solo alcanza a las personas que abrió, y todo queda registrado como tal y se revisa.", "O acesso de emergência está ativo: você alcança só as pessoas que abriu, e tudo fica registrado como tal e é revisado.";
        open_glass: "Open a record in an emergency", "Abrir un expediente en una emergencia", "Abrir um prontuário em emergência";
        record_number: "Record number", "Número de expediente", "Número do prontuário";
        reason: "Why it cannot wait", "Por qué no puede esperar", "Por que não pode esperar";
        reason_hint: "At least 15 characters. The reviewer reads this.", "Al menos 15 caracteres. Quien revisa lo lee.", "Pelo menos 15 caracteres. Quem revisa lê isto.";
        open: "Open for 60 minutes", "Abrir por 60 minutos", "Abrir por 60 minutos";
        end: "End now", "Terminar ahora", "Encerrar agora";
        go_to: "Go to the record", "Ir al expediente", "Ir ao prontuário";
        by: "Who", "Quién", "Quem";
        person: "Person", "Persona", "Pessoa";
        from: "From", "Desde", "De";
        until: "Until", "Hasta", "Até";
        uses: "Accesses", "Accesos", "Acessos";
        review: "Review", "Revisión", "Revisão";
        due: "Due {day}", "Vence el {day}", "Vence em {day}";
        outcome: "Outcome", "Resultado", "Resultado";
        note: "Note", "Nota", "Nota";
        close: "Close the review", "Cerrar la revisión", "Encerrar a revisão";
        not_own: "Another person reviews this.", "Otra persona lo revisa.", "Outra pessoa revisa isto.";
        none_yet: "Nobody used emergency access.", "Nadie usó el acceso de emergencia.", "Ninguém usou o acesso de emergência.";
        opened: "Opened. It ends by itself at {time}.", "Abierto. Termina por sí solo a las {time}.", "Aberto. Encerra sozinho às {time}.";
        why: "Why this access?", "¿Por qué este acceso?", "Por que este acesso?";
        why_lead: "Why somebody can or cannot see a row: the same rules the server asks, one by one.", "Por qué alguien puede o no ver una fila: las mismas reglas que aplica el servidor, una por una.", "Por que alguém pode ou não ver uma linha: as mesmas regras que o servidor aplica, uma a uma.";
        user: "User", "Usuario", "Usuário";
        table: "Table", "Tabla", "Tabela";
        row: "Id of the row", "Id de la fila", "Id da linha";
        first_purpose: "The user's first purpose when left empty", "La primera finalidad del usuario si se deja vacío", "A primeira finalidade do usuário se ficar vazio";
        explain: "Explain", "Explicar", "Explicar";
        sees: "Sees this row", "Ve esta fila", "Vê esta linha";
        sees_not: "Does not see this row", "No ve esta fila", "Não vê esta linha";
        rule: "Rule", "Regla", "Regra";
        holds: "Permits", "Permite", "Permite";
        fails: "Refuses", "Rechaza", "Recusa";
        how: "How it comes to that", "Cómo se llega a eso", "Como se chega a isso";
        hidden: "Fields left out", "Campos omitidos", "Campos omitidos";
        masked: "left out for these roles and this purpose", "omitido para estos roles y esta finalidad", "omitido para estes papéis e esta finalidade";
        roles: "Roles", "Roles", "Papéis";
        roles_lead: "What each role gives, over whose records and for which purposes. A change is in force for everybody within a second.", "Qué da cada rol, sobre los expedientes de quién y con qué finalidades. Un cambio rige para todos en un segundo.", "O que cada papel dá, sobre os prontuários de quem e com quais finalidades. Uma mudança vale para todos em um segundo.";
        role: "Role", "Rol", "Papel";
        scope: "Reaches", "Alcanza", "Alcança";
        any_purpose: "any", "cualquiera", "qualquer";
        holders: "Holders", "Titulares", "Titulares";
        gives: "Gives", "Da", "Dá";
        matrix: "Roles and permissions", "Roles y permisos", "Papéis e permissões";
        permission: "Permission", "Permiso", "Permissão";
        edit_role: "Change the role {name}", "Cambiar el rol {name}", "Mudar o papel {name}";
        preview: "Show what changes", "Mostrar qué cambia", "Mostrar o que muda";
        apply: "Change it", "Cambiarlo", "Mudar";
        would: "What would change", "Qué cambiaría", "O que mudaria";
        nothing_changes: "Nothing changes.", "Nada cambia.", "Nada muda.";
        gains: "Gains", "Gana", "Ganha";
        loses: "Loses", "Pierde", "Perde";
        changed: "The role {name} was changed.", "Se cambió el rol {name}.", "O papel {name} foi mudado.";
        nobody_holds: "Nobody holds this role.", "Nadie tiene este rol.", "Ninguém tem este papel.";
    }
}

//! Texts of the pages of users: English, Spanish, Brazilian Portuguese.

texts! {
    /// Accounts of others.
    Accounts {
        title: "Users", "Usuarios", "Usuários";
        lead: "Who can sign in, which roles they hold, and what ends it. Every change is in the audit log and holds within a second.", "Quién puede iniciar sesión, qué roles tiene y qué le pone fin. Cada cambio queda en la auditoría y rige en un segundo.", "Quem pode entrar, quais papéis tem e o que encerra isso. Cada mudança fica na auditoria e vale em um segundo.";
        sign_ins: "Sign-ins", "Inicios de sesión", "Entradas";
        sign_ins_lead: "Every attempt to sign in to the organization, latest first.", "Cada intento de iniciar sesión en la organización, el último primero.", "Cada tentativa de entrar na organização, a última primeiro.";
        only_of: "Only attempts of", "Solo intentos de", "Só tentativas de";
        no_user: "An address that is nobody's", "Una dirección que no es de nadie", "Um endereço que não é de ninguém";
        api_keys: "API keys", "Claves de API", "Chaves de API";
        api_keys_lead: "Every key that opens something now, newest first, whoever holds it.", "Cada clave que abre algo ahora, la más nueva primero, sea de quien sea.", "Cada chave que abre algo agora, a mais nova primeiro, seja de quem for.";
        owner: "Owner", "Titular", "Titular";
        all_scopes: "Everything its owner may", "Todo lo que puede su titular", "Tudo o que seu titular pode";
        anywhere: "From anywhere", "Desde cualquier lugar", "De qualquer lugar";
        search: "Find a user", "Buscar un usuario", "Buscar um usuário";
        search_hint: "A name, or a whole e-mail address.", "Un nombre o una dirección de correo completa.", "Um nome ou um endereço de e-mail completo.";
        nobody: "Nobody found", "No se encontró a nadie", "Ninguém encontrado";
        nobody_hint: "Names are found from their first letters on, addresses only whole.", "Los nombres se encuentran desde sus primeras letras; las direcciones, solo completas.", "Nomes são encontrados pelas primeiras letras; endereços, só completos.";
        any: "All", "Todos", "Todos";
        status: "State", "Estado", "Estado";
        last_seen: "Last sign-in", "Último inicio de sesión", "Último acesso";
        kind: "Kind", "Tipo", "Tipo";
        no_role: "none", "ninguno", "nenhum";
        invite: "Invite a user", "Invitar a un usuario", "Convidar um usuário";
        send_invite: "Make the link", "Crear el enlace", "Criar o link";
        email: "E-mail address", "Correo electrónico", "E-mail";
        name: "Name", "Nombre", "Nome";
        link_title: "Hand over this link", "Entregue este enlace", "Entregue este link";
        link_hint: "It is shown this once, can be used once, and ends after 72 hours. By it the person chooses a password.", "Se muestra solo esta vez, sirve una vez y vence a las 72 horas. Con él la persona elige una contraseña.", "É mostrado só desta vez, serve uma vez e vence em 72 horas. Por ele a pessoa escolhe uma senha.";
        account: "Account", "Cuenta", "Conta";
        roles_hint: "Ticked roles are held. What would change is shown first.", "Los roles marcados son los que tiene. Primero se muestra qué cambiaría.", "Os papéis marcados são os que tem. Primeiro se mostra o que mudaria.";
        give: "Give these roles", "Dar estos roles", "Dar estes papéis";
        roles_changed: "The roles were changed.", "Se cambiaron los roles.", "Os papéis foram mudados.";
        ends: "End or restore access", "Terminar o restablecer el acceso", "Encerrar ou restaurar o acesso";
        lock: "Lock", "Bloquear", "Bloquear";
        lock_hint: "Sessions end; it stays so until it is unlocked.", "Las sesiones terminan; sigue así hasta que se desbloquee.", "As sessões terminam; fica assim até ser desbloqueada.";
        unlock: "Unlock", "Desbloquear", "Desbloquear";
        unlock_hint: "Also lifts a lock after failed attempts.", "También levanta un bloqueo por intentos fallidos.", "Também levanta um bloqueio por tentativas falhas.";
        end_sessions: "Sign out everywhere", "Cerrar todas las sesiones", "Encerrar todas as sessões";
        end_sessions_hint: "All sessions end within a second; API keys go on.", "Todas las sesiones terminan en un segundo; las claves de API siguen.", "Todas as sessões terminam em um segundo; as chaves de API continuam.";
        reset_factors: "Reset second factors", "Restablecer segundos factores", "Redefinir segundos fatores";
        reset_factors_hint: "For who lost them: all are taken away and sessions end; new ones are set up at the next sign-in.", "Para quien los perdió: se quitan todos y las sesiones terminan; se configuran nuevos en el próximo inicio de sesión.", "Para quem os perdeu: todos são retirados e as sessões terminam; novos são configurados no próximo acesso.";
        reinvite: "New link", "Enlace nuevo", "Novo link";
        reinvite_hint: "The password stops working until another is chosen by the link.", "La contraseña deja de servir hasta que se elija otra con el enlace.", "A senha deixa de valer até que outra seja escolhida pelo link.";
        disable: "Disable", "Inhabilitar", "Desativar";
        disable_hint: "For who leaves: sessions and API keys end for good.", "Para quien se va: sesiones y claves de API terminan para siempre.", "Para quem sai: sessões e chaves de API terminam de vez.";
        enable: "Let in again", "Admitir de nuevo", "Readmitir";
        enable_hint: "With a new link; old keys and sessions stay ended.", "Con un enlace nuevo; las claves y sesiones anteriores siguen terminadas.", "Com um novo link; chaves e sessões antigas continuam encerradas.";
        done: "Done.", "Hecho.", "Feito.";
        prove: "Give your own password first", "Dé primero su propia contraseña", "Dê primeiro a sua própria senha";
        prove_hint: "What you asked for takes a proof that this is you. It serves for 15 minutes. Nothing was changed yet: do it again afterwards.", "Lo que pidió requiere una prueba de que es usted. Sirve por 15 minutos. Aún no se cambió nada: después, hágalo de nuevo.", "O que você pediu exige uma prova de que é você. Ela vale por 15 minutos. Nada mudou ainda: depois, faça de novo.";
        prove_field: "Password, or the six digits of your authenticator", "Contraseña, o los seis dígitos de su autenticador", "Senha, ou os seis dígitos do seu autenticador";
        prove_button: "It is me", "Soy yo", "Sou eu";
        modules: "Modules", "Módulos", "Módulos";
        modules_lead: "What your organization works with. What is not ticked is refused to everybody within a second and stands in no navigation; its data stay.", "Con qué trabaja su organización. Lo no marcado se rechaza a todos en un segundo y no aparece en la navegación; sus datos se conservan.", "Com o que sua organização trabalha. O que não está marcado é recusado a todos em um segundo e não aparece na navegação; os dados ficam.";
        modules_always: "Accounts, audit, compliance and keys are always there.", "Cuentas, auditoría, cumplimiento y claves están siempre.", "Contas, auditoria, conformidade e chaves estão sempre lá.";
        modules_changed: "The choice holds within a second.", "La elección rige en un segundo.", "A escolha vale em um segundo.";
        not_chosen: "not chosen", "no elegido", "não escolhido";
        chosen: "chosen", "elegido", "escolhido";
        emergency: "Nobody can sign in?", "¿Nadie puede iniciar sesión?", "Ninguém consegue entrar?";
        emergency_lead: "The emergency recovery credential lets somebody in for an hour, once. Its use raises an alarm and everybody who manages accounts is told.", "La credencial de recuperación de emergencia permite entrar por una hora, una sola vez. Su uso activa una alarma y se avisa a quienes administran cuentas.", "A credencial de recuperação de emergência deixa alguém entrar por uma hora, uma única vez. O uso dispara um alarme e todos que administram contas são avisados.";
        shares: "Shares", "Partes", "Partes";
        shares_hint: "As many as are needed, one a line, as they stand on the papers.", "Tantas como hagan falta, una por línea, tal como están en los papeles.", "Quantas forem necessárias, uma por linha, como estão nos papéis.";
        emergency_reason: "Why nobody can sign in", "Por qué nadie puede iniciar sesión", "Por que ninguém consegue entrar";
        emergency_open: "Come in for an hour", "Entrar por una hora", "Entrar por uma hora";
        emergency_refused: "These shares open nothing: too few, used before, replaced by others, or of another organization.", "Estas partes no abren nada: son muy pocas, ya se usaron, se reemplazaron o son de otra organización.", "Estas partes não abrem nada: são poucas, já foram usadas, foram substituídas ou são de outra organização.";
        key_purposes_hint: "Tick those it may be used for; none: all of them.", "Marque aquellas para las que puede usarse; ninguna: todas.", "Marque aquelas para as quais pode ser usada; nenhuma: todas.";
        sessions: "Where they are signed in", "Dónde tiene sesiones abiertas", "Onde tem sessões abertas";
        no_sessions: "Signed in nowhere.", "Sin sesiones abiertas.", "Sem sessões abertas.";
        history: "Sign-ins", "Inicios de sesión", "Acessos";
    }
}

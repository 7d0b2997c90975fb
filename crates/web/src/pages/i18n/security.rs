//! Texts of second factors, account security and the rules for sign-in: English, Spanish, Brazilian Portuguese.

texts! {
    /// Second factors, account security, rules for sign-in.
    Security {
        second_title: "One more proof", "Una prueba más", "Mais uma prova";
        wrong_code: "This code is not right, or was used before.", "Este código no es correcto o ya se usó.", "Este código não está correto ou já foi usado.";
        begin_again: "That took too long or failed. Please sign in again.", "Tardó demasiado o falló. Inicie sesión de nuevo.", "Demorou demais ou falhou. Entre novamente.";
        no_such_address: "No code can be sent this way.", "No se puede enviar un código por esta vía.", "Não é possível enviar um código por este meio.";
        code_sent: "A code is on its way. It holds for ten minutes.", "El código está en camino. Vale diez minutos.", "O código está a caminho. Ele vale por dez minutos.";
        send_email: "Send a code by e-mail", "Enviar un código por correo", "Enviar um código por e-mail";
        send_sms: "Send a code by SMS", "Enviar un código por SMS", "Enviar um código por SMS";
        use_passkey: "Use a passkey", "Usar una llave de acceso", "Usar uma chave de acesso";
        passkey_failed: "The passkey could not be used here.", "No se pudo usar la llave de acceso aquí.", "Não foi possível usar a chave de acesso aqui.";

        title: "Account security", "Seguridad de la cuenta", "Segurança da conta";
        lead: "How you prove that it is you.", "Cómo demuestra que es usted.", "Como você prova que é você.";
        enrol_title: "One more step: a second proof", "Un paso más: una segunda prueba", "Mais um passo: uma segunda prova";
        must_enrol: "Your role needs one besides the password. Set up one of these ways; then everything else opens.", "Su función requiere una además de la contraseña. Configure una de estas vías; después se abre todo lo demás.", "Seu papel exige uma além da senha. Configure um destes meios; depois tudo o mais se abre.";
        recommended: "Recommended", "Recomendado", "Recomendado";
        codes_kept: "I have kept them: go on", "Ya los guardé: continuar", "Já os guardei: continuar";
        prove: "Is it still you?", "¿Sigue siendo usted?", "Ainda é você?";
        prove_lead: "Give your password to change how you sign in. It serves for 15 minutes.", "Escriba su contraseña para cambiar cómo inicia sesión. Sirve por 15 minutos.", "Informe sua senha para alterar como você entra. Vale por 15 minutos.";
        authenticator: "Authenticator app", "Aplicación de autenticación", "Aplicativo autenticador";
        authenticator_none: "An app on your telephone shows a new code every 30 seconds.", "Una aplicación en su teléfono muestra un código nuevo cada 30 segundos.", "Um aplicativo no telefone mostra um código novo a cada 30 segundos.";
        authenticator_on: "In use", "En uso", "Em uso";
        set_up: "Set up", "Configurar", "Configurar";
        scan: "Scan this with the app, or type the secret. Then give the code it shows.", "Escanee esto con la aplicación o escriba el secreto. Luego escriba el código que muestra.", "Leia isto com o aplicativo ou digite o segredo. Depois informe o código mostrado.";
        qr: "QR code with the secret for the authenticator", "Código QR con el secreto para el autenticador", "Código QR com o segredo para o autenticador";
        confirm: "Confirm", "Confirmar", "Confirmar";
        remove: "Remove", "Quitar", "Remover";
        passkeys: "Passkeys", "Llaves de acceso", "Chaves de acesso";
        passkeys_none: "A passkey signs you in with the lock of your device: no password, nothing to type, and it works on this site only.", "Una llave de acceso inicia la sesión con el bloqueo de su dispositivo: sin contraseña, sin nada que escribir, y solo funciona en este sitio.", "Uma chave de acesso entra com o bloqueio do seu dispositivo: sem senha, sem nada para digitar, e só funciona neste site.";
        passkey_name: "What to call it", "Cómo llamarla", "Como chamá-la";
        added: "Added", "Agregada", "Adicionada";
        add_passkey: "Add a passkey", "Agregar una llave de acceso", "Adicionar uma chave de acesso";
        passkey_address: "Passkeys need a name as address: open this page at localhost or the name of this server.", "Las llaves de acceso necesitan un nombre como dirección: abra esta página en localhost o con el nombre del servidor.", "Chaves de acesso precisam de um nome como endereço: abra esta página em localhost ou pelo nome do servidor.";
        suspended: "Suspended: there may be a copy", "Suspendida: puede existir una copia", "Suspensa: pode haver uma cópia";
        recovery: "Recovery codes", "Códigos de recuperación", "Códigos de recuperação";
        recovery_left: "{n} codes left. Each works once, on the day your other proofs are lost.", "Quedan {n} códigos. Cada uno sirve una vez, el día en que pierda sus otras pruebas.", "Restam {n} códigos. Cada um vale uma vez, no dia em que suas outras provas se perderem.";
        recovery_new: "Make new codes", "Crear códigos nuevos", "Criar códigos novos";
        recovery_shown: "Print these codes or write them down. They are not shown again.", "Imprima o anote estos códigos. No se mostrarán otra vez.", "Imprima ou anote estes códigos. Eles não serão mostrados novamente.";
        codes: "Codes that are sent", "Códigos que se envían", "Códigos enviados";
        codes_none: "Weaker than an authenticator or a passkey: whoever reads your messages has them.", "Más débiles que un autenticador o una llave de acceso: quien lee sus mensajes los tiene.", "Mais fracos que um autenticador ou uma chave de acesso: quem lê suas mensagens os tem.";
        codes_nobody: "This installation sends no messages, so no codes can be sent.", "Esta instalación no envía mensajes, así que no se pueden enviar códigos.", "Esta instalação não envia mensagens, portanto não envia códigos.";
        channel: "By", "Por", "Por";
        to_address: "Address or number", "Dirección o número", "Endereço ou número";
        send_code: "Send a code there", "Enviar un código allí", "Enviar um código para lá";
        change_password: "Change password", "Cambiar la contraseña", "Alterar a senha";
        old_password: "Present password", "Contraseña actual", "Senha atual";
        password_changed: "Your password was changed. Other sessions of yours have ended.", "Su contraseña se cambió. Sus otras sesiones terminaron.", "Sua senha foi alterada. Suas outras sessões foram encerradas.";
        devices: "Known browsers", "Navegadores conocidos", "Navegadores conhecidos";
        devices_lead: "Strangers who guess at your password cannot lock these out.", "Los extraños que adivinan su contraseña no pueden bloquear estos.", "Estranhos que tentam adivinhar sua senha não conseguem bloquear estes.";
        until: "Until", "Hasta", "Até";
        history: "Sign-ins", "Inicios de sesión", "Entradas";
        when: "When", "Cuándo", "Quando";
        outcome: "Outcome", "Resultado", "Resultado";
        by: "With", "Con", "Com";
        accounts: "Accounts elsewhere", "Cuentas en otros sitios", "Contas em outros lugares";
        link: "Link", "Vincular", "Vincular";

        rotate: "Replace", "Reemplazar", "Substituir";
        networks: "From networks", "Desde redes", "De redes";
        networks_hint: "One network a line, such as 192.0.2.0/24. Empty: from anywhere.", "Una red por línea, como 192.0.2.0/24. Vacío: desde cualquier lugar.", "Uma rede por linha, como 192.0.2.0/24. Vazio: de qualquer lugar.";

        rules_title: "Rules for sign-in", "Reglas de inicio de sesión", "Regras de entrada";
        rules_lead: "They hold for everybody of this organization, within a second.", "Valen para todos en esta organización, en un segundo.", "Valem para todos desta organização, em um segundo.";
        rules_changed: "The rules were changed.", "Las reglas se cambiaron.", "As regras foram alteradas.";
        rule: "Rule", "Regla", "Regra";
        now: "Now", "Ahora", "Agora";
        current_standard: "Today's standard (recommended)", "Estándar actual (recomendado)", "Padrão atual (recomendado)";
        system_003: "Set of system 003", "Conjunto del sistema 003", "Conjunto do sistema 003";
        take: "Take this set", "Usar este conjunto", "Usar este conjunto";
        change_rules: "Change rules", "Cambiar reglas", "Alterar regras";
        list_hint: "One a line.", "Uno por línea.", "Um por linha.";
        sent_title: "What would have been sent", "Lo que se habría enviado", "O que teria sido enviado";
        sent_lead: "Nothing leaves this machine: codes by e-mail and SMS are shown here.", "Nada sale de esta máquina: los códigos por correo y SMS se muestran aquí.", "Nada sai desta máquina: os códigos por e-mail e SMS são mostrados aqui.";
        nothing_sent: "Nothing yet", "Nada todavía", "Nada ainda";
    }
}

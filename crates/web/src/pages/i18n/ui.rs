//! Texts of the frame, sign-in, account, errors and buttons: English, Spanish, Brazilian Portuguese.

texts! {
    /// The frame, sign-in, account, errors and buttons.
    Ui {
        skip: "Skip to content", "Ir al contenido", "Ir para o conteúdo";
        menu: "Open menu", "Abrir menú", "Abrir menu";
        modules: "Modules", "Módulos", "Módulos";
        breadcrumb: "You are here", "Usted está aquí", "Você está aqui";
        your_menu: "Your menu", "Su menú", "Seu menu";
        home: "Home", "Inicio", "Início";
        account: "Your account", "Su cuenta", "Sua conta";
        group_data: "Data", "Datos", "Dados";
        group_self: "You", "Usted", "Você";
        language: "Language", "Idioma", "Idioma";
        theme: "Appearance", "Apariencia", "Aparência";
        auto: "Auto", "Auto", "Auto";
        light: "Light", "Claro", "Claro";
        dark: "Dark", "Oscuro", "Escuro";
        request: "Request", "Solicitud", "Requisição";
        isolation_proved: "Tenant isolation proved", "Aislamiento entre organizaciones comprobado", "Isolamento entre organizações comprovado";
        isolation_untried: "Tenant isolation not yet proved", "Aislamiento entre organizaciones aún no comprobado", "Isolamento entre organizações ainda não comprovado";
        isolation_failed: "Tenant isolation proof failed", "La prueba de aislamiento entre organizaciones falló", "A prova de isolamento entre organizações falhou";
        warning: "Warning", "Advertencia", "Aviso";
        problem: "Problem", "Problema", "Problema";
        search: "Search", "Buscar", "Buscar";
        filter: "Filter", "Filtrar", "Filtrar";
        clear: "Clear", "Limpiar", "Limpar";
        new: "New", "Nuevo", "Novo";
        edit: "Edit", "Editar", "Editar";
        save: "Save", "Guardar", "Salvar";
        cancel: "Cancel", "Cancelar", "Cancelar";
        history: "History", "Historial", "Histórico";
        yes: "Yes", "Sí", "Sim";
        no: "No", "No", "Não";
        optional: "(optional)", "(opcional)", "(opcional)";
        fix_fields: "Some fields need a change:", "Hay campos por corregir:", "Alguns campos precisam de correção:";
        pages: "Pages", "Páginas", "Páginas";
        first_page: "First page", "Primera página", "Primeira página";
        next_page: "Next page", "Página siguiente", "Próxima página";
        one_row: "{n} row", "{n} fila", "{n} linha";
        n_rows: "{n} rows", "{n} filas", "{n} linhas";
        n_of_total: "{n} of {total}", "{n} de {total}", "{n} de {total}";
        no_rows: "Nothing here", "No hay nada aquí", "Nada aqui";
        no_rows_hint: "No row matches, or none that you may see.", "Ninguna fila coincide, o ninguna que usted pueda ver.", "Nenhuma linha corresponde, ou nenhuma que você possa ver.";
        hello: "Hello, {name}", "Hola, {name}", "Olá, {name}";
        tasks: "Needs attention", "Requiere atención", "Requer atenção";
        go_to: "Go to", "Ir a", "Ir para";

        sign_in: "Sign in", "Iniciar sesión", "Entrar";
        sign_out: "Sign out", "Cerrar sesión", "Sair";
        organization: "Organization", "Organización", "Organização";
        organization_hint: "The short name your organization uses here.", "El nombre corto que su organización usa aquí.", "O nome curto que sua organização usa aqui.";
        email: "E-mail", "Correo electrónico", "E-mail";
        password: "Password", "Contraseña", "Senha";
        code: "One-time code", "Código de un solo uso", "Código de uso único";
        code_hint: "Six digits from your authenticator, or a recovery code.", "Seis dígitos de su autenticador, o un código de recuperación.", "Seis dígitos do seu autenticador, ou um código de recuperação.";
        setup: "Choose your password", "Elija su contraseña", "Escolha sua senha";
        new_password: "New password", "Contraseña nueva", "Nova senha";
        sign_in_failed: "Organization, e-mail or password is not right.", "La organización, el correo o la contraseña no son correctos.", "Organização, e-mail ou senha incorretos.";
        locked: "Too many failed attempts. Try again in {n} minutes.", "Demasiados intentos fallidos. Inténtelo en {n} minutos.", "Muitas tentativas sem sucesso. Tente novamente em {n} minutos.";
        not_the_same: "The two passwords differ.", "Las dos contraseñas no coinciden.", "As duas senhas são diferentes.";
        again: "The same again", "Repítala", "Repita a senha";
        rules: "Your password needs:", "Su contraseña necesita:", "Sua senha precisa de:";
        choose_password: "Set password and sign in", "Guardar contraseña e iniciar sesión", "Salvar senha e entrar";
        link_expired: "This link has been used or is too old. Ask whoever sent it for a new one.", "Este enlace ya se usó o venció. Pida uno nuevo a quien se lo envió.", "Este link já foi usado ou expirou. Peça um novo a quem o enviou.";

        sessions: "Where you are signed in", "Dónde tiene la sesión abierta", "Onde você está conectado";
        device: "Device", "Dispositivo", "Dispositivo";
        address: "Address", "Dirección", "Endereço";
        started: "Started", "Inicio", "Início";
        last_seen: "Last used", "Último uso", "Último uso";
        this_one: "this one", "esta", "esta";
        revoke: "End", "Terminar", "Encerrar";
        revoked: "Ended", "Terminado", "Encerrado";
        tokens: "API tokens", "Tokens de API", "Tokens de API";
        token: "Token", "Token", "Token";
        new_token: "New API token", "Nuevo token de API", "Novo token de API";
        token_name: "Name", "Nombre", "Nome";
        scopes: "May do", "Puede hacer", "Pode fazer";
        scopes_hint: "One permission or pattern a line, such as medical.*.read. Never more than you may do yourself.", "Un permiso o patrón por línea, como medical.*.read. Nunca más de lo que usted puede hacer.", "Uma permissão ou padrão por linha, como medical.*.read. Nunca mais do que você mesmo pode fazer.";
        expires: "Expires", "Vence", "Expira";
        expires_hint: "At most one year from today.", "Como máximo un año a partir de hoy.", "No máximo um ano a partir de hoje.";
        last_used: "Last used", "Último uso", "Último uso";
        never: "Never", "Nunca", "Nunca";
        no_tokens: "You have no tokens.", "No tiene tokens.", "Você não tem tokens.";
        create_token: "Create token", "Crear token", "Criar token";
        token_created: "Copy this token now. It is not shown again.", "Copie este token ahora. No se mostrará otra vez.", "Copie este token agora. Ele não será mostrado novamente.";

        missing_permission: "You lack the permission {name}", "Le falta el permiso {name}", "Falta a você a permissão {name}";
        to_start: "To the start page", "Ir al inicio", "Ir para o início";
        error_400: "That request cannot be understood", "No se entiende la solicitud", "Não foi possível entender a requisição";
        error_400_do: "Go back and check what was entered.", "Vuelva atrás y revise lo ingresado.", "Volte e verifique o que foi informado.";
        error_401: "Please sign in", "Inicie sesión", "Entre na sua conta";
        error_401_do: "Your session has ended or was never opened.", "Su sesión terminó o no se ha iniciado.", "Sua sessão terminou ou não foi iniciada.";
        error_403: "You may not do this", "No tiene permiso para esto", "Você não pode fazer isto";
        error_403_do: "If your work needs it, ask an administrator of your organization. This attempt was recorded.", "Si su trabajo lo requiere, pídalo a un administrador de su organización. Este intento quedó registrado.", "Se seu trabalho exigir, peça a um administrador da sua organização. Esta tentativa foi registrada.";
        error_404: "There is no such page or record", "No existe tal página o registro", "Não existe tal página ou registro";
        error_404_do: "It may have moved, or it is not yours to see.", "Puede haberse movido, o no le corresponde verlo.", "Pode ter sido movido, ou não cabe a você vê-lo.";
        error_409: "Someone changed this first", "Alguien lo cambió antes", "Alguém alterou isto antes";
        error_409_do: "Open it again to see the present state, then repeat your change.", "Ábralo de nuevo para ver el estado actual y repita su cambio.", "Abra novamente para ver o estado atual e repita sua alteração.";
        error_429: "Too many attempts", "Demasiados intentos", "Muitas tentativas";
        error_429_do: "Wait a little and try again.", "Espere un momento e inténtelo de nuevo.", "Aguarde um pouco e tente novamente.";
        error_500: "Something went wrong on our side", "Algo falló de nuestro lado", "Algo deu errado do nosso lado";
        error_500_do: "Nothing you entered was saved. Try again; if it happens again, quote the request number.", "No se guardó nada de lo ingresado. Inténtelo de nuevo; si se repite, indique el número de solicitud.", "Nada do que foi informado foi salvo. Tente novamente; se repetir, informe o número da requisição.";
        error_503: "Not available right now", "No disponible por ahora", "Indisponível no momento";
        error_503_do: "Nothing was done. Try again in a minute.", "No se hizo nada. Inténtelo en un minuto.", "Nada foi feito. Tente em um minuto.";
    }
}

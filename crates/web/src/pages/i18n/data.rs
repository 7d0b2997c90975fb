//! Texts of the audit log, the data browser and the API page: English, Spanish, Brazilian Portuguese.

texts! {
    /// Audit log, data browser, API page.
    Data {
        as_command: "As a command", "Como comando", "Como comando";
        may_not_open: "You lack the permission to open this", "No tiene permiso para abrir esto", "Você não tem permissão para abrir isto";
        browser: "Data browser", "Explorador de datos", "Explorador de dados";
        browser_lead: "Every table you may read. Sealed values stay masked until you open them, and each opening is recorded.", "Todas las tablas que puede leer. Los valores sellados permanecen ocultos hasta que los abra, y cada apertura queda registrada.", "Todas as tabelas que você pode ler. Valores selados ficam ocultos até serem abertos, e cada abertura fica registrada.";
        find_table: "Find a table", "Buscar una tabla", "Buscar uma tabela";
        one_table: "{n} table", "{n} tabla", "{n} tabela";
        n_tables: "{n} tables", "{n} tablas", "{n} tabelas";
        table: "Table", "Tabla", "Tabela";
        row: "Row", "Fila", "Linha";
        rows: "Rows", "Filas", "Linhas";
        rows_about: "Rows, about", "Filas, aprox.", "Linhas, aprox.";
        sealed: "Sealed", "Selladas", "Seladas";
        sealed_hint: "Encrypted in the database", "Cifrado en la base de datos", "Cifrado no banco de dados";
        sealed_keep: "Sealed. Leave empty to keep what is there.", "Sellado. Déjelo vacío para conservar lo que hay.", "Selado. Deixe vazio para manter o que está lá.";
        shared: "shared", "compartida", "compartilhada";
        open: "open", "abrir", "abrir";
        open_named: "Open {what}: this will be recorded", "Abrir {what}: quedará registrado", "Abrir {what}: ficará registrado";
        open_recorded: "Opening this value will be recorded", "Abrir este valor quedará registrado", "Abrir este valor ficará registrado";
        was_recorded: "This opening was recorded", "Esta apertura quedó registrada", "Esta abertura foi registrada";

        audit: "Audit log", "Registro de auditoría", "Registro de auditoria";
        audit_lead: "Who did what, to which rows, and how it ended.", "Quién hizo qué, sobre qué filas y cómo terminó.", "Quem fez o quê, em quais linhas e como terminou.";
        from: "From", "Desde", "De";
        to: "To", "Hasta", "Até";
        who: "Who", "Quién", "Quem";
        what: "What", "Qué", "O quê";
        action: "Action", "Acción", "Ação";
        purpose: "Purpose", "Propósito", "Finalidade";
        from_where: "From where", "Desde dónde", "De onde";
        outcome: "Outcome", "Resultado", "Resultado";
        integrity: "Integrity", "Integridad", "Integridade";
        never_verified: "Not verified yet", "Aún sin verificar", "Ainda não verificado";
        log_holds: "Verified", "Verificado", "Verificado";
        log_broken: "Verification failed", "La verificación falló", "A verificação falhou";
        sealed_events: "Events sealed", "Eventos sellados", "Eventos selados";
        sealed_at: "Latest checkpoint", "Último punto de control", "Último ponto de controle";
        anchored: "Anchored at", "Anclado en", "Ancorado em";

        api: "API", "API", "API";
        openapi_file: "OpenAPI document", "Documento OpenAPI", "Documento OpenAPI";
        domains: "Domains", "Dominios", "Domínios";
        all_domains: "All", "Todos", "Todos";
        operation: "Operation", "Operación", "Operação";
        summary: "What it does", "Qué hace", "O que faz";
        permission: "Permission", "Permiso", "Permissão";
        needs_permission: "Needs the permission", "Requiere el permiso", "Requer a permissão";
        parameters: "Parameters", "Parámetros", "Parâmetros";
        name: "Name", "Nombre", "Nome";
        place: "In", "En", "Em";
        kind: "Type", "Tipo", "Tipo";
        meaning: "Meaning", "Significado", "Significado";
        required: "required", "obligatorio", "obrigatório";
        request_body: "Request body", "Cuerpo de la solicitud", "Corpo da requisição";
        response: "Response {status}", "Respuesta {status}", "Resposta {status}";
        fields: "fields", "campos", "campos";
        try_it: "Try it", "Probar", "Testar";
        try_hint: "Sends the request with your own session; what it shows you is recorded as any other access.", "Envía la solicitud con su propia sesión; lo que muestre queda registrado como cualquier acceso.", "Envia a requisição com a sua própria sessão; o que ela mostrar fica registrado como qualquer acesso.";
        send: "Send", "Enviar", "Enviar";
        answer: "Answer", "Respuesta", "Resposta";
    }
}

//! Texts of the pages of identity providers and webhooks: English, Spanish, Brazilian Portuguese.

texts! {
    /// Other systems that say who somebody is, or are told of events.
    Connections {
        providers: "Identity providers", "Proveedores de identidad", "Provedores de identidade";
        providers_lead: "Services by which people sign in (OpenID Connect). Whoever one vouches for is let in as that user, so add only what your organization runs or trusts.", "Servicios con los que las personas inician sesión (OpenID Connect). A quien uno avala se le admite como ese usuario: agregue solo los que su organización opera o en los que confía.", "Serviços pelos quais as pessoas entram (OpenID Connect). Quem um deles atesta entra como esse usuário: acrescente só os que sua organização opera ou em que confia.";
        no_provider: "People sign in with passwords and passkeys only.", "Las personas inician sesión solo con contraseñas y llaves de acceso.", "As pessoas entram só com senhas e chaves de acesso.";
        add_provider: "Add a provider", "Agregar un proveedor", "Acrescentar um provedor";
        edit_provider: "Change the provider", "Cambiar el proveedor", "Mudar o provedor";
        name: "Name", "Nombre", "Nome";
        name_hint: "Words on the button of the sign-in page.", "Texto del botón en la página de inicio de sesión.", "Texto do botão na página de entrada.";
        issuer: "Issuer", "Emisor", "Emissor";
        issuer_hint: "Its https address; its settings are read from there.", "Su dirección https; de allí se lee su configuración.", "O endereço https; a configuração é lida dali.";
        client_id: "Client id", "Id de cliente", "Id de cliente";
        links_by_email: "Take an account with the same verified e-mail address for the user", "Tomar la cuenta con el mismo correo verificado por la del usuario", "Tomar a conta com o mesmo e-mail verificado pela do usuário";
        active: "In use", "En uso", "Em uso";
        unused: "Not in use", "Sin uso", "Sem uso";
        secret: "Client secret", "Secreto de cliente", "Segredo de cliente";
        secret_hint: "As the provider gave it; nobody reads it back. Left empty, it is taken away: a public client, with PKCE alone.", "Como lo dio el proveedor; nadie puede volver a leerlo. Si queda vacío, se quita: un cliente público, solo con PKCE.", "Como o provedor deu; ninguém o lê de volta. Vazio, ele é retirado: um cliente público, só com PKCE.";
        set_secret: "Set the secret", "Guardar el secreto", "Guardar o segredo";
        secret_set: "The secret was set.", "Se guardó el secreto.", "O segredo foi guardado.";
        saved: "Saved.", "Guardado.", "Salvo.";
        redirect: "Register this address with the provider", "Registre esta dirección en el proveedor", "Registre este endereço no provedor";
        webhooks: "Webhooks", "Webhooks", "Webhooks";
        webhooks_lead: "Systems that are told of events by a signed call with ids, never with health data.", "Sistemas a los que se avisa de eventos con una llamada firmada que lleva ids, nunca datos de salud.", "Sistemas avisados de eventos por uma chamada assinada com ids, nunca com dados de saúde.";
        no_webhook: "Nobody is told.", "No se avisa a nadie.", "Ninguém é avisado.";
        add_webhook: "Tell a system", "Avisar a un sistema", "Avisar um sistema";
        url: "Address", "Dirección", "Endereço";
        url_hint: "https, on the public internet.", "https, en la internet pública.", "https, na internet pública.";
        events: "Events", "Eventos", "Eventos";
        events_hint: "None ticked: all.", "Ninguno marcado: todos.", "Nenhum marcado: todos.";
        all_events: "all", "todos", "todos";
        signing: "Calls are signed by this secret", "Las llamadas se firman con este secreto", "As chamadas são assinadas com este segredo";
        signing_hint: "It is shown this once: give it to the receiver.", "Se muestra solo esta vez: entréguelo al receptor.", "É mostrado só desta vez: entregue ao receptor.";
        cease: "Pause", "Pausar", "Pausar";
        begin: "Resume", "Reanudar", "Retomar";
        deliveries: "Latest calls", "Últimas llamadas", "Últimas chamadas";
        receiver: "Receiver", "Receptor", "Receptor";
        attempts: "Attempts", "Intentos", "Tentativas";
        answer: "Answer", "Respuesta", "Resposta";
    }
}

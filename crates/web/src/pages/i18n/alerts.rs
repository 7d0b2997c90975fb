//! Texts of the page about signs of tampering: English, Spanish, Brazilian Portuguese.

texts! {
    /// Signs of tampering.
    Alerts {
        title: "Signs of tampering", "Indicios de manipulación", "Indícios de adulteração";
        lead: "What the server found changed behind its back. An alert is closed by a person, with a reason that stays.", "Lo que el servidor encontró cambiado a sus espaldas. Una persona cierra cada alerta con un motivo que permanece.", "O que o servidor encontrou alterado sem ele. Uma pessoa encerra cada alerta com um motivo que permanece.";
        open: "To be looked at", "Por revisar", "A verificar";
        closed: "Closed", "Cerradas", "Encerradas";
        none_open: "Nothing is open", "No hay nada abierto", "Nada em aberto";
        none_open_hint: "The server looks by itself: at the log every second, at some rows every hour, at all of them every week.", "El servidor revisa por sí mismo: el registro cada segundo, algunas filas cada hora, todas cada semana.", "O servidor verifica sozinho: o registro a cada segundo, algumas linhas a cada hora, todas a cada semana.";
        none_closed: "None was closed yet.", "Todavía no se ha cerrado ninguna.", "Nenhum foi encerrado ainda.";
        found: "Found", "Encontrado", "Encontrado";
        kind: "Kind", "Tipo", "Tipo";
        about: "About", "Sobre", "Sobre";
        last_said: "Last said", "Último comentario", "Último comentário";
        reason: "Reason", "Motivo", "Motivo";
        reason_hint: "What was found. It is not sealed: name nobody.", "Lo que se averiguó. No va sellado: no nombre a nadie.", "O que se apurou. Não é selado: não cite ninguém.";
        acknowledge: "Somebody is looking", "Alguien lo revisa", "Alguém está verificando";
        close: "Close", "Cerrar", "Encerrar";
        closed_at: "Closed at", "Cerrada el", "Encerrado em";
        link: "Signs of tampering", "Indicios de manipulación", "Indícios de adulteração";
    }
}

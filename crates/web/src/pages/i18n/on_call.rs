//! Texts of the page that says who is on call: English, Spanish, Brazilian Portuguese.

texts! {
    /// Who is on call.
    OnCall {
        title: "Who is on call", "Quién está de guardia", "Quem está de plantão";
        lead: "This week and the next, by list. Times are those of {zone}.", "Esta semana y la próxima, por lista. Las horas son de {zone}.", "Esta semana e a próxima, por lista. Os horários são de {zone}.";
        now: "Now: {who}", "Ahora: {who}", "Agora: {who}";
        nobody_now: "Nobody is on call now", "Nadie está de guardia ahora", "Ninguém está de plantão agora";
        asked_by: "An alert that nobody has in hand goes to this list when its urgency is: {what}.", "Una alerta que nadie atiende llega a esta lista si su urgencia es: {what}.", "Um alerta que ninguém atende chega a esta lista se a urgência for: {what}.";
        named_by: "Named by the definitions: {what}.", "Nombrada por las definiciones: {what}.", "Citada pelas definições: {what}.";
        unasked: "No chain and no definition asks this list.", "Ninguna cadena ni definición usa esta lista.", "Nenhuma cadeia nem definição usa esta lista.";
        this_week: "This week", "Esta semana", "Esta semana";
        next_week: "Next week", "La próxima semana", "Próxima semana";
        who: "Who", "Quién", "Quem";
        from: "From", "Desde", "De";
        to: "To", "Hasta", "Até";
        more: "More", "Más", "Mais";
        running: "now", "ahora", "agora";
        over: "over", "terminada", "encerrado";
        nobody: "Nobody", "Nadie", "Ninguém";
        fill_gap: "Put somebody on", "Asignar a alguien", "Escalar alguém";
        nothing: "Nothing is entered for this week.", "No hay nada anotado para esta semana.", "Não há nada registrado para esta semana.";
        overlaps: "Several at once", "Varias personas a la vez", "Vários ao mesmo tempo";
        overlap: "{who}: from {from} to {to}. All of them are told.", "{who}: de {from} a {to}. Se avisa a todas.", "{who}: de {from} a {to}. Todos são avisados.";
        remove: "Remove", "Quitar", "Remover";
        end_now: "End now", "Terminar ya", "Encerrar já";
        removed: "The shift was taken off", "El turno se quitó", "O turno foi removido";
        added: "The shift was added", "El turno se agregó", "O turno foi adicionado";
        add: "Add a shift", "Agregar un turno", "Adicionar um turno";
        list: "List", "Lista", "Lista";
        new_list: "Or a new list", "O una lista nueva", "Ou uma lista nova";
        new_list_hint: "A short name, such as weekend. Definitions reach it by {\"on_call\": \"weekend\"}.", "Un nombre corto, como weekend. Las definiciones la alcanzan con {\"on_call\": \"weekend\"}.", "Um nome curto, como weekend. As definições chegam a ela com {\"on_call\": \"weekend\"}.";
        to_hint: "The first moment that is not of the shift.", "El primer momento que ya no es del turno.", "O primeiro momento que já não é do turno.";
        somebody: "Somebody", "Alguien", "Alguém";
        save: "Add", "Agregar", "Adicionar";
    }
}

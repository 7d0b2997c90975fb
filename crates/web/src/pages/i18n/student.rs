//! Texts of a student at a glance: English, Spanish, Brazilian Portuguese.

texts! {
    /// A student at a glance.
    Student {
        title: "Student health summary", "Resumen de salud del estudiante", "Resumo de saúde do estudante";
        summary: "Summary", "Resumen", "Resumo";
        visits: "Visits to the clinic", "Visitas a la enfermería", "Visitas à enfermaria";
        in_days: "in {n} days", "en {n} días", "em {n} dias";
        last_visits: "Last visits", "Últimas visitas", "Últimas visitas";
        no_visits: "No visit is on record.", "No hay visitas registradas.", "Não há visitas registradas.";
        symptoms: "Symptoms of late", "Síntomas recientes", "Sintomas recentes";
        no_symptoms: "None was reported in {n} days.", "No se informó ninguno en {n} días.", "Nenhum foi informado em {n} dias.";
        guardians: "Whom to call", "A quién llamar", "A quem ligar";
        no_guardians: "Nobody to call is on record.", "No hay contactos registrados.", "Não há contatos registrados.";
        restricted: "Court order: do not tell", "Orden judicial: no informar", "Ordem judicial: não informar";
        no_health: "Not told about health", "No recibe datos de salud", "Não recebe dados de saúde";
        custody: "Custody", "Custodia", "Guarda";
        picks_up: "May pick up", "Puede recoger", "Pode buscar";
        no_orders: "No order is in force or waits.", "Ninguna orden está vigente ni en espera.", "Nenhuma prescrição está em vigor ou à espera.";
        next_dose: "Next dose", "Próxima dosis", "Próxima dose";
        may_now: "as needed, may be given now", "según necesidad, puede darse ahora", "se necessário, pode ser dada agora";
        not_judged: "not judged yet", "sin evaluar", "ainda não avaliado";
        overdue_since: "late since", "tarde desde", "atrasado desde";
        until: "until", "hasta", "até";
        next_due: "next due", "próxima", "próxima";
        as_of: "as of", "al", "em";
        absences: "Absences", "Ausencias", "Ausências";
        no_absences: "No absence is on record.", "No hay ausencias registradas.", "Não há ausências registradas.";
        whole_day: "all day", "todo el día", "o dia todo";
        from_time: "from {time}", "desde las {time}", "a partir das {time}";
        until_time: "until {time}", "hasta las {time}", "até as {time}";
    }
}

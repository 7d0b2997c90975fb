//! Texts of the nurse's start page: English, Spanish, Brazilian Portuguese.

texts! {
    /// The nurse's start page.
    Nurse {
        as_of: "as of {time}", "a las {time}", "às {time}";
        again: "Look again", "Actualizar", "Atualizar";
        all_schools: "All my schools", "Todas mis escuelas", "Todas as minhas escolas";
        at_a_glance: "At a glance", "De un vistazo", "Num relance";
        over_two_hours: "{n} over two hours", "{n} más de dos horas", "{n} há mais de duas horas";
        late: "Doses late or missed", "Dosis tarde u omitidas", "Doses atrasadas ou perdidas";
        missed: "{n} missed", "{n} omitidas", "{n} perdidas";
        due: "Doses due now", "Dosis de ahora", "Doses de agora";
        soon: "{n} more within two hours", "{n} más en dos horas", "Mais {n} em duas horas";
        lacking: "Lack vaccine doses", "Les faltan vacunas", "Faltam vacinas";
        no_record: "{n} without a record", "{n} sin registro", "{n} sem registro";
        not_judged: "{n} not judged yet", "{n} sin evaluar", "{n} ainda não avaliados";
        signals: "Signals to review", "Señales por revisar", "Sinais a revisar";
        alerts: "Alerts nobody has", "Alertas sin atender", "Alertas sem ninguém";
        in_hand: "{n} in hand", "{n} atendidas", "{n} em atendimento";
        by_school: "By school", "Por escuela", "Por escola";
        school: "School", "Escuela", "Escola";
        in_clinic: "In the clinic", "En la enfermería", "Na enfermaria";
        doses_waiting: "Doses waiting", "Dosis pendientes", "Doses à espera";
        medication: "Medication, until two hours from now", "Medicación, hasta dentro de dos horas", "Medicação, até daqui a duas horas";
        no_doses: "No dose waits now or within two hours.", "Ninguna dosis espera ahora ni en dos horas.", "Nenhuma dose espera agora nem em duas horas.";
        time: "Time", "Hora", "Hora";
        medicine: "Medicine", "Medicamento", "Medicamento";
        state: "State", "Estado", "Situação";
        effects: "Given as needed: what did it do?", "Dado según necesidad: ¿qué efecto tuvo?", "Dado se necessário: que efeito teve?";
        ending: "Orders and exemptions that end soon", "Órdenes y exenciones que terminan pronto", "Prescrições e isenções que terminam em breve";
        ends: "Ends", "Termina", "Termina";
        what: "What", "Qué", "O quê";
        exemption: "Exemption: {kind}", "Exención: {kind}", "Isenção: {kind}";
        n_of: "{n} of {total}", "{n} de {total}", "{n} de {total}";
        no_signals: "No signal waits for a review.", "Ninguna señal espera revisión.", "Nenhum sinal espera revisão.";
        no_alerts: "No alert is without somebody.", "Ninguna alerta está sin atender.", "Nenhum alerta está sem ninguém.";
    }
}

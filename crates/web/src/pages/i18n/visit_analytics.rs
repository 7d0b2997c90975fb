//! Texts of the analytics of visits: English, Spanish, Brazilian Portuguese.

texts! {
    /// The analytics of visits.
    VisitAnalytics {
        title: "Visit analytics", "Análisis de visitas", "Análise de visitas";
        span: "from {from} to {to}", "del {from} al {to}", "de {from} a {to}";
        from: "From", "Desde", "De";
        to: "To", "Hasta", "Até";
        as_csv: "Dispositions as CSV", "Resultados en CSV", "Desfechos em CSV";
        left_out: "Small counts are left out, and those from which they could be had. A whole month is shown.", "Se omiten los números pequeños y los que permitirían deducirlos. Se muestra un mes completo.", "Números pequenos são omitidos, e os que permitiriam deduzi-los. Mostra-se um mês inteiro.";
        few: "left out", "omitido", "omitido";
        visits: "Visits", "Visitas", "Visitas";
        per_100: "{n} per 100 students", "{n} por cada 100 estudiantes", "{n} por 100 estudantes";
        rate: "Per 100 students", "Por cada 100 estudiantes", "Por 100 estudantes";
        students: "Students who came", "Estudiantes que vinieron", "Estudantes que vieram";
        of_enrolled: "of {n} enrolled", "de {n} inscritos", "de {n} matriculados";
        back_to_class: "Went back to class", "Volvieron a clase", "Voltaram para a aula";
        median: "Median length", "Duración mediana", "Duração mediana";
        nine_of_ten: "nine of ten within {n} min", "nueve de diez en {n} min", "nove de dez em {n} min";
        by_month: "Visits by month", "Visitas por mes", "Visitas por mês";
        month: "Month", "Mes", "Mês";
        grade: "Grade", "Grado", "Série";
        hour: "Hour of arrival", "Hora de llegada", "Hora de chegada";
        frequent: "Frequent visitors", "Visitan con frecuencia", "Visitas frequentes";
        n_visits: "{n} visits", "{n} visitas", "{n} visitas";
        most_missed: "Missed most class", "Perdieron más clase", "Perderam mais aula";
        avoidance: "Class avoidance?", "¿Evita una clase?", "Evita uma aula?";
        avoidance_hint: "Most visits fall in the same lesson. It may be a reason to ask, and is seen by nurses only.", "La mayoría de las visitas coincide con la misma clase. Puede ser motivo para preguntar; solo lo ve enfermería.", "A maioria das visitas cai na mesma aula. Pode ser motivo para perguntar; só a enfermagem vê.";
        in_period: "{n} of {all} visits in {period}", "{n} de {all} visitas en {period}", "{n} de {all} visitas em {period}";
    }
}

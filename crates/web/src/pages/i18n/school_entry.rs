//! Texts of school entry: who attends without all doses, who is kept home. English, Spanish, Brazilian Portuguese.

texts! {
    /// Attendance without all doses.
    SchoolEntry {
        exclusions: "Kept home for lack of doses", "Sin asistir por falta de dosis", "Sem frequentar por falta de doses";
        exclusions_lead: "Who may not attend now, and who may not soon if nothing changes. A dose, an exemption or an admission takes a student off this list at once.", "Quién no puede asistir ahora y quién no podrá pronto si nada cambia. Una dosis, una exención o una admisión saca al estudiante de la lista de inmediato.", "Quem não pode frequentar agora e quem não poderá em breve se nada mudar. Uma dose, uma isenção ou uma admissão tira o estudante da lista na hora.";
        home_now: "Kept home now", "Sin asistir ahora", "Sem frequentar agora";
        home_soon: "Kept home soon", "Sin asistir pronto", "Sem frequentar em breve";
        nobody_home: "Nobody is kept home.", "Nadie queda sin asistir.", "Ninguém fica sem frequentar.";
        nobody_soon: "Nobody will be kept home in the next {n} days.", "Nadie quedará sin asistir en los próximos {n} días.", "Ninguém ficará sem frequentar nos próximos {n} dias.";
        home_since: "Since", "Desde", "Desde";
        home_from: "From", "A partir del", "A partir de";
        kept_home_from: "kept home from {date}", "sin asistir desde el {date}", "sem frequentar a partir de {date}";
        shown_of: "{n} of {total} are shown; narrow the days to see the rest.", "Se muestran {n} de {total}; reduzca los días para ver el resto.", "São mostrados {n} de {total}; reduza os dias para ver o resto.";
        provisional: "Provisional", "Provisionales", "Provisórios";
        excluded: "Kept home", "Sin asistir", "Sem frequentar";
        admissions: "Attends without all doses", "Asiste sin todas las dosis", "Frequenta sem todas as doses";
        no_admissions: "Nobody decided that this student attends without the doses.", "Nadie ha decidido que este estudiante asista sin las dosis.", "Ninguém decidiu que este estudante frequente sem as doses.";
        admit: "Admit without all doses", "Admitir sin todas las dosis", "Admitir sem todas as doses";
        admit_hint: "For as many days as the requirements in force give for the reason. Why is specially protected and is not shown afterwards.", "Por tantos días como los requisitos en vigor den para el motivo. El motivo tiene protección especial y no se muestra después.", "Por tantos dias quantos as exigências em vigor derem para o motivo. O motivo tem proteção especial e não é mostrado depois.";
        why_homeless: "without a fixed home (McKinney-Vento)", "sin hogar fijo (McKinney-Vento)", "sem moradia fixa (McKinney-Vento)";
        why_foster: "in foster care", "en acogida familiar", "em acolhimento familiar";
        why_military: "military family that moved", "familia militar que se mudó", "família militar que se mudou";
        why_transfer: "records of the former school are on their way", "el expediente de la escuela anterior está en camino", "os registros da escola anterior estão a caminho";
        why_plan: "by a plan for the doses that are missing", "según un plan para las dosis que faltan", "por um plano para as doses que faltam";
        begins_on: "First day", "Primer día", "Primeiro dia";
        begins_hint: "Today when it is left empty.", "Hoy si se deja vacío.", "Hoje se ficar vazio.";
        admitted_until: "Until", "Hasta", "Até";
        ended: "Ended on {date}", "Terminada el {date}", "Encerrada em {date}";
        over: "Over", "Vencida", "Vencida";
        runs: "In force", "En vigor", "Em vigor";
        end: "End", "Terminar", "Encerrar";
        letters: "Letters to families", "Cartas a las familias", "Cartas às famílias";
        letters_lead: "One file to print, homeroom by homeroom, each letter in the language of the guardian who has custody and may be told about health. A letter names the child, what is missing and the day, nothing else.", "Un archivo para imprimir, salón por salón, cada carta en el idioma del tutor que tiene la custodia y puede recibir información de salud. La carta nombra al niño, lo que falta y el día, nada más.", "Um arquivo para imprimir, sala por sala, cada carta no idioma do responsável que tem a guarda e pode receber informação de saúde. A carta nomeia a criança, o que falta e o dia, nada mais.";
        letters_kept: "The file is not kept here. That a letter was made is on the record, and a family gets one letter of a kind in a week.", "El archivo no se guarda aquí. Queda registro de que se hizo la carta, y cada familia recibe una carta de cada tipo por semana.", "O arquivo não fica guardado aqui. Fica registrado que a carta foi feita, e cada família recebe uma carta de cada tipo por semana.";
        letters_home: "Kept home", "Sin asistir", "Sem frequentar";
        letters_remind: "Doses are missing", "Faltan dosis", "Faltam doses";
        letter_count: "{n} letters would be made.", "Se harían {n} cartas.", "Seriam feitas {n} cartas.";
        no_letters: "No family gets a letter of this kind now.", "Ninguna familia recibe ahora una carta de este tipo.", "Nenhuma família recebe agora uma carta deste tipo.";
        letters_lately: "{n} families got one within the week", "{n} familias recibieron una en la semana", "{n} famílias receberam uma na semana";
        letters_nobody: "{n} families have no guardian with custody who may be told about health", "{n} familias no tienen un tutor con custodia que pueda recibir información de salud", "{n} famílias não têm um responsável com guarda que possa receber informação de saúde";
        homeroom: "Homeroom", "Salón", "Sala";
        no_homeroom: "Without a homeroom", "Sin salón", "Sem sala";
        language: "Language", "Idioma", "Idioma";
        again: "Also to families that got one within the week", "También a familias que recibieron una en la semana", "Também a famílias que receberam uma na semana";
        make_letters: "Make the file (PDF)", "Hacer el archivo (PDF)", "Fazer o arquivo (PDF)";
        over_time: "Over time", "A lo largo del tiempo", "Ao longo do tempo";
        over_time_lead: "How the school stood each Monday and on the days of the state's report. What was taken is not changed by doses that are entered later.", "Cómo estaba la escuela cada lunes y en los días del informe del estado. Lo tomado no cambia con dosis que se anoten después.", "Como a escola estava a cada segunda-feira e nos dias do relatório do estado. O que foi tomado não muda com doses anotadas depois.";
        no_snapshots: "No week has been kept yet: it is taken in the morning once a schedule is in use and a requirement is in force.", "Aún no hay ninguna semana: se toma por la mañana cuando hay un calendario en uso y un requisito en vigor.", "Ainda não há nenhuma semana: é tomada de manhã quando há um calendário em uso e uma exigência em vigor.";
        week_of: "Week of", "Semana del", "Semana de";
        for_report: "for the state's report", "para el informe del estado", "para o relatório do estado";
        taken_late: "taken on {date}", "tomado el {date}", "tomado em {date}";
        protected: "Protected against measles", "Protegidos contra el sarampión", "Protegidos contra o sarampo";
        chart_of: "Percent of students who may attend, by week", "Porcentaje de estudiantes que pueden asistir, por semana", "Percentual de estudantes que podem frequentar, por semana";
        by_plan: "By a plan", "Según un plan", "Por um plano";
    }
}

//! Texts of the school clinic: English, Spanish, Brazilian Portuguese.

texts! {
    /// The school clinic.
    Clinic {
        title: "Today's clinic", "Enfermería de hoy", "Enfermaria de hoje";
        school: "School", "Escuela", "Escola";
        change_school: "Show", "Mostrar", "Mostrar";
        no_school: "No school is yours to see", "No hay ninguna escuela a su cargo", "Nenhuma escola está sob seus cuidados";
        no_school_hint: "Ask your supervisor to add you to a school.", "Pida a su supervisión que le asigne una escuela.", "Peça à supervisão que vincule você a uma escola.";
        find: "Find a student to check in", "Busque al estudiante para registrarlo", "Procure o estudante para registrar a entrada";
        find_hint: "Name, student number or date of birth", "Nombre, número de estudiante o fecha de nacimiento", "Nome, número de estudante ou data de nascimento";
        search: "Find", "Buscar", "Procurar";
        nobody: "Nobody here fits", "Nadie coincide", "Ninguém corresponde";
        nobody_hint: "Only students enrolled at this school are found.", "Solo se encuentran estudiantes inscritos en esta escuela.", "Só são encontrados estudantes matriculados nesta escola.";
        found: "Choose the student, then the reason", "Elija al estudiante y luego el motivo", "Escolha o estudante e depois o motivo";
        why: "Why did the student come?", "¿Por qué vino?", "Por que veio?";
        is_here: "In the clinic now", "Está en la enfermería", "Está na enfermaria";
        waiting: "In the clinic now", "Ahora en la enfermería", "Agora na enfermaria";
        nobody_waits: "Nobody is in the clinic", "No hay nadie en la enfermería", "Não há ninguém na enfermaria";
        nobody_waits_hint: "Find a student above to begin a visit.", "Busque a un estudiante arriba para empezar una visita.", "Procure um estudante acima para iniciar uma visita.";
        seen: "Seen today", "Atendidos hoy", "Atendidos hoje";
        none_seen: "No visit has ended today.", "Hoy no ha terminado ninguna visita.", "Nenhuma visita terminou hoje.";
        student: "Student", "Estudiante", "Estudante";
        reason: "Reason", "Motivo", "Motivo";
        since: "Since", "Desde", "Desde";
        arrived: "Arrived", "Llegada", "Chegada";
        left: "Left", "Salida", "Saída";
        disposition: "How the visit ends", "Cómo termina la visita", "Como a visita termina";
        outcome: "Outcome", "Resultado", "Resultado";
        class_missed: "Class missed", "Clase perdida", "Aula perdida";
        minutes: "{n} min", "{n} min", "{n} min";
        estimated: "estimated", "estimado", "estimado";
        back_to_class: "Back to class", "Vuelve a clase", "Volta para a aula";
        more: "More", "Más", "Mais";
        visit: "Visit", "Visita", "Visita";
        visit_no: "Visit {n} of the day", "Visita {n} del día", "Visita {n} do dia";
        grade: "Grade {grade}", "Grado {grade}", "Série {grade}";
        allergy: "Allergy: {what}", "Alergia: {what}", "Alergia: {what}";
        court: "Court order: see contacts before telling anyone", "Orden judicial: vea los contactos antes de informar", "Ordem judicial: veja os contatos antes de informar";
        chart: "Health record", "Expediente de salud", "Prontuário";
        what_was_seen: "What was seen", "Lo que se observó", "O que foi observado";
        symptoms: "Symptoms", "Síntomas", "Sintomas";
        temperature: "Temperature, °C", "Temperatura, °C", "Temperatura, °C";
        complaint_note: "In the student's words", "En palabras del estudiante", "Nas palavras do estudante";
        assessment: "Assessment", "Valoración", "Avaliação";
        head_injury: "Head injury", "Golpe en la cabeza", "Pancada na cabeça";
        head_injury_hint: "Asks for the concussion checklist and for contact with the family.", "Exige la lista de conmoción y contacto con la familia.", "Exige a lista de concussão e contato com a família.";
        checklist: "Signs of concussion that are there", "Signos de conmoción presentes", "Sinais de concussão presentes";
        checklist_done: "The checklist was gone through", "Se revisó la lista", "A lista foi verificada";
        guardian: "Who of the family was called", "A quién de la familia se llamó", "Quem da família foi avisado";
        guardian_reached: "Was reached", "Se logró hablar", "Foi encontrado";
        ending: "End of the visit", "Fin de la visita", "Fim da visita";
        disposition_note: "Note on the outcome", "Nota sobre el resultado", "Nota sobre o resultado";
        called_ago: "911 was called how many minutes ago", "Hace cuántos minutos se llamó al 911", "Há quantos minutos o 911 foi chamado";
        called_ago_hint: "Only when 911 was called.", "Solo si se llamó al 911.", "Só quando o 911 foi chamado.";
        save: "Save and keep open", "Guardar y dejar abierta", "Salvar e manter aberta";
        end: "End the visit", "Terminar la visita", "Encerrar a visita";
        amend: "Change this visit", "Cambiar esta visita", "Alterar esta visita";
        amend_hint: "What it says now is kept.", "Se conserva lo que dice ahora.", "O que ela diz agora é mantido.";
        amended_reason: "Why it is changed", "Por qué se cambia", "Por que é alterada";
        take_back: "This visit did not happen", "Esta visita no ocurrió", "Esta visita não aconteceu";
        by_period: "By period", "Por periodo", "Por período";
        ended_with: "The visit has ended: {n} minutes of class missed.", "La visita terminó: {n} minutos de clase perdidos.", "A visita terminou: {n} minutos de aula perdidos.";
    }
}

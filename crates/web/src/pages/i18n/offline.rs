//! Texts of visits that are written down without a connection: English, Spanish, Brazilian Portuguese.

texts! {
    /// Visits that are written down without a connection.
    Offline {
        title: "No connection", "Sin conexión", "Sem conexão";
        lead: "Write down who comes. The visits are sent when Today's clinic is open with a connection.",
            "Anote quién viene. Las visitas se envían cuando la enfermería de hoy se abre con conexión.",
            "Anote quem vem. As visitas são enviadas quando a enfermaria de hoje é aberta com conexão.";
        unknown: "On this device nothing can be written down yet: open Today's clinic once with a connection.",
            "En este dispositivo todavía no se puede anotar nada: abra una vez la enfermería de hoy con conexión.",
            "Neste dispositivo ainda não é possível anotar nada: abra uma vez a enfermaria de hoje com conexão.";
        at_school: "Clinic of {school}", "Enfermería de {school}", "Enfermaria de {school}";
        number: "Student number", "Número de estudiante", "Número do estudante";
        reason: "Why", "Motivo", "Motivo";
        came: "Came at", "Llegó a las", "Chegou às";
        left: "Back to class at", "Volvió a clase a las", "Voltou à aula às";
        keep: "Keep", "Guardar", "Guardar";
        kept: "Kept. {n} wait on this device.", "Guardada. Esperan {n} en este dispositivo.", "Guardada. {n} esperam neste dispositivo.";
        sealed: "What is kept is sealed for the server: nobody reads it on this device, and only you can send it, within two weeks.",
            "Lo guardado está sellado para el servidor: nadie lo lee en este dispositivo y solo usted puede enviarlo, en dos semanas.",
            "O que é guardado fica lacrado para o servidor: ninguém lê neste dispositivo, e só você pode enviar, em duas semanas.";
        full: "200 visits wait already: send them first.", "Ya esperan 200 visitas: envíelas primero.", "Já esperam 200 visitas: envie-as primeiro.";
        times: "The student cannot go before coming, nor come later than now.",
            "El estudiante no puede irse antes de llegar, ni llegar más tarde que ahora.",
            "O estudante não pode sair antes de chegar, nem chegar depois de agora.";
        failed: "It could not be kept: this browser keeps nothing for this page. Write it on paper.",
            "No se pudo guardar: este navegador no guarda nada para esta página. Anótela en papel.",
            "Não foi possível guardar: este navegador não guarda nada para esta página. Anote em papel.";
        again: "Try the connection", "Probar la conexión", "Testar a conexão";
        waiting: "Written down without a connection", "Anotadas sin conexión", "Anotadas sem conexão";
        sending: "Being sent: {n}", "Enviando: {n}", "Enviando: {n}";
        not_sent: "Not sent: the connection broke or your session ended. They stay on this device.",
            "No se enviaron: se cortó la conexión o terminó su sesión. Quedan en este dispositivo.",
            "Não enviadas: a conexão caiu ou sua sessão terminou. Continuam neste dispositivo.";
        came_line: "Student {number}, came {at}", "Estudiante {number}, llegó {at}", "Estudante {number}, chegou {at}";
        discard: "Take off this device", "Quitar de este dispositivo", "Tirar deste dispositivo";
        foreign: "This was written down by somebody else, more than two weeks ago, or was changed. Whoever wrote it can sign in on this device and send it.",
            "Esto lo anotó otra persona, hace más de dos semanas, o fue modificado. Quien lo anotó puede entrar en este dispositivo y enviarlo.",
            "Isto foi anotado por outra pessoa, há mais de duas semanas, ou foi alterado. Quem anotou pode entrar neste dispositivo e enviar.";
        nobody: "No student of this school has this number. Check the student in by name, with the time.",
            "Ningún estudiante de esta escuela tiene este número. Regístrelo por nombre, con la hora.",
            "Nenhum estudante desta escola tem este número. Registre-o por nome, com a hora.";
        why_later: "Written down without a connection", "Anotada sin conexión", "Anotada sem conexão";
    }
}

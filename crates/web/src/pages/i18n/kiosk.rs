//! Texts of the tablet at the clinic's door: English, Spanish, Brazilian Portuguese. They speak to a student.

texts! {
    /// The tablet at the clinic's door.
    Kiosk {
        title: "Clinic", "Enfermería", "Enfermaria";
        who: "Who are you?", "¿Quién eres?", "Quem é você?";
        badge: "Number on your badge", "Número de tu credencial", "Número do seu crachá";
        or: "or", "o", "ou";
        name: "Your name", "Tu nombre", "Seu nome";
        month: "Birthday: month", "Cumpleaños: mes", "Aniversário: mês";
        day: "Birthday: day", "Cumpleaños: día", "Aniversário: dia";
        next: "Next", "Siguiente", "Próximo";
        why: "Why did you come?", "¿Por qué viniste?", "Por que você veio?";
        back: "Start again", "Empezar de nuevo", "Começar de novo";
        not_found: "Not found. Try again, or ask inside.", "No encontrado. Intenta de nuevo o pregunta adentro.", "Não encontrado. Tente de novo ou pergunte lá dentro.";
        wait: "Too many tries. Ask inside.", "Demasiados intentos. Pregunta adentro.", "Tentativas demais. Pergunte lá dentro.";
        broken: "That did not work. Ask inside.", "No funcionó. Pregunta adentro.", "Não deu certo. Pergunte lá dentro.";
        listed: "You are on the list", "Estás en la lista", "Você está na lista";
        already: "You are on the list already", "Ya estás en la lista", "Você já está na lista";
        sit: "Please sit down. Somebody will call you.", "Siéntate, por favor. Alguien te llamará.", "Sente-se, por favor. Alguém vai chamar você.";
        another: "Next student", "Siguiente estudiante", "Próximo estudante";
    }
}

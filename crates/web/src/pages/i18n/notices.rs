//! Texts of notifications and of background work: English, Spanish, Brazilian Portuguese.

texts! {
    /// Notifications, what leaves the platform, and background work.
    Notices {
        title: "Notifications", "Notificaciones", "Notificações";
        unread: "unread", "sin leer", "não lidas";
        lead: "What waits for you. A notification holds no health data: it leads to where that is.", "Lo que le espera. Una notificación no contiene datos de salud: lleva a donde están.", "O que espera por você. Uma notificação não contém dados de saúde: leva a onde estão.";
        none: "Nothing waits for you", "Nada le espera", "Nada espera por você";
        new: "New", "Nueva", "Nova";
        mark: "Mark as read", "Marcar como leída", "Marcar como lida";
        mark_all: "Mark all as read", "Marcar todas como leídas", "Marcar todas como lidas";
        choices: "How you are told", "Cómo se le avisa", "Como você é avisado";
        choices_note: "A message outside this page only says that something waits for you here.", "Un mensaje fuera de esta página solo dice que algo le espera aquí.", "Uma mensagem fora desta página só diz que algo espera por você aqui.";
        by_email: "By e-mail", "Por correo electrónico", "Por e-mail";
        by_sms: "By SMS", "Por SMS", "Por SMS";
        by_push: "By push", "Por aviso push", "Por push";
        devices: "Alerts on your devices", "Avisos en sus dispositivos", "Alertas nos seus dispositivos";
        devices_note: "A device that is turned on shows a line when something waits for you, also while Salus is closed: how urgent an alert is, and nothing about anybody. Of alerts, what your subscription of alerts says holds.", "Un dispositivo activado muestra una línea cuando algo le espera, también con Salus cerrado: la urgencia de una alerta, y nada sobre nadie. Para las alertas vale lo que diga su suscripción de alertas.", "Um dispositivo ativado mostra uma linha quando algo espera por você, também com o Salus fechado: a urgência de um alerta, e nada sobre ninguém. Para alertas vale o que diz a sua assinatura de alertas.";
        devices_none: "No device is turned on.", "Ningún dispositivo está activado.", "Nenhum dispositivo está ativado.";
        devices_nobody: "Nothing is sent from here: the operator of this server has not set up push. What would be sent is kept under Outgoing messages.", "Desde aquí no se envía nada: quien opera este servidor no ha configurado los avisos push. Lo que se enviaría queda en Mensajes salientes.", "Nada é enviado daqui: quem opera este servidor não configurou o push. O que seria enviado fica em Mensagens enviadas.";
        device: "Device", "Dispositivo", "Dispositivo";
        device_on: "Alerts on this device", "Avisos en este dispositivo", "Alertas neste dispositivo";
        device_off: "Turn off", "Desactivar", "Desativar";
        device_own: "This device", "Este dispositivo", "Este dispositivo";
        device_since: "Since", "Desde", "Desde";
        device_told: "Last told", "Último aviso", "Último aviso";
        device_failing: "did not arrive lately", "últimamente no llegó", "não chegou ultimamente";
        device_absent: "This browser cannot be told while Salus is closed: it knows no push messages here. They need https or this machine itself.", "Este navegador no puede avisar con Salus cerrado: aquí no admite avisos push. Requieren https o este mismo equipo.", "Este navegador não pode avisar com o Salus fechado: aqui não conhece mensagens push. Elas precisam de https ou desta própria máquina.";
        device_denied: "This browser refuses messages from Salus. Permit notifications for this site in the settings of the browser, then try again.", "Este navegador rechaza los mensajes de Salus. Permita las notificaciones de este sitio en los ajustes del navegador y vuelva a intentarlo.", "Este navegador recusa mensagens do Salus. Permita notificações deste site nas configurações do navegador e tente de novo.";
        device_failed: "The browser could not reach its push service. Try again later.", "El navegador no pudo contactar con su servicio push. Inténtelo más tarde.", "O navegador não conseguiu falar com o seu serviço de push. Tente mais tarde.";
        device_script: "Turning this device on needs JavaScript.", "Activar este dispositivo requiere JavaScript.", "Ativar este dispositivo requer JavaScript.";
        test: "Send a test to me", "Enviarme una prueba", "Enviar um teste para mim";
        phone: "Telephone for SMS", "Teléfono para SMS", "Telefone para SMS";
        phone_hint: "With the country, such as +15550100.", "Con el país, por ejemplo +15550100.", "Com o país, por exemplo +15550100.";
        outgoing: "Outgoing messages", "Mensajes salientes", "Mensagens enviadas";
        outgoing_lead: "What was sent to users outside the pages. Where no carrier is configured nothing is sent: the simulator keeps what would have been, for three days.", "Lo que se envió a los usuarios fuera de las páginas. Sin un medio configurado no se envía nada: el simulador guarda durante tres días lo que se habría enviado.", "O que foi enviado aos usuários fora das páginas. Sem um meio configurado nada é enviado: o simulador guarda por três dias o que teria sido.";
        no_outgoing: "Nothing was sent yet", "Aún no se envió nada", "Nada foi enviado ainda";
        medium: "By", "Por", "Por";
        letter: "Message", "Mensaje", "Mensagem";
        when: "When", "Cuándo", "Quando";
        state: "State", "Estado", "Estado";
        jobs: "Background work", "Trabajo en segundo plano", "Trabalho em segundo plano";
        jobs_lead: "What the server does by itself. Work that fails is tried again with growing pauses, eight times; then it waits here for a person.", "Lo que el servidor hace por sí mismo. El trabajo que falla se reintenta con pausas crecientes, ocho veces; después espera aquí a una persona.", "O que o servidor faz sozinho. O trabalho que falha é tentado de novo com pausas crescentes, oito vezes; depois espera aqui por uma pessoa.";
        given_up: "Given up", "Abandonados", "Abandonados";
        waiting: "Waiting", "En espera", "Em espera";
        done: "Done", "Hechos", "Feitos";
        no_jobs: "No such work", "No hay tales trabajos", "Não há tais trabalhos";
        job: "Work", "Trabajo", "Trabalho";
        attempts: "Attempts", "Intentos", "Tentativas";
        error: "Error", "Error", "Erro";
        due: "Due", "Previsto", "Previsto";
        retry: "Try again", "Reintentar", "Tentar de novo";
        discard: "Discard", "Descartar", "Descartar";
        schedules: "At set times", "A horas fijas", "Em horários fixos";
        cron: "Minute, hour, day, month, weekday", "Minuto, hora, día, mes, día de la semana", "Minuto, hora, dia, mês, dia da semana";
        usual: "as the program says", "como dice el programa", "como diz o programa";
        next_run: "Next", "Próxima", "Próxima";
        last_run: "Last", "Última", "Última";
        pause: "Pause", "Pausar", "Pausar";
        resume: "Resume", "Reanudar", "Retomar";
        paused: "Paused", "En pausa", "Em pausa";
        never: "Never", "Nunca", "Nunca";
    }
}

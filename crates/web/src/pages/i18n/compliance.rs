//! Texts of the compliance page: English, Spanish, Brazilian Portuguese.

texts! {
    /// Promises and their proofs.
    Compliance {
        title: "Compliance", "Cumplimiento", "Conformidade";
        lead: "What this installation promises, and when each promise was last shown to hold on this very database.", "Lo que esta instalación promete, y cuándo se mostró por última vez que cada promesa se cumple en esta misma base de datos.", "O que esta instalação promete, e quando cada promessa foi mostrada pela última vez neste mesmo banco de dados.";
        how: "To prove again, the operator runs", "Para volver a probar, el operador ejecuta", "Para provar de novo, o operador executa";
        seen: "What was seen", "Lo que se vio", "O que foi visto";
        to_do: "What to do", "Qué hacer", "O que fazer";
        proved: "Proved", "Probado", "Provado";
        report: "Report", "Informe", "Relatório";
        report_open: "Numbers as JSON", "Cifras en JSON", "Números em JSON";
        never: "Never proved here", "Nunca probado aquí", "Nunca provado aqui";
        old: "Proved more than {n} days ago", "Probado hace más de {n} días", "Provado há mais de {n} dias";
        history: "Earlier proofs", "Pruebas anteriores", "Provas anteriores";
        took: "Took", "Duración", "Duração";
        all_hold: "Every promise holds", "Todas las promesas se cumplen", "Todas as promessas são cumpridas";
        attention: "{n} need attention", "{n} requieren atención", "{n} precisam de atenção";
        registers: "Registers", "Registros", "Registros";
        evidence: "For whoever audits, the operator writes a signed pack of evidence with", "Para quien audita, el operador escribe un paquete de evidencias firmado con", "Para quem audita, o operador grava um pacote de evidências assinado com";
        risks: "Risks", "Riesgos", "Riscos";
        activity_reviews: "Signed reviews", "Revisiones firmadas", "Revisões assinadas";
        access_reviews: "Accesses to review", "Accesos por revisar", "Acessos a revisar";
        security_alerts: "Security alerts", "Alertas de seguridad", "Alertas de segurança";
        incidents: "Incidents and breaches", "Incidentes y filtraciones", "Incidentes e violações";
        assessments: "Assessments of incidents", "Evaluaciones de incidentes", "Avaliações de incidentes";
        holds: "Legal holds", "Retenciones legales", "Retenções legais";
        retention: "Retention policies", "Políticas de conservación", "Políticas de retenção";
        isolation: "Organizations are kept apart", "Las organizaciones están separadas", "As organizações ficam separadas";
        isolation_means: "No organization reaches a row of another, by SQL or through any operation.", "Ninguna organización alcanza una fila de otra, por SQL ni mediante ninguna operación.", "Nenhuma organização alcança uma linha de outra, por SQL nem por qualquer operação.";
        tenancy: "Every table is protected", "Todas las tablas están protegidas", "Todas as tabelas estão protegidas";
        tenancy_means: "Each table has its wall between organizations, its class of data and its retention.", "Cada tabla tiene su muro entre organizaciones, su clase de datos y su retención.", "Cada tabela tem seu muro entre organizações, sua classe de dados e sua retenção.";
        schema: "The schema is the reviewed one", "El esquema es el revisado", "O esquema é o revisado";
        schema_means: "Nobody changed a table, a rule or a right by hand.", "Nadie cambió una tabla, una regla ni un derecho a mano.", "Ninguém alterou uma tabela, uma regra ou um direito à mão.";
        encryption: "Sealed data is nowhere in clear", "Los datos sellados no están en claro en ningún lugar", "Dados selados não estão em claro em lugar nenhum";
        encryption_means: "Neither tables, indexes, the write-ahead log nor log files hold a sealed value readable.", "Ni tablas, ni índices, ni el registro de escritura, ni los archivos de registro contienen legible un valor sellado.", "Nem tabelas, índices, log de gravação ou arquivos de log contêm um valor selado legível.";
        keys: "Every key opens", "Todas las claves abren", "Todas as chaves abrem";
        keys_means: "What was sealed can be opened again with the keys that are here.", "Lo que se selló puede abrirse de nuevo con las claves que hay aquí.", "O que foi selado pode ser aberto de novo com as chaves que estão aqui.";
        audit: "The audit log is whole", "El registro de auditoría está íntegro", "O registro de auditoria está íntegro";
        audit_means: "No event was changed, removed or added behind the platform's back.", "Ningún evento fue cambiado, quitado ni agregado a espaldas de la plataforma.", "Nenhum evento foi alterado, removido ou acrescentado sem a plataforma.";
        backups: "Backups come back", "Las copias de seguridad se restauran", "Os backups são restauráveis";
        backups_means: "There is a fresh backup, its log goes on, and a restore was practised.", "Hay una copia reciente, su registro continúa y se practicó una restauración.", "Há um backup recente, seu log continua e uma restauração foi praticada.";
        configuration: "Writes survive a crash", "Lo escrito sobrevive a una caída", "O que foi gravado sobrevive a uma queda";
        configuration_means: "What was acknowledged is on disk, and rot on disk is noticed.", "Lo confirmado está en disco, y el deterioro del disco se advierte.", "O que foi confirmado está em disco, e a deterioração do disco é percebida.";
        transport: "Nothing travels readable", "Nada viaja legible", "Nada trafega legível";
        transport_means: "Browsers and the database are reached encrypted, or without a network.", "A los navegadores y a la base de datos se llega cifrado, o sin red.", "Navegadores e banco de dados são alcançados com criptografia, ou sem rede.";
        version: "PostgreSQL has no known hole", "PostgreSQL no tiene fallas conocidas", "O PostgreSQL não tem falhas conhecidas";
        version_means: "The release in use has no known way around the wall between organizations.", "La versión en uso no tiene una forma conocida de eludir el muro entre organizaciones.", "A versão em uso não tem forma conhecida de contornar o muro entre organizações.";
    }
}

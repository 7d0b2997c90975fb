//! Labels of the closed sets that pages show. A code without an entry reads as its own words: `ON_FILE` is
//! "On file", so a new value of a domain is legible before it is translated.

use super::Locale;
use std::borrow::Cow;

/// Code, English, Spanish, Portuguese; sorted by code.
const CODES: &[(&str, [&str; 3])] = &[
    ("ACCEPTED", ["Accepted", "Aceptado", "Aceito"]),
    ("ACKNOWLEDGED", ["Being looked at", "En revisión", "Em verificação"]),
    ("ACTIVE", ["Active", "Activo", "Ativo"]),
    ("AMB", ["Office visit", "Consulta", "Consulta"]),
    ("AMENDED", ["Amended", "Enmendado", "Alterado"]),
    ("ANAPHYLAXIS", ["Anaphylaxis plan", "Plan de anafilaxia", "Plano de anafilaxia"]),
    ("ANCHOR_DOWN", ["Anchor cannot be used", "Ancla no disponible", "Âncora indisponível"]),
    ("ANXIETY", ["Anxiety", "Ansiedad", "Ansiedade"]),
    ("API", ["API", "API", "API"]),
    ("ASTHMA", ["Asthma", "Asma", "Asma"]),
    ("AUDIT", ["Audit", "Auditoría", "Auditoria"]),
    ("AUTHENTICATOR", ["Authenticator", "Autenticador", "Autenticador"]),
    ("AUTO_ACCEPTED", ["Accepted automatically", "Aceptado automáticamente", "Aceito automaticamente"]),
    ("BIOLOGIC", ["Biologic", "Biológico", "Biológico"]),
    ("BTG", ["Emergency access", "Acceso de emergencia", "Acesso de emergência"]),
    ("BUNDLE_ALERT_RULES", ["Alert rules", "Reglas de alertas", "Regras de alertas"]),
    ("BUNDLE_ANALYTICS", ["Models and indicators", "Modelos e indicadores", "Modelos e indicadores"]),
    ("BUNDLE_CLINIC", ["School clinic", "Enfermería escolar", "Enfermaria escolar"]),
    ("BUNDLE_CONSENTS", ["Consents", "Consentimientos", "Consentimentos"]),
    (
        "BUNDLE_DELETE_PHI",
        ["Mark as entered in error", "Marcar como ingreso erróneo", "Marcar como inserido por engano"],
    ),
    ("BUNDLE_DISCLOSURES", ["Disclosures", "Divulgaciones", "Divulgações"]),
    ("BUNDLE_EMERGENCY", ["Emergency access", "Acceso de emergencia", "Acesso de emergência"]),
    ("BUNDLE_EXCHANGE", ["Exchange with other systems", "Intercambio con otros sistemas", "Troca com outros sistemas"]),
    ("BUNDLE_FRAUD", ["Indicators of fraud", "Indicadores de fraude", "Indicadores de fraude"]),
    ("BUNDLE_MANAGE_USERS", ["Accounts and roles", "Cuentas y roles", "Contas e papéis"]),
    ("BUNDLE_MEDICAID", ["Medicaid", "Medicaid", "Medicaid"]),
    (
        "BUNDLE_ORIGINALS",
        ["Originals of other systems", "Originales de otros sistemas", "Originais de outros sistemas"],
    ),
    ("BUNDLE_OUTBREAKS", ["Signals of outbreaks", "Señales de brotes", "Sinais de surtos"]),
    ("BUNDLE_PRIVACY", ["Privacy office", "Oficina de privacidad", "Escritório de privacidade"]),
    ("BUNDLE_READ_AUDIT", ["Audit log and proofs", "Auditoría y pruebas", "Auditoria e provas"]),
    ("BUNDLE_READ_IDENTITY", ["Read identities", "Leer identidades", "Ler identidades"]),
    ("BUNDLE_READ_PHI", ["Read records", "Leer expedientes", "Ler prontuários"]),
    ("BUNDLE_REGISTRIES", ["Immunization registries", "Registros de vacunación", "Registros de vacinação"]),
    ("BUNDLE_REPORTS", ["Reports and exports", "Informes y exportaciones", "Relatórios e exportações"]),
    ("BUNDLE_ROSTERS", ["Who belongs to which unit", "Quién pertenece a qué unidad", "Quem pertence a qual unidade"]),
    ("BUNDLE_SCHOOL_DAY", ["Schools and who attends", "Escuelas y quién asiste", "Escolas e quem frequenta"]),
    (
        "BUNDLE_SCHOOL_ROSTERS",
        ["Keep schools and enrolments", "Llevar escuelas e inscripciones", "Manter escolas e matrículas"],
    ),
    ("BUNDLE_SEE_PATIENTS", ["Patients under pseudonym", "Pacientes bajo seudónimo", "Pacientes sob pseudônimo"]),
    ("BUNDLE_SETTINGS", ["Settings and keys", "Ajustes y claves", "Configurações e chaves"]),
    (
        "BUNDLE_SIS",
        ["Student information systems", "Sistemas de información escolar", "Sistemas de informação escolar"],
    ),
    ("BUNDLE_WHO_SAW", ["See who saw a record", "Ver quién vio un expediente", "Ver quem viu um prontuário"]),
    ("BUNDLE_WRITE_FACTS", ["Add facts and documents", "Agregar datos y documentos", "Adicionar dados e documentos"]),
    (
        "BUNDLE_WRITE_PHI",
        ["Register and write records", "Registrar y escribir expedientes", "Registrar e escrever prontuários"],
    ),
    ("CANCELLED", ["Cancelled", "Cancelado", "Cancelado"]),
    ("CLAIMS", ["Claims", "Reclamaciones", "Contas médicas"]),
    ("CLI", ["Command line", "Línea de comandos", "Linha de comando"]),
    ("CLINICAL", ["Clinical", "Clínica", "Clínica"]),
    ("CLINICAL_NOTE", ["Clinical note", "Nota clínica", "Nota clínica"]),
    ("CLINICIAN_ENTERED", ["Entered by a clinician", "Ingresado por un clínico", "Inserido por profissional"]),
    ("CLOCK_STEP", ["Clock stepped", "Salto del reloj", "Salto do relógio"]),
    ("CLOSED", ["Closed", "Cerrada", "Encerrado"]),
    ("COC", ["Coordination of care", "Coordinación de la atención", "Coordenação do cuidado"]),
    ("CODE", ["Code that was sent", "Código enviado", "Código enviado"]),
    ("COMPLETED", ["Completed", "Completado", "Concluído"]),
    ("COMPROMISE", ["May be known", "Puede ser conocida", "Pode ser conhecida"]),
    ("CONFIRMED", ["Confirmed", "Confirmado", "Confirmado"]),
    ("CONFUSION", ["Confusion", "Confusión", "Confusão"]),
    ("CONSENT", ["Consent", "Consentimiento", "Consentimento"]),
    ("CORRECTED", ["Corrected", "Corregido", "Corrigido"]),
    ("CORRESPONDENCE", ["Correspondence", "Correspondencia", "Correspondência"]),
    ("COUGH", ["Cough", "Tos", "Tosse"]),
    ("DEAD", ["Failed for good", "Falló definitivamente", "Falhou de vez"]),
    ("DECEASED", ["Deceased", "Fallecido", "Falecido"]),
    ("DECRYPT_ONLY", ["Only opens", "Solo abre", "Só abre"]),
    ("DENTAL", ["Tooth", "Dental", "Dente"]),
    ("DESTROYED", ["Destroyed", "Destruida", "Destruída"]),
    ("DIABETES", ["Diabetes plan", "Plan de diabetes", "Plano de diabetes"]),
    ("DIABETES_CARE", ["Diabetes care", "Cuidado de diabetes", "Cuidado de diabetes"]),
    ("DIARRHEA", ["Diarrhea", "Diarrea", "Diarreia"]),
    ("DIARRHEA_REPEATED", ["Diarrhea, repeated", "Diarrea repetida", "Diarreia repetida"]),
    ("DISCARDED", ["Discarded", "Descartado", "Descartado"]),
    ("DISCHARGE", ["Discharge summary", "Informe de alta", "Sumário de alta"]),
    ("DIZZINESS", ["Dizziness", "Mareo", "Tontura"]),
    ("DOCUMENT", ["Document", "Documento", "Documento"]),
    ("DOCUMENTS", ["Documents", "Documentos", "Documentos"]),
    ("DOCUMENT_EXTRACTED", ["Read from a document", "Leído de un documento", "Lido de um documento"]),
    ("DONE", ["Done", "Hecho", "Feito"]),
    ("DRAFT", ["Draft", "Borrador", "Rascunho"]),
    ("DUE_BY_AGE", ["Due by its age", "Por rotar por su edad", "A trocar pela idade"]),
    ("DUE_BY_SEALS", ["Due: sealed much", "Por rotar: selló mucho", "A trocar: selou muito"]),
    ("EAP", ["Emergency plan", "Plan de emergencia", "Plano de emergência"]),
    ("EDUCATION", ["Education", "Educación", "Educação"]),
    ("EHR", ["Connected record", "Registro conectado", "Prontuário conectado"]),
    ("EHR_IMPORT", ["Imported record", "Registro importado", "Prontuário importado"]),
    ("EMER", ["Emergency", "Urgencias", "Emergência"]),
    ("EMERGENCY_SERVICES_911", ["911 was called", "Se llamó al 911", "O 911 foi chamado"]),
    ("ENTERED_IN_ERROR", ["Entered in error", "Ingresado por error", "Inserido por engano"]),
    ("ENVIRONMENT", ["Environment", "Ambiente", "Ambiente"]),
    ("ERASED", ["Erased", "Borrado", "Apagado"]),
    ("ESCALATED", ["Escalated", "Escalado", "Escalado"]),
    ("ETREAT", ["Emergency treatment", "Tratamiento de emergencia", "Tratamento de emergência"]),
    ("EXPIRED", ["Lapsed", "Caducado", "Expirado"]),
    ("F", ["Female", "Femenino", "Feminino"]),
    ("FAILED", ["Failed", "Falló", "Falhou"]),
    ("FAILS", ["Fails", "No se cumple", "Não se cumpre"]),
    ("FAMRQT", ["Request by family or proxy", "Solicitud de familia o apoderado", "Pedido de família ou procurador"]),
    ("FEVER", ["Fever", "Fiebre", "Febre"]),
    ("FHIR", ["FHIR", "FHIR", "FHIR"]),
    ("FINAL", ["Final", "Final", "Final"]),
    ("FINISHED", ["Finished", "Finalizado", "Finalizado"]),
    ("FOOD", ["Food", "Alimento", "Alimento"]),
    ("FORGED", ["Forged event", "Evento falsificado", "Evento forjado"]),
    ("HCOMPL", ["Compliance", "Cumplimiento", "Conformidade"]),
    ("HEADACHE", ["Headache", "Dolor de cabeza", "Dor de cabeça"]),
    ("HH", ["Home visit", "Visita domiciliaria", "Visita domiciliar"]),
    ("HIGH", ["High", "Alta", "Alta"]),
    ("HLEGAL", ["Legal proceedings", "Procedimiento legal", "Processo legal"]),
    ("HOLDS", ["Holds", "Se cumple", "Cumprida"]),
    ("HONEY_READ", ["Bait was read", "Se leyó un señuelo", "Isca foi lida"]),
    ("HOPERAT", ["Operations", "Operaciones", "Operações"]),
    ("HPAYMT", ["Payment", "Pago", "Pagamento"]),
    ("HRESCH", ["Research", "Investigación", "Pesquisa"]),
    ("HSYSADMIN", ["System administration", "Administración del sistema", "Administração do sistema"]),
    ("IDENTITY", ["Identity", "Identidad", "Identidade"]),
    ("IHP", ["Health plan", "Plan de salud", "Plano de saúde"]),
    ("IMAGING", ["Imaging", "Imagen", "Imagem"]),
    ("IMMUNIZATION_CARD", ["Immunization card", "Carné de vacunación", "Caderneta de vacinação"]),
    ("IMP", ["Hospital stay", "Hospitalización", "Internação"]),
    ("IMPORTED", ["Imported", "Importado", "Importado"]),
    ("INACTIVE", ["Inactive", "Inactivo", "Inativo"]),
    ("INDEX", ["Search index", "Índice de búsqueda", "Índice de busca"]),
    ("INJURY", ["Injury", "Lesión", "Lesão"]),
    ("INSURANCE", ["Insurance", "Seguro", "Convênio"]),
    ("ITCHING", ["Itching", "Picazón", "Coceira"]),
    ("JOB", ["Background job", "Tarea en segundo plano", "Tarefa em segundo plano"]),
    ("JUSTIFIED", ["Justified", "Justificado", "Justificado"]),
    ("LAB_REPORT", ["Lab report", "Informe de laboratorio", "Laudo de laboratório"]),
    ("LEFT_WITHOUT_BEING_SEEN", ["Left without being seen", "Se fue sin ser atendido", "Saiu sem ser atendido"]),
    ("LEGAL", ["Legal", "Legal", "Jurídico"]),
    ("LEGAL_ORDER", ["Legal order", "Orden legal", "Ordem legal"]),
    ("LIMIT", ["Sealed much", "Selló mucho", "Selou muito"]),
    ("LOCKED", ["Had to wait", "Tuvo que esperar", "Teve de esperar"]),
    ("LOW", ["Low", "Baja", "Baixa"]),
    ("M", ["Male", "Masculino", "Masculino"]),
    ("MANUAL", ["Manual entry", "Ingreso manual", "Registro manual"]),
    ("MEDICATION", ["Medication", "Medicamento", "Medicamento"]),
    ("MEMORY_LOSS", ["Memory loss", "Pérdida de memoria", "Perda de memória"]),
    ("MENSTRUAL", ["Menstrual", "Menstrual", "Menstrual"]),
    ("MERGED", ["Merged", "Fusionado", "Unificado"]),
    ("MESSAGING", ["Messages", "Mensajes", "Mensagens"]),
    ("MILD", ["Mild", "Leve", "Leve"]),
    ("MODERATE", ["Moderate", "Moderada", "Moderada"]),
    ("MODULE_AI", ["Models and indicators", "Modelos e indicadores", "Modelos e indicadores"]),
    ("MODULE_EXCHANGE", ["Exchange with other systems", "Intercambio con otros sistemas", "Troca com outros sistemas"]),
    ("MODULE_RECORDS", ["Patients and their records", "Pacientes y sus expedientes", "Pacientes e seus prontuários"]),
    ("MODULE_REPORTS", ["Reports", "Informes", "Relatórios"]),
    ("MODULE_SCHOOL", ["School health", "Salud escolar", "Saúde escolar"]),
    ("MOVING", ["Moving", "En curso", "Em curso"]),
    ("NAUSEA", ["Nausea", "Náusea", "Náusea"]),
    ("NEEDS_REVIEW", ["Needs review", "Requiere revisión", "Requer revisão"]),
    ("NETWORK", ["Network not permitted", "Red no permitida", "Rede não permitida"]),
    ("NONE", ["None", "Ninguno", "Nenhum"]),
    ("NOSEBLEED", ["Nosebleed", "Sangrado de nariz", "Sangramento nasal"]),
    ("NOT_SENT", ["Not sent", "No enviado", "Não enviado"]),
    ("OBSENC", ["Observation", "Observación", "Observação"]),
    ("ON_HOLD", ["On hold", "En pausa", "Suspenso"]),
    ("OPEN", ["Open", "Abierta", "Aberto"]),
    ("OPERATIONS", ["Operations", "Operaciones", "Operações"]),
    ("OPERATOR", ["Operator", "Operador", "Operador"]),
    ("PAGE", ["Page", "Página", "Página"]),
    ("PARENT_PICKUP", ["Picked up by family", "Recogido por la familia", "Buscado pela família"]),
    ("PASSKEY", ["Passkey", "Llave de acceso", "Chave de acesso"]),
    ("PASSKEY_COPIED", ["Passkey: may be a copy", "Llave de acceso: posible copia", "Chave de acesso: possível cópia"]),
    ("PASSWORD", ["Password", "Contraseña", "Senha"]),
    ("PASSWORD_EXPIRED", ["Password, to be replaced", "Contraseña por reemplazar", "Senha a substituir"]),
    ("PATIENT_REPORTED", ["Reported by the patient", "Informado por el paciente", "Relatado pelo paciente"]),
    ("PATIENT_REQUEST", ["Patient's request", "Solicitud del paciente", "Pedido do paciente"]),
    ("PATRQT", ["Request by the person", "Solicitud de la persona", "Pedido da pessoa"]),
    ("PAYMENT", ["Payment", "Pago", "Pagamento"]),
    ("PENDING", ["Being learnt", "Distribuyéndose", "Em distribuição"]),
    ("POOR_BALANCE", ["Poor balance", "Falta de equilibrio", "Falta de equilíbrio"]),
    ("PRELIMINARY", ["Preliminary", "Preliminar", "Preliminar"]),
    ("PRESCRIPTION", ["Prescription", "Receta", "Receita"]),
    ("PRIMARY", ["Own record", "Registro propio", "Prontuário próprio"]),
    ("PROVIDER", ["Account elsewhere", "Cuenta en otro sitio", "Conta em outro lugar"]),
    ("PUBHLTH", ["Public health", "Salud pública", "Saúde pública"]),
    ("PUBLIC_HEALTH", ["Public health", "Salud pública", "Saúde pública"]),
    ("QUARANTINED", ["Set aside", "Apartado", "Posto de lado"]),
    ("QUEUED", ["Queued", "En cola", "Na fila"]),
    ("RASH", ["Rash", "Sarpullido", "Erupção na pele"]),
    ("REACH_CASELOAD", ["Assigned persons", "Personas asignadas", "Pessoas atribuídas"]),
    ("REACH_OWN", ["The own record", "El propio expediente", "O próprio prontuário"]),
    (
        "REACH_SCHOOL",
        ["Persons of the own schools", "Personas de las propias escuelas", "Pessoas das próprias escolas"],
    ),
    ("REACH_TENANT", ["Every record", "Todos los expedientes", "Todos os prontuários"]),
    ("REACH_WARD", ["Persons in one's care", "Personas a cargo", "Pessoas sob cuidado"]),
    ("RECORDED_IN_ERROR", ["Recorded in error", "Registrado por error", "Registrado por engano"]),
    ("RECOVERY_CODE", ["Recovery code", "Código de recuperación", "Código de recuperação"]),
    ("RECURRENCE", ["Recurrence", "Recurrencia", "Recorrência"]),
    ("REFERRED_COUNSELOR", ["Referred to counselor", "Remitido a orientación", "Encaminhado à orientação"]),
    (
        "REFERRED_PRIMARY_CARE",
        ["Referred to primary care", "Remitido a atención primaria", "Encaminhado à atenção primária"],
    ),
    ("REFERRED_URGENT_CARE", ["Referred to urgent care", "Remitido a urgencias", "Encaminhado ao pronto atendimento"]),
    ("REFUSED", ["Refused", "Rechazado", "Recusado"]),
    ("REGISTERED", ["Registered", "Registrado", "Registrado"]),
    ("REGISTRY", ["Registry", "Registro público", "Registro público"]),
    ("REJECTED", ["Rejected", "Rechazado", "Rejeitado"]),
    ("RELAPSE", ["Relapse", "Recaída", "Recaída"]),
    ("REMISSION", ["Remission", "Remisión", "Remissão"]),
    ("RESEARCH", ["Research", "Investigación", "Pesquisa"]),
    ("RESOLVED", ["Resolved", "Resuelto", "Resolvido"]),
    ("RETENTION_OVER", ["Retention is over", "Plazo de conservación vencido", "Prazo de guarda encerrado"]),
    ("RETIRED", ["Retired", "Retirada", "Retirada"]),
    ("RETURN_TO_CLASS", ["Back to class", "Vuelve a clase", "Volta para a aula"]),
    ("ROW_CHANGED", ["Row changed", "Fila cambiada", "Linha alterada"]),
    ("ROW_INSERTED", ["Row put in", "Fila añadida", "Linha inserida"]),
    ("ROW_REMOVED", ["Row removed", "Fila eliminada", "Linha removida"]),
    ("RULE_ACCOUNT", ["Account", "Cuenta", "Conta"]),
    ("RULE_DATABASE", ["Database", "Base de datos", "Banco de dados"]),
    ("RULE_MODULE", ["Module", "Módulo", "Módulo"]),
    ("RULE_PERMISSION", ["Permission", "Permiso", "Permissão"]),
    ("RULE_PURPOSE", ["Purpose of use", "Finalidad de uso", "Finalidade de uso"]),
    ("RULE_RELATIONSHIP", ["Relationship", "Relación", "Relação"]),
    ("RULE_SENSITIVITY", ["Labels and consents", "Etiquetas y consentimientos", "Etiquetas e consentimentos"]),
    ("RULE_TENANT", ["Organization", "Organización", "Organização"]),
    ("RUNNING", ["Running", "En curso", "Em andamento"]),
    ("RUNNY_NOSE", ["Runny nose", "Secreción nasal", "Coriza"]),
    ("SCHEDULED", ["By schedule", "Programada", "Programada"]),
    ("SCHOOL", ["School", "Escuela", "Escola"]),
    ("SCREENING", ["Screening", "Tamizaje", "Triagem"]),
    ("SEALING_LATE", ["Sealing is late", "Sellado atrasado", "Selagem atrasada"]),
    ("SEALING_REFUSED", ["Sealing refused", "Sellado rechazado", "Selagem recusada"]),
    ("SECOND_FACTOR", ["Second proof", "Segunda prueba", "Segunda prova"]),
    ("SECRETS", ["Secrets", "Secretos", "Segredos"]),
    ("SECTION_504", ["504 plan", "Plan 504", "Plano 504"]),
    ("SECURITY", ["Security", "Seguridad", "Segurança"]),
    ("SEIZURE", ["Seizure plan", "Plan de convulsiones", "Plano de convulsões"]),
    ("SENT", ["Sent", "Enviado", "Enviado"]),
    ("SENT_HOME", ["Sent home", "Enviado a casa", "Mandado para casa"]),
    ("SERVICE", ["Program", "Programa", "Programa"]),
    ("SEVERE", ["Severe", "Grave", "Grave"]),
    ("SHORT_OF_BREATH", ["Short of breath", "Falta de aire", "Falta de ar"]),
    ("SIMULATED", ["Not sent, simulated", "No enviado, simulado", "Não enviado, simulado"]),
    ("SORE_THROAT", ["Sore throat", "Dolor de garganta", "Dor de garganta"]),
    ("SPREADING", ["Being learnt", "Distribuyéndose", "Em distribuição"]),
    ("SS", ["Short stay", "Estancia corta", "Curta permanência"]),
    ("STAFF", ["Staff", "Personal", "Equipe"]),
    ("STAYED_IN_CLINIC", ["Stayed in the clinic", "Se quedó en la enfermería", "Ficou na enfermaria"]),
    ("STOMACH", ["Stomach ache", "Dolor de estómago", "Dor de estômago"]),
    ("STOMACH_ACHE", ["Stomach ache", "Dolor de estómago", "Dor de estômago"]),
    ("STOPPED", ["Stopped", "Suspendido", "Interrompido"]),
    ("STORED", ["Stored", "Guardado", "Armazenado"]),
    ("SUBJECT_REQUEST", ["The person asked for it", "La persona lo solicitó", "A pessoa pediu"]),
    ("SUCCESS", ["Done", "Hecho", "Feito"]),
    ("SYSTEM", ["System", "Sistema", "Sistema"]),
    ("TENANT", ["Organization", "Organización", "Organização"]),
    ("TOO_MANY", ["Too many failures", "Demasiados fallos", "Falhas demais"]),
    ("TRANSFERRED_TO_NURSE", ["Handed to the nurse", "Pasado a enfermería", "Passado à enfermeira"]),
    ("TREAT", ["Treatment", "Tratamiento", "Tratamento"]),
    ("TREATMENT", ["Treatment", "Tratamiento", "Tratamento"]),
    ("UNABLE", ["Unknown", "Desconocida", "Desconhecida"]),
    ("UNCONSCIOUS", ["Was unconscious", "Estuvo inconsciente", "Ficou inconsciente"]),
    ("UNDELIVERABLE", ["No address", "Sin dirección", "Sem endereço"]),
    ("UNJUSTIFIED", ["Not justified", "No justificado", "Não justificado"]),
    ("UNK", ["Unknown", "Desconocido", "Desconhecido"]),
    ("UNNEEDED", ["Not needed", "No hizo falta", "Não foi preciso"]),
    ("UNPROVEN", ["Could not be tried here", "No se pudo probar aquí", "Não pôde ser testada aqui"]),
    ("UNVERIFIED", ["Unverified", "Sin verificar", "Não verificado"]),
    ("UPLOADS", ["Uploads", "Documentos subidos", "Documentos enviados"]),
    ("USER_ACTIVE", ["Active", "Activa", "Ativa"]),
    ("USER_DISABLED", ["Disabled", "Inhabilitada", "Desativada"]),
    ("USER_INVITED", ["Invited", "Con invitación", "Com convite"]),
    ("USER_LOCKED", ["Locked", "Bloqueada", "Bloqueada"]),
    ("VERIFIED", ["Verified", "Verificado", "Verificado"]),
    ("VISION", ["Blurred vision", "Visión borrosa", "Visão embaçada"]),
    ("VOIDED", ["Taken back", "Anulada", "Anulada"]),
    ("VOMITING", ["Vomiting", "Vómito", "Vômito"]),
    ("VR", ["Remote visit", "Consulta remota", "Teleconsulta"]),
    ("WAITING", ["Waiting", "En espera", "Em espera"]),
    ("WITHDRAWN", ["Withdrawn", "Retirado", "Retirado"]),
    ("X", ["Other", "Otro", "Outro"]),
];

/// The label of a code, whatever its case.
#[must_use]
pub fn label(locale: Locale, code: &str) -> Cow<'static, str> {
    let upper = code.to_ascii_uppercase().replace('-', "_");
    match CODES.binary_search_by(|(key, _)| (*key).cmp(upper.as_str())) {
        Ok(at) => Cow::Borrowed(CODES[at].1[locale as usize]),
        Err(_) => Cow::Owned(words(code)),
    }
}

/// Where a fact comes from: a code in words, a name as it is.
#[must_use]
pub fn source(locale: Locale, label: &str) -> Cow<'_, str> {
    let code = label.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    if code { self::label(locale, label) } else { Cow::Borrowed(label) }
}

/// Short names that are written in capitals wherever they stand.
const CAPITALS: [&str; 24] = [
    "ANS", "API", "CDCREC", "CNES", "CPF", "CVX", "DOB", "EHR", "FERPA", "FHIR", "HIPAA", "ICD", "ID", "IP", "LGPD",
    "LOINC", "MRN", "NDC", "NPI", "SHA", "SSN", "UCUM", "URL", "UUID",
];

/// A name made of code words as a person reads it: `check_in_at` becomes "Check in at", `patient_id` "Patient ID".
#[must_use]
pub fn words(name: &str) -> String {
    let spaced = name.replace(['_', '-'], " ");
    let all_upper = !spaced.chars().any(char::is_lowercase);
    let lower = if all_upper && spaced.len() > 4 { spaced.to_lowercase() } else { spaced };
    let word = |(at, word): (usize, &str)| {
        let upper = word.to_ascii_uppercase();
        if CAPITALS.contains(&&*upper) {
            return upper;
        }
        let mut letters = word.chars();
        match letters.next().filter(|_| at == 0) {
            Some(first) => first.to_uppercase().chain(letters).collect(),
            None => word.to_owned(),
        }
    };
    lower.split(' ').enumerate().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_fall_back_to_their_words() {
        assert!(CODES.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(label(Locale::Es, "active"), "Activo");
        assert_eq!(label(Locale::En, "entered-in-error"), "Entered in error");
        assert_eq!(label(Locale::PtBr, "AWAITING_CALL"), "Awaiting call");
        assert_eq!(words("check_in_at"), "Check in at");
        assert_eq!(words("MRN"), "MRN");
        assert_eq!(words("mrn"), "MRN");
        assert_eq!(words("HIPAA"), "HIPAA");
        assert_eq!(words("patient_id"), "Patient ID");
        assert_eq!(words("AMB"), "AMB");
        assert_eq!(words(""), "");
    }
}

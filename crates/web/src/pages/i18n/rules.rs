//! Labels of the rules for sign-in, by their names in the API: English, Spanish, Brazilian Portuguese. A rule without
//! an entry reads as the words of its name.

use super::{Locale, codes};
use std::borrow::Cow;

/// Name in words, English, Spanish, Portuguese; sorted by name.
const RULES: &[(&str, [&str; 3])] = &[
    (
        "absolute_session_hours",
        ["Longest session, in hours", "Duración máxima de la sesión, en horas", "Duração máxima da sessão, em horas"],
    ),
    (
        "allowed_ip_ranges",
        ["Networks people sign in from", "Redes desde las que se inicia sesión", "Redes de onde se pode entrar"],
    ),
    (
        "breached_password_check",
        [
            "Refuse passwords that are guessed first",
            "Rechazar contraseñas fáciles de adivinar",
            "Recusar senhas fáceis de adivinhar",
        ],
    ),
    (
        "device_trust_days",
        [
            "Days a known browser is spared from locks",
            "Días en que un navegador conocido queda exento de bloqueos",
            "Dias em que um navegador conhecido fica isento de bloqueios",
        ],
    ),
    ("is_active", ["These rules hold", "Estas reglas valen", "Estas regras valem"]),
    ("lockout_duration_minutes", ["Lock, in minutes", "Bloqueo, en minutos", "Bloqueio, em minutos"]),
    (
        "max_failures_per_network",
        [
            "Failures of a network in 15 minutes before it waits",
            "Fallos de una red en 15 minutos antes de esperar",
            "Falhas de uma rede em 15 minutos antes de esperar",
        ],
    ),
    ("max_login_attempts", ["Failures before a lock", "Fallos antes de un bloqueo", "Falhas antes de um bloqueio"]),
    (
        "max_sessions",
        ["Sessions of one account at a time", "Sesiones de una cuenta a la vez", "Sessões de uma conta ao mesmo tempo"],
    ),
    (
        "mfa_required_roles",
        [
            "Roles that need a second proof",
            "Roles que requieren una segunda prueba",
            "Papéis que exigem uma segunda prova",
        ],
    ),
    (
        "min_password_score",
        [
            "How hard a password is to guess, 0 to 4",
            "Dificultad de adivinar la contraseña, de 0 a 4",
            "Dificuldade de adivinhar a senha, de 0 a 4",
        ],
    ),
    (
        "password_expiry_days",
        [
            "Days until a password is replaced, 0 for never",
            "Días hasta reemplazar la contraseña, 0 si nunca",
            "Dias até substituir a senha, 0 se nunca",
        ],
    ),
    (
        "password_history",
        [
            "Former passwords that are refused",
            "Contraseñas anteriores que se rechazan",
            "Senhas anteriores que são recusadas",
        ],
    ),
    (
        "password_min_length",
        ["Shortest password, in characters", "Contraseña más corta, en caracteres", "Senha mais curta, em caracteres"],
    ),
    (
        "password_require_lowercase",
        ["Passwords need a small letter", "La contraseña lleva minúscula", "A senha leva minúscula"],
    ),
    ("password_require_numbers", ["Passwords need a digit", "La contraseña lleva dígito", "A senha leva dígito"]),
    ("password_require_special", ["Passwords need a sign", "La contraseña lleva signo", "A senha leva símbolo"]),
    (
        "password_require_uppercase",
        ["Passwords need a capital letter", "La contraseña lleva mayúscula", "A senha leva maiúscula"],
    ),
    (
        "require_mfa",
        ["Everybody needs a second proof", "Todos requieren una segunda prueba", "Todos precisam de uma segunda prova"],
    ),
    (
        "session_timeout_minutes",
        [
            "Session ends when idle for minutes",
            "La sesión termina tras minutos de inactividad",
            "A sessão termina após minutos sem uso",
        ],
    ),
];

/// The label of a rule, by its name in the API: `passwordMinLength` or `password_history`.
#[must_use]
pub fn label(locale: Locale, name: &str) -> Cow<'static, str> {
    let mut spaced = String::new();
    for c in name.chars() {
        if c.is_uppercase() {
            spaced.push('_');
        }
        spaced.extend(c.to_lowercase());
    }
    match RULES.binary_search_by(|(key, _)| (*key).cmp(spaced.as_str())) {
        Ok(at) => Cow::Borrowed(RULES[at].1[locale as usize]),
        Err(_) => Cow::Owned(codes::words(&spaced)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use salus_domains::auth::SecurityConfiguration;

    #[test]
    fn every_rule_has_a_label_in_every_language() {
        assert!(RULES.is_sorted_by(|a, b| a.0 < b.0));
        let held = serde_json::to_value(SecurityConfiguration::default()).unwrap();
        let names = held.as_object().unwrap();
        assert_eq!(names.len(), RULES.len());
        for name in names.keys() {
            assert!(matches!(label(Locale::Es, name), Cow::Borrowed(_)), "{name}");
        }
        assert_eq!(label(Locale::En, "brandNewRule"), "Brand new rule");
    }
}

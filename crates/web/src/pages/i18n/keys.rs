//! Texts of the page about encryption: English, Spanish, Brazilian Portuguese.

texts! {
    /// The state of encryption.
    Keys {
        title: "Encryption", "Cifrado", "Criptografia";
        lead: "Which keys seal this organization's data, how old they are, and what lies under each. No key is ever shown.", "Qué claves sellan los datos de esta organización, qué edad tienen y qué hay bajo cada una. Nunca se muestra ninguna clave.", "Quais chaves selam os dados desta organização, qual a idade delas e o que está sob cada uma. Nenhuma chave é mostrada.";
        under_current: "Values under the key in use", "Valores bajo la clave en uso", "Valores sob a chave em uso";
        due: "Keys that are due", "Claves por rotar", "Chaves a trocar";
        last_rotation: "Latest rotation", "Última rotación", "Última troca";
        never: "Never", "Nunca", "Nunca";
        escrow: "Recovery identity tried", "Identidad de recuperación probada", "Identidade de recuperação testada";
        escrow_due: "Try it again: salus keys doctor --escrow FILE", "Pruébela de nuevo: salus keys doctor --escrow FILE", "Teste de novo: salus keys doctor --escrow FILE";
        automatic: "The server exchanges data keys that are due by itself.", "El servidor cambia por sí mismo las claves de datos que vencen.", "O servidor troca sozinho as chaves de dados vencidas.";
        on_request: "By hand", "A mano", "Manual";
        by_hand: "Keys are exchanged by hand: salus keys rotate", "Las claves se cambian a mano: salus keys rotate", "As chaves são trocadas manualmente: salus keys rotate";
        running: "Rotations", "Rotaciones", "Trocas";
        none_running: "No key has been exchanged yet.", "Todavía no se ha cambiado ninguna clave.", "Nenhuma chave foi trocada ainda.";
        keys: "Keys", "Claves", "Chaves";
        key: "Key", "Clave", "Chave";
        generation: "Generation", "Generación", "Geração";
        state: "State", "Estado", "Estado";
        age: "Age", "Edad", "Idade";
        days_of: "{n} of {total} days", "{n} de {total} días", "{n} de {total} dias";
        values: "Values", "Valores", "Valores";
        seals: "Seals reserved", "Sellados reservados", "Selagens reservadas";
        columns: "Sealed columns", "Columnas selladas", "Colunas seladas";
        column: "Column", "Columna", "Coluna";
        counted: "Counted", "Contado", "Contado";
        not_counted: "Not counted yet: the server does it once a day, salus keys status at once.", "Aún sin contar: el servidor lo hace una vez al día, salus keys status de inmediato.", "Ainda não contado: o servidor conta uma vez por dia, salus keys status na hora.";
        reason: "Reason", "Motivo", "Motivo";
        moved: "Rows moved", "Filas movidas", "Linhas movidas";
        not_opened: "{n} rows hold a value that does not open: the older key stays", "{n} filas tienen un valor que no se abre: la clave anterior se conserva", "{n} linhas têm um valor que não abre: a chave anterior permanece";
        stay: "{n} values of tables that only grow stay under the older key", "{n} valores de tablas que solo crecen permanecen bajo la clave anterior", "{n} valores de tabelas que só crescem ficam sob a chave anterior";
        began: "Began", "Inicio", "Início";
        ended: "Ended", "Fin", "Fim";
    }
}

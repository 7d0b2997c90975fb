//! Texts of school health as a family sees it: English, Spanish, Brazilian Portuguese.

texts! {
    /// School health as a family sees it.
    Family {
        title: "Health at school", "Salud en la escuela", "Saúde na escola";
        doses: "Medication at school", "Medicación en la escuela", "Medicação na escola";
        doses_lead: "What came of each dose in the last {n} days, newest first. For more, ask the school's clinic.", "Qué pasó con cada dosis en los últimos {n} días, lo más reciente primero. Para más, pregunte en la enfermería.", "O que houve com cada dose nos últimos {n} dias, da mais recente à mais antiga. Para mais, pergunte na enfermaria.";
        no_doses: "No dose is on record in the last {n} days.", "No hay dosis registradas en los últimos {n} días.", "Não há doses registradas nos últimos {n} dias.";
        when: "When", "Cuándo", "Quando";
        counts_later: "An exemption counts once the school approved it. The nurse is told when you submit one; bring the form or letter to the clinic.", "Una exención cuenta cuando la escuela la aprueba. La enfermera recibe aviso cuando la presenta; lleve el formulario o la carta a la enfermería.", "Uma isenção vale quando a escola a aprova. A enfermeira é avisada quando você a apresenta; leve o formulário ou a carta à enfermaria.";
    }
}

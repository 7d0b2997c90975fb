//! What the chart reads: the sections of facts, each with its columns, order and cap, and the two of measurements, which
//! are read by line: a test or sign with its newest values. An uncoded result is a line of its own by its display.

use salus_store::{Sql, sql};

/// A section of the chart: its name, table, columns, order, and how many rows the first view shows.
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) table: &'static str,
    /// What the first view shows. A sealed value that only a whole section shows is not among them.
    pub(super) fields: &'static [&'static str],
    pub(super) tail: &'static str,
}

/// Rows, or lines of measurements, that a section shows before its "all" link (`spec` 2.13: a summary is capped).
pub(super) const SHOWN: usize = 50;

/// The sections of single facts.
pub(super) const SECTIONS: &[Section] = &[
    Section {
        name: "allergies",
        table: "records.allergies",
        fields: &[
            "kind",
            "code",
            "display",
            "original_display",
            "substance",
            "category",
            "criticality",
            "clinical_status",
            "verification_status",
            "onset_on",
            "onset_precision",
            "reactions",
            "last_occurrence_on",
            "last_occurrence_precision",
            "verification",
            "source_kind",
        ],
        tail: "t.patient_id = $1 AND t.status <> 'ENTERED_IN_ERROR' ORDER BY coalesce(t.clinical_status IN ('INACTIVE', 'RESOLVED'), false), t.criticality IS DISTINCT FROM 'HIGH', t.onset_on DESC NULLS LAST, t.id LIMIT 51",
    },
    Section {
        name: "problems",
        table: "records.diagnoses",
        fields: &[
            "code",
            "code_system",
            "display",
            "original_display",
            "category",
            "clinical_status",
            "verification_status",
            "onset_on",
            "onset_precision",
            "abatement_on",
            "abatement_precision",
            "severity_display",
            "is_chronic",
            "verification",
            "source_kind",
        ],
        tail: "t.patient_id = $1 AND t.status <> 'ENTERED_IN_ERROR' ORDER BY t.clinical_status IS DISTINCT FROM 'ACTIVE', t.onset_on DESC NULLS LAST, t.id LIMIT 51",
    },
    Section {
        name: "medications",
        table: "records.medications",
        fields: &[
            "kind",
            "status",
            "code",
            "display",
            "original_display",
            "dose_value",
            "dose_unit",
            "frequency_text",
            "as_needed",
            "authored_on",
            "authored_precision",
            "indication_display",
            "route_display",
            "started_on",
            "started_precision",
            "ended_on",
            "ended_precision",
            "verification",
            "source_kind",
        ],
        tail: "t.patient_id = $1 AND t.status <> 'ENTERED_IN_ERROR' ORDER BY t.status IS DISTINCT FROM 'ACTIVE', t.authored_on DESC NULLS LAST, t.id LIMIT 51",
    },
    Section {
        name: "immunizations",
        table: "records.immunizations",
        fields: &[
            "status",
            "code",
            "cvx",
            "display",
            "original_display",
            "given_on",
            "given_precision",
            "dose_number",
            "information_source",
            "site_code",
            "registry_state",
            "verification",
            "source_kind",
        ],
        tail: "t.patient_id = $1 AND t.status <> 'ENTERED_IN_ERROR' ORDER BY t.given_on DESC, t.id LIMIT 51",
    },
    Section {
        name: "encounters",
        table: "records.encounters",
        fields: &[
            "status",
            "class",
            "code",
            "display",
            "reason_display",
            "started_on",
            "started_precision",
            "started_at",
            "ended_at",
            "performer_name",
            "service_provider",
            "verification",
            "source_kind",
        ],
        tail: "t.patient_id = $1 AND t.status <> 'ENTERED_IN_ERROR' ORDER BY t.started_on DESC NULLS LAST, t.id LIMIT 51",
    },
    Section {
        name: "procedures",
        table: "records.procedures",
        fields: &[
            "status",
            "code",
            "display",
            "original_display",
            "performed_on",
            "performed_precision",
            "reason_display",
            "performer_name",
            "code_system",
            "verification",
            "source_kind",
        ],
        tail: "t.patient_id = $1 AND t.status <> 'ENTERED_IN_ERROR' ORDER BY t.performed_on DESC NULLS LAST, t.id LIMIT 51",
    },
    Section {
        name: "documents",
        table: "records.documents",
        fields: &[
            "status",
            "title",
            "type_code",
            "type_display",
            "category",
            "mime_type",
            "byte_size",
            "service_on",
            "service_precision",
            "page_count",
            "source_kind",
        ],
        tail: "t.patient_id = $1 AND t.status NOT IN ('VOIDED', 'ENTERED_IN_ERROR') ORDER BY t.service_on DESC NULLS LAST, t.id LIMIT 51",
    },
];

/// A section of measurements.
pub(super) struct Series {
    pub(super) name: &'static str,
    pub(super) table: &'static str,
    pub(super) fields: &'static [&'static str],
    /// Each line of a patient: key, name, number of values.
    pub(super) lines: Sql,
    /// The newest values of some lines, newest first. They are found first and handed over as one array: in a table without
    /// statistics a join with them was planned as one search for every row, which took seconds for a long record.
    pub(super) tail: &'static str,
}

/// The vital signs.
pub(super) const VITAL_SIGNS: Series = Series {
    name: "vital_signs",
    table: "records.vital_signs",
    fields: &[
        "status",
        "code",
        "display",
        "original_display",
        "value",
        "unit",
        "components",
        "interpretation",
        "measured_on",
        "measured_at",
        "plausibility",
        "verification",
        "source_kind",
    ],
    lines: sql!(
        "SELECT v.code::text AS key, max(coalesce(v.display::text, v.original_display::text, v.code::text)) AS name, count(*) AS held \
         FROM records.vital_signs v WHERE v.patient_id = $1 AND v.status <> 'ENTERED_IN_ERROR' GROUP BY 1"
    ),
    tail: "t.patient_id = $1 AND t.id = ANY (ARRAY(SELECT id FROM (SELECT v.id, \
           row_number() OVER (PARTITION BY v.code ORDER BY v.measured_on DESC, v.measured_at DESC NULLS LAST, v.id DESC) AS n \
           FROM records.vital_signs v WHERE v.patient_id = $1 AND v.status <> 'ENTERED_IN_ERROR' AND v.code = ANY($2::text[])) newest \
           WHERE n <= 12)) ORDER BY t.measured_on DESC, t.measured_at DESC NULLS LAST, t.id DESC",
};

/// The laboratory's results.
pub(super) const RESULTS: Series = Series {
    name: "results",
    table: "records.lab_results",
    fields: &[
        "code",
        "display",
        "original_display",
        "value_kind",
        "comparator",
        "value_num",
        "value_num2",
        "value_text",
        "value_display",
        "unit_ucum",
        "unit_original",
        "ref_low",
        "ref_high",
        "ref_text",
        "interpretation",
        "status",
        "collected_on",
        "collected_at",
        "verification",
        "source_kind",
    ],
    lines: sql!(
        "SELECT coalesce(r.code::text, ' ' || coalesce(r.display::text, r.original_display::text, '')) AS key, max(coalesce(r.display::text, r.original_display::text, r.code::text, '')) AS name, count(*) AS held \
         FROM records.lab_results r WHERE r.patient_id = $1 AND r.status NOT IN ('ENTERED_IN_ERROR', 'CANCELLED') GROUP BY 1"
    ),
    tail: "t.patient_id = $1 AND t.id = ANY (ARRAY(SELECT id FROM (SELECT r.id, \
           row_number() OVER (PARTITION BY coalesce(r.code::text, ' ' || coalesce(r.display::text, r.original_display::text, '')) \
           ORDER BY r.collected_on DESC NULLS LAST, r.collected_at DESC NULLS LAST, r.id DESC) AS n \
           FROM records.lab_results r WHERE r.patient_id = $1 AND r.status NOT IN ('ENTERED_IN_ERROR', 'CANCELLED') \
           AND coalesce(r.code::text, ' ' || coalesce(r.display::text, r.original_display::text, '')) = ANY($2::text[])) newest \
           WHERE n <= 12)) ORDER BY t.collected_on DESC NULLS LAST, t.collected_at DESC NULLS LAST, t.id DESC",
};

/// How many facts of each kind stand in the record, without those entered in error, and how many lines of measurements.
pub(super) const COUNTS: Sql = sql!(
    "SELECT (SELECT count(*) FROM records.allergies WHERE patient_id = $1 AND status <> 'ENTERED_IN_ERROR') AS allergies, \
            (SELECT count(*) FROM records.diagnoses WHERE patient_id = $1 AND status <> 'ENTERED_IN_ERROR') AS problems, \
            (SELECT count(*) FROM records.medications WHERE patient_id = $1 AND status <> 'ENTERED_IN_ERROR') AS medications, \
            (SELECT count(*) FROM records.immunizations WHERE patient_id = $1 AND status <> 'ENTERED_IN_ERROR') AS immunizations, \
            (SELECT count(*) FROM records.encounters WHERE patient_id = $1 AND status <> 'ENTERED_IN_ERROR') AS encounters, \
            (SELECT count(*) FROM records.procedures WHERE patient_id = $1 AND status <> 'ENTERED_IN_ERROR') AS procedures, \
            (SELECT count(*) FROM records.documents WHERE patient_id = $1 AND status NOT IN ('VOIDED', 'ENTERED_IN_ERROR')) AS documents, \
            v.held AS vital_signs, v.lines AS vital_sign_lines, r.held AS results, r.lines AS result_lines \
       FROM (SELECT count(*) AS held, count(DISTINCT code) AS lines FROM records.vital_signs \
              WHERE patient_id = $1 AND status <> 'ENTERED_IN_ERROR') v, \
            (SELECT count(*) AS held, count(DISTINCT coalesce(r.code::text, ' ' || coalesce(r.display::text, r.original_display::text, ''))) AS lines \
               FROM records.lab_results r WHERE r.patient_id = $1 AND r.status NOT IN ('ENTERED_IN_ERROR', 'CANCELLED')) r"
);

/// Which sources the facts came from: the repository they are kept in, or the kind of source where there is none.
pub(super) const SOURCES: Sql = sql!(
    "SELECT f.repository_id, CASE WHEN f.repository_id IS NULL THEN f.source_kind::text END AS kind, count(*) AS facts, max(f.recorded_at) AS last_at \
       FROM (SELECT repository_id, source_kind, recorded_at FROM records.allergies WHERE patient_id = $1 AND status <> 'ENTERED_IN_ERROR' \
         UNION ALL SELECT repository_id, source_kind, recorded_at FROM records.diagnoses WHERE patient_id = $1 AND status <> 'ENTERED_IN_ERROR' \
         UNION ALL SELECT repository_id, source_kind, recorded_at FROM records.medications WHERE patient_id = $1 AND status <> 'ENTERED_IN_ERROR' \
         UNION ALL SELECT repository_id, source_kind, recorded_at FROM records.immunizations WHERE patient_id = $1 AND status <> 'ENTERED_IN_ERROR' \
         UNION ALL SELECT repository_id, source_kind, recorded_at FROM records.encounters WHERE patient_id = $1 AND status <> 'ENTERED_IN_ERROR' \
         UNION ALL SELECT repository_id, source_kind, recorded_at FROM records.procedures WHERE patient_id = $1 AND status <> 'ENTERED_IN_ERROR' \
         UNION ALL SELECT repository_id, source_kind, recorded_at FROM records.vital_signs WHERE patient_id = $1 AND status <> 'ENTERED_IN_ERROR' \
         UNION ALL SELECT repository_id, source_kind, recorded_at FROM records.lab_results WHERE patient_id = $1 AND status NOT IN ('ENTERED_IN_ERROR', 'CANCELLED')) f \
      GROUP BY 1, 2 ORDER BY 3 DESC, 4 DESC"
);

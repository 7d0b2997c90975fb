//! The chart: what a clinician needs of one patient, in one call and a handful of statements that travel together.

use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Record, Reply, Tx, run};
use serde_json::{Value, json};
use uuid::Uuid;

/// A section of the chart: its name, table, columns, order, and how many rows the first view shows.
struct Section {
    name: &'static str,
    table: &'static str,
    fields: &'static [&'static str],
    tail: &'static str,
}

/// Rows a section shows before its "all" link (`spec` 2.13: a summary is capped).
const SHOWN: usize = 50;

/// The newest of each measurement are found first and handed over as one array: in a table without statistics a join
/// with them was planned as one search for every row, which took seconds for a long record.
const SECTIONS: &[Section] = &[
    Section {
        name: "allergies",
        table: "records.allergies",
        fields: &[
            "kind",
            "code",
            "display",
            "substance",
            "category",
            "criticality",
            "clinical_status",
            "verification_status",
            "onset_on",
            "onset_precision",
            "source_kind",
        ],
        tail: "t.patient_id = $1 AND t.status <> 'ENTERED_IN_ERROR' ORDER BY t.clinical_status, t.onset_on DESC NULLS LAST, t.id LIMIT 51",
    },
    Section {
        name: "problems",
        table: "records.diagnoses",
        fields: &[
            "code",
            "code_system",
            "display",
            "category",
            "clinical_status",
            "verification_status",
            "onset_on",
            "onset_precision",
            "abatement_on",
            "abatement_precision",
            "severity_display",
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
            "dose_value",
            "dose_unit",
            "frequency_text",
            "as_needed",
            "authored_on",
            "authored_precision",
            "indication_display",
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
            "given_on",
            "given_precision",
            "lot",
            "dose_number",
            "information_source",
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
            "performed_on",
            "performed_precision",
            "reason_display",
            "performer_name",
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
            "author",
            "source_kind",
        ],
        tail: "t.patient_id = $1 AND t.status NOT IN ('VOIDED', 'ENTERED_IN_ERROR') ORDER BY t.service_on DESC NULLS LAST, t.id LIMIT 51",
    },
    Section {
        name: "vital_signs",
        table: "records.vital_signs",
        fields: &[
            "code",
            "display",
            "value",
            "unit",
            "components",
            "interpretation",
            "measured_on",
            "measured_at",
            "plausibility",
            "source_kind",
        ],
        tail: "t.patient_id = $1 AND t.status <> 'ENTERED_IN_ERROR' AND t.id = ANY (ARRAY(SELECT id FROM (SELECT v.id, \
               row_number() OVER (PARTITION BY v.code ORDER BY v.measured_on DESC, v.measured_at DESC NULLS LAST, v.id) AS n \
               FROM records.vital_signs v WHERE v.patient_id = $1) newest WHERE n <= 12)) ORDER BY t.display, t.measured_on DESC, t.id LIMIT 600",
    },
    Section {
        name: "results",
        table: "records.lab_results",
        fields: &[
            "code",
            "display",
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
            "source_kind",
        ],
        tail: "t.patient_id = $1 AND t.status NOT IN ('ENTERED_IN_ERROR', 'CANCELLED') AND t.id = ANY (ARRAY(SELECT id FROM (SELECT r.id, \
               row_number() OVER (PARTITION BY r.code ORDER BY r.collected_on DESC NULLS LAST, r.collected_at DESC NULLS LAST, r.id) AS n \
               FROM records.lab_results r WHERE r.patient_id = $1) newest WHERE n <= 12)) ORDER BY t.display, t.collected_on DESC NULLS LAST, t.id LIMIT 1200",
    },
];

const VITAL_TREND: &str = "t.patient_id = $1 AND t.code = $2 AND t.status <> 'ENTERED_IN_ERROR' ORDER BY t.measured_on, t.measured_at, t.id LIMIT 1000";
const RESULT_TREND: &str = "t.patient_id = $1 AND t.code = $2 AND t.status NOT IN ('ENTERED_IN_ERROR', 'CANCELLED') ORDER BY t.collected_on, t.collected_at, t.id LIMIT 1000";

/// The reads of this domain.
#[must_use]
pub fn reads() -> Vec<Op> {
    vec![
        read(
            "chart",
            "/api/v1/records/patients/{id}/chart",
            "What is known of one patient: the newest of every kind of fact, with counts",
            |tx, call| Box::pin(chart(tx, call)),
        ),
        Op {
            params: vec![salus_store::Param {
                name: "code".into(),
                doc: "Code of the vital sign or laboratory test".into(),
                schema: json!({"type": "string"}),
            }],
            ..read(
                "trend",
                "/api/v1/records/patients/{id}/trend",
                "All values of one measurement of one patient, oldest first",
                |tx, call| Box::pin(trend(tx, call)),
            )
        },
    ]
}

fn read<F>(verb: &str, path: &str, summary: &str, work: F) -> Op
where
    F: for<'a> Fn(&'a mut Tx, Call) -> futures_util::future::BoxFuture<'a, Result<Reply>> + Send + Sync + 'static,
{
    Op {
        method: Method::Get,
        path: path.to_owned(),
        name: format!("records.fact.{verb}"),
        permission: "records.fact.read",
        summary: summary.to_owned(),
        target: "medical.patients",
        params: Vec::new(),
        input: None,
        output: json!({"type": "object"}),
        run: run(work),
    }
}

async fn chart(tx: &mut Tx, call: Call) -> Result<Reply> {
    let patient = call.id()?;
    let who = tx.get("medical.patients", patient, &[]).await?;
    let mut sections = serde_json::Map::new();
    let mut more = serde_json::Map::new();
    for section in SECTIONS {
        let mut rows = tx.select(section.table, section.fields, section.tail, &[&patient]).await?;
        let capped = !matches!(section.name, "vital_signs" | "results") && rows.len() > SHOWN;
        if capped {
            rows.truncate(SHOWN);
        }
        more.insert(section.name.to_owned(), Value::Bool(capped));
        sections.insert(section.name.to_owned(), json!(rows));
    }
    let counts = counts(tx, patient).await?;
    Ok(Reply::json(json!({"patient": who, "sections": sections, "more": more, "counts": counts})))
}

async fn counts(tx: &mut Tx, patient: Uuid) -> Result<Value> {
    let sql = salus_store::sql!(
        "SELECT (SELECT count(*) FROM records.allergies WHERE patient_id = $1) AS allergies, \
                (SELECT count(*) FROM records.diagnoses WHERE patient_id = $1) AS problems, \
                (SELECT count(*) FROM records.medications WHERE patient_id = $1) AS medications, \
                (SELECT count(*) FROM records.immunizations WHERE patient_id = $1) AS immunizations, \
                (SELECT count(*) FROM records.encounters WHERE patient_id = $1) AS encounters, \
                (SELECT count(*) FROM records.procedures WHERE patient_id = $1) AS procedures, \
                (SELECT count(*) FROM records.documents WHERE patient_id = $1) AS documents, \
                (SELECT count(*) FROM records.vital_signs WHERE patient_id = $1) AS vital_signs, \
                (SELECT count(*) FROM records.lab_results WHERE patient_id = $1) AS results"
    );
    let row = tx.query_opt(sql, &[&patient]).await?.ok_or_else(|| Error::internal("no counts"))?;
    let counts = row.columns().iter().map(|c| (c.name().to_owned(), json!(row.get::<_, i64>(c.name()))));
    Ok(Value::Object(counts.collect()))
}

async fn trend(tx: &mut Tx, call: Call) -> Result<Reply> {
    let patient = call.id()?;
    let code = call.query_value("code").unwrap_or_default().to_owned();
    if code.is_empty() {
        return Err(Error::invalid("code", "required", "Name the code of a vital sign or laboratory test"));
    }
    let who = tx
        .get("medical.patients", patient, &["family_name", "given_names", "birth_date", "sex", "mrn", "pseudonym"])
        .await?;
    let vitals: Vec<Record> = tx
        .select(
            "records.vital_signs",
            &["code", "display", "value", "unit", "components", "measured_on", "measured_at"],
            VITAL_TREND,
            &[&patient, &code],
        )
        .await?;
    let results: Vec<Record> = tx
        .select(
            "records.lab_results",
            &[
                "code",
                "display",
                "value_kind",
                "comparator",
                "value_num",
                "value_text",
                "unit_ucum",
                "unit_original",
                "ref_low",
                "ref_high",
                "interpretation",
                "collected_on",
                "collected_at",
            ],
            RESULT_TREND,
            &[&patient, &code],
        )
        .await?;
    Ok(Reply::json(json!({"patient": who, "code": code, "vital_signs": vitals, "results": results})))
}

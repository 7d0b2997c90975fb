//! Reports, exports and shared documents: the tables, to be read. Making, sending and sharing them is not built yet.

use crate::shown;
use salus_store::Resource;

/// Exposed tables.
pub const RESOURCES: &[Resource] = &[
    Resource {
        filters: &["code", "category"],
        ..shown("reports.report_definitions", "reports/report-definitions", "reports.definition", "reports.report.read")
    },
    Resource {
        filters: &["definition_id", "status", "requested_by"],
        ..shown("reports.report_instances", "reports/report-instances", "reports.instance", "reports.report.read")
    },
    Resource {
        filters: &["name", "dataset", "active"],
        ..shown("reports.scheduled_exports", "reports/scheduled-exports", "reports.export", "reports.export.read")
    },
    Resource {
        filters: &["schedule_id", "status"],
        ..shown("reports.export_jobs", "reports/export-jobs", "reports.export_job", "reports.export.read")
    },
    Resource {
        filters: &["document_id", "patient_id", "status"],
        ..shown("reports.shared_documents", "reports/shared-documents", "reports.share", "reports.share.read")
    },
    Resource {
        filters: &["share_id", "action"],
        ..shown("reports.document_access_log", "reports/document-access-log", "reports.access", "reports.share.read")
    },
];

-- lossy: its rows go with its tables
CALL kernel.forget('reports.export_jobs');
CALL kernel.forget('reports.scheduled_exports');
DROP DOMAIN reports.de_identification;
DROP DOMAIN reports.delta_mode;
DROP DOMAIN reports.export_encryption;
DROP DOMAIN reports.destination_kind;
DROP DOMAIN reports.compression;
DROP DOMAIN reports.export_job_status;
DROP DOMAIN reports.export_format;

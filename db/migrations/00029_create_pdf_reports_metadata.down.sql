-- lossy: its rows go with its tables
CALL kernel.forget('reports.report_instances');
CALL kernel.forget('reports.report_definitions');
DROP DOMAIN reports.paper;
DROP DOMAIN reports.classification;
DROP DOMAIN reports.report_status;
DROP DOMAIN reports.report_format;
DROP SCHEMA reports;

-- lossy: its rows go with its tables
CALL kernel.forget('reports.document_access_log');
CALL kernel.forget('reports.shared_documents');
DROP DOMAIN reports.access_outcome;
DROP DOMAIN reports.share_status;
DROP DOMAIN reports.recipient_kind;
DROP DOMAIN reports.document_access_action;
DROP DOMAIN reports.share_permission;

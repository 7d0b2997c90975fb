-- lossy: documents and results go with their tables
CALL kernel.forget('records.lab_results');
CALL kernel.forget('records.lab_reports');
CALL kernel.forget('records.vital_signs');
CALL kernel.forget('records.immunizations');
CALL kernel.forget('records.documents');
DROP DOMAIN records.comparator;
DROP DOMAIN records.value_kind;
DROP DOMAIN records.plausibility;
DROP DOMAIN records.result_status;
DROP DOMAIN records.registry_state;
DROP DOMAIN records.dose_condition;
DROP DOMAIN records.immunization_completion;
DROP DOMAIN records.immunization_status;
DROP DOMAIN records.scan_result;
DROP DOMAIN records.document_status;
DROP DOMAIN records.document_category;

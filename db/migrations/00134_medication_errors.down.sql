-- lossy: its rows go with its table
CALL kernel.forget('school.medication_errors');
DROP DOMAIN school.medication_error_severity;
DROP DOMAIN school.medication_error_kind;

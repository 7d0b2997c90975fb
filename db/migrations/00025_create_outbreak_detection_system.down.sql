-- lossy: its rows go with its tables
CALL kernel.forget('school.outbreak_case_clusters');
CALL kernel.forget('school.outbreak_alerts');
CALL kernel.forget('school.symptom_tracking');
DROP DOMAIN school.cluster_kind;
DROP DOMAIN school.outbreak_state;
DROP DOMAIN school.outbreak_level;
DROP DOMAIN school.case_class;
DROP DOMAIN school.syndrome;
DROP DOMAIN school.symptom_source;

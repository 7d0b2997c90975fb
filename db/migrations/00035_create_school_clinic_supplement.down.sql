-- lossy: its rows go with its tables
CALL kernel.forget('school.clinic_visit_versions');
CALL kernel.forget('school.student_health_plans');
DROP DOMAIN school.plan_kind;

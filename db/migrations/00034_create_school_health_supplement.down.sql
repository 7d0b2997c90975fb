-- lossy: its rows go with its tables
CALL kernel.forget('school.school_immunization_requirements');
CALL kernel.forget('ref.allergy_cross_reactivity');
CALL kernel.forget('school.medication_administrations');
CALL kernel.forget('school.student_medication_orders');
CALL kernel.forget('audit.integrity_verification_runs');
CALL kernel.forget('compliance.disclosure_accounting_requests');
DROP DOMAIN ref.cross_risk;
DROP DOMAIN ref.cross_reactivity_kind;
DROP DOMAIN audit.verification_state;
DROP DOMAIN compliance.accounting_state;
DROP DOMAIN school.prn_effect;
DROP DOMAIN school.order_status;
DROP DOMAIN school.medication_kind;
DROP DOMAIN school.requirement_checkpoint;
DROP DOMAIN school.medication_outcome;

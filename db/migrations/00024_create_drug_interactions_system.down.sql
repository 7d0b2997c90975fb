-- lossy: its rows go with its tables
CALL kernel.forget('school.student_drug_allergies');
CALL kernel.forget('ref.drug_interactions');
CALL kernel.forget('ref.drug_catalog');
DROP DOMAIN school.allergy_verification;
DROP DOMAIN school.reaction_severity;
DROP DOMAIN school.reaction_type;
DROP DOMAIN ref.dea_schedule;
DROP DOMAIN ref.review_state;
DROP DOMAIN ref.onset;
DROP DOMAIN ref.route_scope;
DROP DOMAIN ref.term_type;
DROP DOMAIN ref.evidence_level;
DROP DOMAIN ref.interaction_severity;
DROP SCHEMA ref;

-- lossy: its rows go with its tables
CALL kernel.forget('compliance.phi_disclosure_audit');
CALL kernel.forget('compliance.phi_disclosures');
DROP DOMAIN compliance.disclosure_status;
DROP DOMAIN compliance.recipient_type;
DROP DOMAIN compliance.disclosure_method;
DROP DOMAIN compliance.disclosure_purpose;
DROP DOMAIN compliance.disclosure_type;

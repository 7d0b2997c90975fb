-- lossy: its rows go with its tables
CALL kernel.forget('school.billing_claims');
CALL kernel.forget('school.medicaid_eligibility');
DROP DOMAIN school.eligibility_status;
DROP DOMAIN school.eligibility_check;
DROP DOMAIN school.claim_status;

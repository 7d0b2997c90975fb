-- lossy: the list goes with its table and is imported again
CALL kernel.forget('school.vaccine_codes');
DROP DOMAIN school.vaccine_code_status;

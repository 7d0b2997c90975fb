-- lossy: its rows go with its table
CALL kernel.forget('school.immunization_letters');
DROP DOMAIN school.letter_kind;

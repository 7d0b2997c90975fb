-- lossy: who was trained and delegated goes with the table
DROP FUNCTION school.is_delegated(uuid, uuid, date);
CALL kernel.forget('school.delegations');

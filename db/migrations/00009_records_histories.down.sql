-- lossy: histories go with their tables
CALL kernel.forget('records.social_history');
CALL kernel.forget('records.family_history');
DROP DOMAIN records.history_status;

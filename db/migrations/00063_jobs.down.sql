-- lossy: queued work, schedules and the memory of messages go with their tables
CALL kernel.forget('kernel.inbox');
CALL kernel.forget('kernel.schedules');
CALL kernel.forget('kernel.jobs');
DROP DOMAIN kernel.job_name;
DROP DOMAIN kernel.job_state;

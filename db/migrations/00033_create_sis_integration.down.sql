-- lossy: its rows go with its tables
CALL kernel.forget('exchange.sis_sync_errors');
CALL kernel.forget('exchange.sis_sync_jobs');
CALL kernel.forget('exchange.sis_sync_configs');
DROP DOMAIN exchange.sync_error_severity;
DROP DOMAIN exchange.sync_error_state;
DROP DOMAIN exchange.sync_mode;
DROP DOMAIN exchange.delete_policy;
DROP DOMAIN exchange.sis_protocol;
DROP DOMAIN exchange.sync_job_status;
DROP DOMAIN exchange.sync_direction;
DROP DOMAIN exchange.sis_vendor;

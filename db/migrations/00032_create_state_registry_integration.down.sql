-- lossy: its rows go with its tables
CALL kernel.forget('exchange.registry_submissions');
CALL kernel.forget('exchange.registry_connections');
DROP DOMAIN exchange.message_profile;
DROP DOMAIN exchange.submission_direction;
DROP DOMAIN exchange.connection_status;
DROP DOMAIN exchange.consent_model;
DROP DOMAIN exchange.submission_status;
DROP DOMAIN exchange.registry_protocol;

-- lossy: models, indicators and retention policies go with their tables
CALL kernel.forget('compliance.retention_policies');
DROP DOMAIN compliance.minor_rule;
DROP DOMAIN compliance.retention_action;
DROP DOMAIN compliance.retention_trigger;
DROP SCHEMA compliance;
CALL kernel.forget('ai.fraud_indicators');
CALL kernel.forget('ai.models');
DROP DOMAIN ai.indicator_status;
DROP DOMAIN ai.indicator_action;
DROP DOMAIN ai.indicator_subject;
DROP DOMAIN ai.indicator_family;
DROP DOMAIN ai.model_status;
DROP DOMAIN ai.model_kind;
DROP DOMAIN ai.risk_class;
DROP DOMAIN ai.task;
DROP SCHEMA ai;

-- lossy: its rows go with its tables
CALL kernel.forget('alerts.alert_delivery_log');
CALL kernel.forget('alerts.alert_subscriptions');
CALL kernel.forget('alerts.alert_instances');
CALL kernel.forget('alerts.alert_definitions');
DROP DOMAIN alerts.delivery_status;
DROP DOMAIN alerts.digest;
DROP DOMAIN alerts.alert_source;
DROP DOMAIN alerts.delivery_channel;
DROP DOMAIN alerts.alert_status;
DROP DOMAIN alerts.alert_category;
DROP DOMAIN alerts.alert_severity;
DROP SCHEMA alerts;

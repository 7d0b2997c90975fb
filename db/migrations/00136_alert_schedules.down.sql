-- lossy: a set time that was missed is not made up for
DROP INDEX alerts.alert_instances_changed_ix;
CALL kernel.forget('alerts.alert_schedules');

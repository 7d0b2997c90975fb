-- lossy: its rows go with its tables
CALL kernel.forget('school.vaccination_schedules');
CALL kernel.forget('school.immunization_reminders');
DROP DOMAIN school.series_type;
DROP DOMAIN school.schedule_authority;
DROP DOMAIN school.reminder_reason;
DROP DOMAIN school.reminder_status;

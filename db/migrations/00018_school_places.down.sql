-- lossy: its rows go with its tables
CALL kernel.forget('school.school_staff');
CALL kernel.forget('school.class_groups');
CALL kernel.forget('school.calendar_days');
CALL kernel.forget('school.bell_periods');
CALL kernel.forget('school.bell_schedules');
CALL kernel.forget('school.school_years');
CALL kernel.forget('school.schools');
DROP DOMAIN school.position;
DROP DOMAIN school.group_kind;
DROP DOMAIN school.period_kind;
DROP DOMAIN school.grade;
DROP DOMAIN school.clock_time;
DROP SCHEMA school;

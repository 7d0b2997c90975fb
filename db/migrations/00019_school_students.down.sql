-- lossy: its rows go with its tables
CALL kernel.forget('school.class_memberships');
CALL kernel.forget('school.student_enrollments');
CALL kernel.forget('school.student_profiles');
DROP DOMAIN school.enrollment_status;

-- lossy: the counts go with their table
COMMENT ON COLUMN school.outbreak_alerts.method IS 'C1, C2, C3, CUSUM, FARRINGTON, SCAN, RULE';
DROP POLICY own_school ON school.absence_counts;
CALL kernel.forget('school.absence_counts');

-- lossy: why reminders were not sent goes with the columns
DELETE FROM kernel.fields
 WHERE table_name = 'school.immunization_reminders' AND column_name IN ('suppression_reason', 'carrier');
ALTER TABLE school.immunization_reminders DROP COLUMN carrier;
ALTER TABLE school.immunization_reminders DROP COLUMN suppression_reason;

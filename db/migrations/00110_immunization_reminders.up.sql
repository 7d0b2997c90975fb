-- What became of a reminder that was not sent, and what carried one that was.
ALTER TABLE school.immunization_reminders ADD COLUMN suppression_reason kernel.code;
ALTER TABLE school.immunization_reminders ADD COLUMN carrier kernel.code;
COMMENT ON COLUMN school.immunization_reminders.suppression_reason IS
  'Why it was not sent: not_needed, left_school, told_lately, no_reachable_contact, cancelled';
COMMENT ON COLUMN school.immunization_reminders.carrier IS 'What carried it; simulator: nothing left the platform';
INSERT INTO kernel.fields (column_id, table_name, column_name, class) VALUES
  (kernel.column_id('school.immunization_reminders', 'suppression_reason'), 'school.immunization_reminders', 'suppression_reason', 'C1'),
  (kernel.column_id('school.immunization_reminders', 'carrier'), 'school.immunization_reminders', 'carrier', 'C1');

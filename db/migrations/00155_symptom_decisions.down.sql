-- lossy: who decided about a case, when and why goes with the columns; what was decided stays
DROP INDEX records.immunizations_changed_ix;
DELETE FROM kernel.fields
 WHERE table_name = 'school.symptom_tracking' AND column_name IN ('decided_by', 'decided_at', 'decision_reason');
ALTER TABLE school.symptom_tracking
  DROP COLUMN decided_by,
  DROP COLUMN decided_at,
  DROP COLUMN decision_reason;

-- What a person decides about a case of surveillance, and doses by when they changed, for who judges them anew.
ALTER TABLE school.symptom_tracking
  ADD COLUMN decided_by uuid,
  ADD COLUMN decided_at timestamptz,
  ADD COLUMN decision_reason kernel.sealed_text,
  ADD CONSTRAINT symptom_tracking_decided_by_fk FOREIGN KEY (tenant_id, decided_by) REFERENCES auth.users (tenant_id, id);
CREATE INDEX symptom_tracking_decided_by_ix ON school.symptom_tracking (tenant_id, decided_by);
COMMENT ON COLUMN school.symptom_tracking.decided_by IS
  'Who decided what case_class and disease_code are; the visit changes them no more. NULL: nobody yet';
COMMENT ON COLUMN school.symptom_tracking.decided_at IS 'When that was decided';
COMMENT ON COLUMN school.symptom_tracking.decision_reason IS 'Why, in the words of who decided';
COMMENT ON CONSTRAINT symptom_tracking_decided_by_fk ON school.symptom_tracking IS 'Must name a user of this organization';
INSERT INTO kernel.fields (column_id, table_name, column_name, class, key_class, subject_bound)
  SELECT kernel.column_id('school.symptom_tracking', c), 'school.symptom_tracking', c,
         CASE c WHEN 'decision_reason' THEN 'C3' ELSE 'C2' END, CASE c WHEN 'decision_reason' THEN 'clinical' END,
         c = 'decision_reason'
    FROM unnest(ARRAY['decided_by', 'decided_at', 'decision_reason']) c;

CREATE INDEX immunizations_changed_ix ON records.immunizations (tenant_id, updated_at);
COMMENT ON INDEX records.immunizations_changed_ix IS 'Doses that changed since a moment';

DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['encounters', 'diagnoses', 'medications', 'allergies', 'procedures', 'documents',
                           'immunizations', 'vital_signs', 'lab_reports', 'lab_results', 'family_history', 'social_history'] LOOP
    EXECUTE format('DROP TRIGGER note_part2 ON records.%I', t);
  END LOOP;
END $$;
DROP TRIGGER note_part2 ON compliance.sensitivity_labels;
DELETE FROM kernel.fields WHERE table_name = 'kernel.tenants' AND column_name = 'bears_part2';
ALTER TABLE kernel.tenants DROP COLUMN bears_part2;

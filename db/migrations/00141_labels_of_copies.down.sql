-- lossy: the labels of originals, which their rows bear too, and those of resources without a row
DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['encounters', 'diagnoses', 'medications', 'allergies', 'procedures', 'documents',
                           'immunizations', 'vital_signs', 'lab_reports', 'lab_results', 'family_history', 'social_history'] LOOP
    EXECUTE format('DROP TRIGGER follow_label ON records.%I', t);
  END LOOP;
END $$;
DROP POLICY label_of_row ON school.administration_versions;
DROP POLICY label_of_row ON school.clinic_visit_versions;
DROP POLICY label_of_row ON exchange.fhir_resources;
DROP POLICY own_label ON exchange.fhir_resources;
DELETE FROM kernel.fields WHERE table_name = 'exchange.fhir_resources' AND column_name = 'sensitivity';
ALTER TABLE exchange.fhir_resources DROP COLUMN sensitivity;

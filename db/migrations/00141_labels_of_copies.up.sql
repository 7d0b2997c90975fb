-- What a label on one row closes, its copies must not tell: the FHIR original that the row was made from, and what a visit or a
-- dose said before it was amended.
ALTER TABLE exchange.fhir_resources ADD COLUMN sensitivity kernel.code;
COMMENT ON COLUMN exchange.fhir_resources.sensitivity IS
  'Label of the resource, or the one its row bears now, such as PART2; NULL: none';
INSERT INTO kernel.fields (column_id, table_name, column_name, class) VALUES
  (kernel.column_id('exchange.fhir_resources', 'sensitivity'), 'exchange.fhir_resources', 'sensitivity', 'C2');
CREATE POLICY own_label ON exchange.fhir_resources AS RESTRICTIVE FOR ALL
  USING (sensitivity IS NULL OR NOT (SELECT kernel.is_bound()) OR kernel.opens(patient_id, sensitivity));
CREATE POLICY label_of_row ON exchange.fhir_resources AS RESTRICTIVE FOR ALL
  USING (NOT (SELECT kernel.has_labels()) OR NOT coalesce(row_id IN (SELECT kernel.closed()), false));
CREATE POLICY label_of_row ON school.clinic_visit_versions AS RESTRICTIVE FOR ALL
  USING (NOT (SELECT kernel.has_labels()) OR NOT coalesce(visit_id IN (SELECT kernel.closed()), false));
CREATE POLICY label_of_row ON school.administration_versions AS RESTRICTIVE FOR ALL
  USING (NOT (SELECT kernel.has_labels()) OR NOT coalesce(administration_id IN (SELECT kernel.closed()), false));

-- Originals that stood before. One that has no row is read again by the next import, which sees its label.
ALTER TABLE exchange.fhir_resources NO FORCE ROW LEVEL SECURITY;
DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['encounters', 'diagnoses', 'medications', 'allergies', 'procedures', 'documents',
                           'immunizations', 'vital_signs', 'lab_reports', 'lab_results', 'family_history', 'social_history'] LOOP
    EXECUTE format('ALTER TABLE records.%I NO FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('UPDATE exchange.fhir_resources f SET sensitivity = r.sensitivity FROM records.%I r '
      'WHERE r.tenant_id = f.tenant_id AND f.row_table = %L AND r.id = f.row_id AND r.sensitivity IS NOT NULL', t, 'records.' || t);
    EXECUTE format('ALTER TABLE records.%I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE TRIGGER follow_label AFTER UPDATE OF sensitivity ON records.%I FOR EACH ROW '
      'WHEN (OLD.sensitivity IS DISTINCT FROM NEW.sensitivity) EXECUTE FUNCTION kernel.follow_label()', t);
  END LOOP;
END $$;
UPDATE exchange.fhir_resources SET digest = sha256(digest) WHERE row_id IS NULL AND patient_id IS NOT NULL;
ALTER TABLE exchange.fhir_resources FORCE ROW LEVEL SECURITY;

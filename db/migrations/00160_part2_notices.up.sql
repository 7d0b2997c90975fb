-- The notice of 42 CFR 2.32 goes with every reply, not with the chart alone (docs/decisions/0116). A tenant in which nothing ever
-- bore the label PART2 is not asked about it.
DROP FUNCTION IF EXISTS kernel.shows_part2(uuid);
ALTER TABLE kernel.tenants ADD COLUMN bears_part2 boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN kernel.tenants.bears_part2 IS
  'Whether a record was ever labelled PART2, so that replies are asked about the notice of 42 CFR 2.32; stays when the label is lifted';
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  VALUES (kernel.column_id('kernel.tenants', 'bears_part2'), 'kernel.tenants', 'bears_part2', 'C0');

CREATE TRIGGER note_part2 AFTER INSERT ON compliance.sensitivity_labels
  FOR EACH ROW WHEN (NEW.label = 'PART2') EXECUTE FUNCTION kernel.note_part2();
DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['encounters', 'diagnoses', 'medications', 'allergies', 'procedures', 'documents',
                           'immunizations', 'vital_signs', 'lab_reports', 'lab_results', 'family_history', 'social_history'] LOOP
    EXECUTE format('CREATE TRIGGER note_part2 AFTER INSERT OR UPDATE OF sensitivity ON records.%I FOR EACH ROW '
      'WHEN (NEW.sensitivity = ''PART2'') EXECUTE FUNCTION kernel.note_part2()', t);
    EXECUTE format('ALTER TABLE records.%I NO FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('UPDATE kernel.tenants n SET bears_part2 = true WHERE NOT bears_part2 '
      'AND EXISTS (SELECT FROM records.%I r WHERE r.tenant_id = n.id AND r.sensitivity = ''PART2'')', t);
    EXECUTE format('ALTER TABLE records.%I FORCE ROW LEVEL SECURITY', t);
  END LOOP;
END $$;
ALTER TABLE compliance.sensitivity_labels NO FORCE ROW LEVEL SECURITY;
UPDATE kernel.tenants n SET bears_part2 = true WHERE NOT bears_part2
   AND EXISTS (SELECT FROM compliance.sensitivity_labels l WHERE l.tenant_id = n.id AND l.label = 'PART2');
ALTER TABLE compliance.sensitivity_labels FORCE ROW LEVEL SECURITY;

-- When a restore was practised last, where alerts can read it.

ALTER TABLE kernel.installation ADD COLUMN drilled_at timestamptz,
  ADD COLUMN drill_well boolean,
  ADD CONSTRAINT installation_drill CHECK ((drilled_at IS NULL) = (drill_well IS NULL));
COMMENT ON COLUMN kernel.installation.drilled_at IS 'When the newest signed drill of a restore was';
COMMENT ON COLUMN kernel.installation.drill_well IS 'Whether every check of it was well';
COMMENT ON CONSTRAINT installation_drill ON kernel.installation IS 'A drill has a time and an outcome';
INSERT INTO kernel.fields (column_id, table_name, column_name, class) VALUES
  (kernel.column_id('kernel.installation', 'drilled_at'), 'kernel.installation', 'drilled_at', 'C0'),
  (kernel.column_id('kernel.installation', 'drill_well'), 'kernel.installation', 'drill_well', 'C0');
GRANT UPDATE (drilled_at, drill_well) ON kernel.installation TO salus_app;

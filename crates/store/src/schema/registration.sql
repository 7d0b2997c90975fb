-- What kernel.protect, kernel.share and kernel.classify wrote down: part of the schema, though it is rows.
SELECT 'REGISTRATION', 'TABLE ' || t.table_name, 'TABLE ' || t.table_name, to_jsonb(t)::text FROM kernel.tables t
UNION ALL
SELECT 'REGISTRATION', format('COLUMN %s.%I', f.table_name, f.column_name), format('COLUMN %s.%I', f.table_name, f.column_name), to_jsonb(f)::text
  FROM kernel.fields f

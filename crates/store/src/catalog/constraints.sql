-- Constraints and unique indexes by name, with the message for people and the columns they speak of.
SELECT n.nspname || '.' || c.relname AS table_name, k.conname::text AS name, k.contype::text AS kind,
       obj_description(k.oid, 'pg_constraint') AS message,
       coalesce((SELECT array_agg(a.attname::text ORDER BY x.ord)
                   FROM unnest(k.conkey) WITH ORDINALITY x(num, ord)
                   JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = x.num
                  WHERE a.attname <> 'tenant_id'), '{}') AS columns,
       CASE WHEN k.contype = 'f' THEN rn.nspname || '.' || r.relname END AS target
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_class r ON r.oid = k.confrelid
  LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
 WHERE n.nspname || '.' || c.relname IN (SELECT table_name FROM kernel.tables)
UNION ALL
SELECT n.nspname || '.' || c.relname, i.relname::text, 'i', obj_description(i.oid, 'pg_class'),
       coalesce((SELECT array_agg(a.attname::text ORDER BY x.ord)
                   FROM unnest(u.indkey::int[]) WITH ORDINALITY x(num, ord)
                   JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.num
                  WHERE a.attname <> 'tenant_id'), '{}'), NULL
  FROM pg_index u
  JOIN pg_class i ON i.oid = u.indexrelid
  JOIN pg_class c ON c.oid = u.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE u.indisunique AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = u.indexrelid AND k.contype IN ('p', 'u'))
   AND n.nspname || '.' || c.relname IN (SELECT table_name FROM kernel.tables)
UNION ALL
SELECT NULL, k.conname::text, 'd', obj_description(k.oid, 'pg_constraint'), '{}', NULL
  FROM pg_constraint k JOIN pg_type y ON y.oid = k.contypid JOIN pg_namespace n ON n.oid = y.typnamespace
 WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'

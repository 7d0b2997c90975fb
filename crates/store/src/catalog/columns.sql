-- Every column of every registered table, with what the server needs to read, write and describe it.
SELECT t.table_name, t.subject_column::text, t.class AS table_class, t.append_only, t.shared_reason IS NOT NULL AS shared,
       obj_description(c.oid, 'pg_class') AS table_doc,
       (SELECT g.tgargs FROM pg_trigger g WHERE g.tgrelid = c.oid AND g.tgname = 'mark_inserts') AS unmarked,
       greatest(c.reltuples, 0)::int8 AS estimated_rows,
       a.attname::text AS column_name,
       format_type(coalesce(nullif(y.typbasetype, 0), y.oid), NULL) AS base_type,
       CASE WHEN y.typtype = 'd' THEN y.typname::text END AS domain_name,
       CASE WHEN y.typtype = 'd' THEN (SELECT string_agg(pg_get_constraintdef(k.oid), ' ') FROM pg_constraint k WHERE k.contypid = y.oid) END AS domain_check,
       a.attnotnull AS required, a.atthasdef AS has_default,
       (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d WHERE d.adrelid = c.oid AND d.adnum = a.attnum) AS default_sql,
       coalesce(col_description(c.oid, a.attnum), CASE WHEN y.typtype = 'd' THEN obj_description(y.oid, 'pg_type') END) AS doc,
       f.column_id, f.class, f.key_class, f.subject_bound, f.search, f.phi
  FROM kernel.tables t
  JOIN pg_class c ON c.oid = to_regclass(t.table_name)
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type y ON y.oid = a.atttypid
  JOIN kernel.fields f ON f.table_name = t.table_name AND f.column_name = a.attname
 ORDER BY t.table_name, a.attnum

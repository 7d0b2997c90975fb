-- The catalogue linter: one row for each thing in the schema that breaks a rule; no rows when all is well.
-- T: tenants kept apart. P: indexes that work under row-level security. N: our own rules of order.
-- Reads only the system catalogues, kernel.tables and kernel.fields, so any role may run it.
-- A table registered with kernel.share says why it needs no tenant; all others are held to every rule.
-- What is looked for in a long list is asked with NOT IN, for which the list is hashed: of NOT EXISTS the planner, which does
-- not know how long the lists are, made loops over all pairs, and a server starts only after this.
WITH
schemas AS (
  SELECT oid, nspname FROM pg_namespace
   WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'extensions', 'public')
),
roles AS (
  SELECT oid, rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication AS privileged
    FROM pg_roles WHERE rolname IN ('salus_app', 'salus_reader')
),
relations AS (
  SELECT c.oid, c.relname, c.relkind, c.relowner, c.relispartition, c.relrowsecurity, c.relforcerowsecurity,
         c.reloptions, format('%I.%I', s.nspname, c.relname) AS object
    FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
),
-- A partition is registered through its root.
tables AS (
  SELECT r.*, k.table_name AS registered, k.shared_reason IS NOT NULL AS shared, k.append_only, k.retention
    FROM relations r
    LEFT JOIN pg_class root ON root.oid = coalesce(pg_partition_root(r.oid), r.oid)
    LEFT JOIN pg_namespace rs ON rs.oid = root.relnamespace
    LEFT JOIN kernel.tables k ON k.table_name = format('%I.%I', rs.nspname, root.relname)
   WHERE r.relkind IN ('r', 'p')
),
tenant_tables AS (SELECT * FROM tables WHERE shared IS NOT TRUE),
columns AS (
  SELECT a.attrelid, a.attnum, a.attname, a.attnotnull, a.atttypid, ty.typname,
         CASE WHEN ty.typtype = 'd' THEN ty.typbasetype ELSE ty.oid END AS base_type,
         ty.typnamespace = 'kernel'::regnamespace AND ty.typname ~ '^sealed_' AS sealed,
         ty.typnamespace = 'kernel'::regnamespace AND ty.typname = 'blind_index' AS blind
    FROM pg_attribute a JOIN pg_type ty ON ty.oid = a.atttypid
   WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid IN (SELECT oid FROM tables)
),
tenant_column AS (SELECT * FROM columns WHERE attname = 'tenant_id'),
policies AS (
  SELECT p.polrelid, p.polname, p.polpermissive, p.polcmd, p.polroles,
         pg_get_expr(p.polqual, p.polrelid) AS using_expr, pg_get_expr(p.polwithcheck, p.polrelid) AS check_expr
    FROM pg_policy p
),
-- The only wall that counts: restrictive, for every command and role, and nothing but the comparison.
walled AS (
  SELECT polrelid FROM policies
   WHERE NOT polpermissive AND polcmd = '*' AND polroles = '{0}'
     AND using_expr = '(tenant_id = ( SELECT kernel.tenant() AS tenant))'
     AND coalesce(check_expr, using_expr) = '(tenant_id = ( SELECT kernel.tenant() AS tenant))'
),
indexes AS (
  SELECT x.indexrelid, x.indrelid, x.indisunique, x.indpred, x.indnkeyatts, x.indclass, x.indkey::int2[] AS key,
         i.relname, i.relispartition AS inherited, am.amname
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am am ON am.oid = i.relam
   WHERE x.indisvalid AND x.indrelid IN (SELECT oid FROM tables)
),
-- Constraints a migration wrote: those of tables and of domains, without what partitions inherit.
constraints AS (
  SELECT c.oid, c.conname, c.contype, c.conrelid, c.confrelid, c.conkey, c.confkey, t.object
    FROM pg_constraint c JOIN tables t ON t.oid = c.conrelid
   WHERE c.contype IN ('p', 'f', 'u', 'c', 'x') AND c.conparentid = 0 AND c.coninhcount = 0
  UNION ALL
  SELECT c.oid, c.conname, c.contype, 0, 0, NULL, NULL, format('domain %I.%I', s.nspname, d.typname)
    FROM pg_constraint c JOIN pg_type d ON d.oid = c.contypid JOIN schemas s ON s.oid = d.typnamespace
   WHERE c.contype = 'c'
),
definers AS (
  SELECT p.oid, p.oid::regprocedure::text AS object, p.proconfig
    FROM pg_proc p JOIN schemas s ON s.oid = p.pronamespace WHERE p.prosecdef
),
owned AS (
  SELECT relowner AS owner FROM relations
  UNION ALL SELECT p.proowner FROM pg_proc p JOIN schemas s ON s.oid = p.pronamespace
  UNION ALL SELECT n.nspowner FROM pg_namespace n JOIN schemas s ON s.oid = n.oid
),
header (attname, type, required) AS (VALUES
  ('tenant_id'::name, 'uuid'::regtype, true), ('id', 'uuid', true), ('row_version', 'int', true),
  ('created_at', 'timestamptz', true), ('updated_at', 'timestamptz', true), ('created_by', 'uuid', false),
  ('updated_by', 'uuid', false)
),
fields AS (
  SELECT f.*, t.oid AS table_oid, c.attnum, c.sealed, c.blind
    FROM kernel.fields f
    LEFT JOIN tables t ON t.object = f.table_name
    LEFT JOIN columns c ON c.attrelid = t.oid AND c.attname = f.column_name
),
findings (rule, object, problem, fix) AS (

-- Tenants kept apart -------------------------------------------------------------------------------------
SELECT 'T01', object, 'has no column tenant_id of type uuid',
       'add tenant_id, or declare the table with kernel.share and a reason'
  FROM tenant_tables t
 WHERE NOT EXISTS (SELECT FROM tenant_column c WHERE c.attrelid = t.oid AND c.base_type = 'uuid'::regtype)
UNION ALL
SELECT 'T02', object, 'row-level security is off', 'CALL kernel.protect'
  FROM tenant_tables WHERE NOT relrowsecurity
UNION ALL
SELECT 'T03', object, 'row-level security does not bind the owner', 'ALTER TABLE … FORCE ROW LEVEL SECURITY'
  FROM tenant_tables WHERE NOT relforcerowsecurity
UNION ALL
SELECT 'T04', object, 'tenant_id may be null', 'ALTER COLUMN tenant_id SET NOT NULL'
  FROM tenant_tables t JOIN tenant_column c ON c.attrelid = t.oid WHERE NOT c.attnotnull
UNION ALL
SELECT 'T05', object, 'no restrictive policy compares tenant_id with the caller''s tenant for every command and role',
       'CALL kernel.protect, which makes the policy tenant_wall'
  FROM tenant_tables t WHERE NOT relispartition AND NOT EXISTS (SELECT FROM walled w WHERE w.polrelid = t.oid)
UNION ALL
SELECT 'T06', t.object || ' policy ' || p.polname, 'lets every caller through',
       'name the rows; only a policy for INSERT behind the tenant wall may be true'
  FROM tenant_tables t JOIN policies p ON p.polrelid = t.oid
 WHERE p.polpermissive AND 'true' IN (p.using_expr, p.check_expr)
   AND NOT (p.polcmd = 'a' AND EXISTS (SELECT FROM walled w WHERE w.polrelid = t.oid))
   -- There is one log over the events of all tenants; who may become the sealer is caught by T07.
   AND NOT (p.polcmd = 'r' AND t.relispartition AND t.registered = 'audit.activity_logs'
            AND p.polroles = ARRAY[to_regrole('salus_sealer')::oid])
UNION ALL
SELECT 'T07', t.object, 'a partition that ' || r.rolname || ' reaches past the policies of its parent',
       'REVOKE ALL: the parent carries the policies'
  FROM tenant_tables t, roles r
 WHERE t.relispartition
   AND (has_any_column_privilege(r.oid, t.oid, 'SELECT, INSERT, UPDATE') OR has_table_privilege(r.oid, t.oid, 'DELETE'))
   AND NOT (t.relforcerowsecurity AND EXISTS (SELECT FROM walled w WHERE w.polrelid = t.oid))
UNION ALL
SELECT 'T08', t.object, r.rolname || ' may ' || privilege,
       'REVOKE ' || privilege || ': it goes round row-level security'
  FROM tables t, roles r, unnest(ARRAY['TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
 WHERE has_table_privilege(r.oid, t.oid, privilege)
UNION ALL
SELECT 'T09', c.object || ' ' || c.conname, 'a reference that could cross tenants', 'begin both sides with tenant_id'
  FROM constraints c JOIN tenant_tables target ON target.oid = c.confrelid
 WHERE c.contype = 'f' AND NOT EXISTS (
   SELECT FROM unnest(c.conkey, c.confkey) AS pair (own, other)
     JOIN tenant_column a ON a.attrelid = c.conrelid AND a.attnum = pair.own
     JOIN tenant_column b ON b.attrelid = c.confrelid AND b.attnum = pair.other)
UNION ALL
SELECT 'T10', t.object || ' ' || i.relname, 'unique over all tenants: a duplicate tells of another''s row',
       'begin it with tenant_id'
  FROM tenant_tables t JOIN indexes i ON i.indrelid = t.oid
 WHERE i.indisunique AND NOT EXISTS (SELECT FROM tenant_column a WHERE a.attrelid = t.oid AND a.attnum = i.key[0])
UNION ALL
SELECT 'T11', object, 'a view that reads with its owner''s rights', 'WITH (security_invoker = true)'
  FROM relations
 WHERE relkind = 'v' AND NOT EXISTS (
   SELECT FROM pg_options_to_table(reloptions) o WHERE o.option_name = 'security_invoker'
       AND o.option_value IN ('true', 'on', '1', 'yes'))
UNION ALL
SELECT 'T12', v.object, 'no policy holds here, and ' || r.rolname || ' may read it', 'REVOKE SELECT, or use a table'
  FROM relations v, roles r WHERE v.relkind IN ('m', 'f') AND has_any_column_privilege(r.oid, v.oid, 'SELECT')
UNION ALL
SELECT 'T13', d.object, 'runs with its owner''s rights for ' || r.rolname,
       'SECURITY INVOKER, or REVOKE EXECUTE from PUBLIC'
  FROM definers d, roles r WHERE has_function_privilege(r.oid, d.oid, 'EXECUTE')
   -- The one way to remove the payload of an event: in the caller's tenant, and never without a row that says so.
   AND d.object <> 'audit.redact(uuid,uuid,text,bytea)'
UNION ALL
SELECT 'T14', object, 'runs with its owner''s rights on a search_path the caller chooses',
       'SET search_path = pg_catalog, pg_temp'
  FROM definers WHERE NOT EXISTS (SELECT FROM unnest(proconfig) s WHERE s LIKE 'search_path=%')
UNION ALL
SELECT 'T15', rolname::text, 'is superuser, bypasses row-level security, or may create roles, databases or replicas',
       'ALTER ROLE … NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION'
  FROM roles WHERE privileged
UNION ALL
SELECT 'T16', r.rolname::text, format('can act as %s, owner of %s objects', pg_get_userbyid(o.owner), count(*)),
       'REVOKE that membership, or hand the objects to salus_owner'
  FROM roles r, owned o WHERE pg_has_role(r.oid, o.owner, 'MEMBER') GROUP BY r.rolname, o.owner

-- Indexes under row-level security -------------------------------------------------------------------------
UNION ALL
SELECT DISTINCT 'P01', t.object || ' ' || i.relname,
       format('row-level security cannot use it: its operators on %s are not leakproof', coalesce(c.attname, 'an expression')),
       'text, a domain over text, bytea, uuid, int, date or timestamptz; not enum, numeric, jsonb, array or text search'
  FROM tenant_tables t
  JOIN indexes i ON i.indrelid = t.oid
  CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) AS place
  LEFT JOIN columns c ON c.attrelid = t.oid AND c.attnum = i.key[place]
  JOIN pg_opclass oc ON oc.oid = i.indclass[place]
 WHERE i.amname NOT IN ('btree', 'hash')
    OR oc.opcintype IN ('anyenum'::regtype, 'anyarray'::regtype)
    OR EXISTS (
      SELECT FROM pg_amop ao JOIN pg_operator op ON op.oid = ao.amopopr JOIN pg_proc f ON f.oid = op.oprcode
       WHERE ao.amopfamily = oc.opcfamily AND ao.amoplefttype = oc.opcintype AND ao.amoprighttype = oc.opcintype
         AND NOT f.proleakproof)
UNION ALL
SELECT 'P02', object, 'no index begins with tenant_id', 'PRIMARY KEY (tenant_id, id)'
  FROM tenant_tables t
 WHERE EXISTS (SELECT FROM tenant_column a WHERE a.attrelid = t.oid)
   AND t.oid NOT IN (SELECT i.indrelid FROM indexes i JOIN tenant_column a ON a.attrelid = i.indrelid AND a.attnum = i.key[0]
                      WHERE i.indpred IS NULL)

-- Our own order ----------------------------------------------------------------------------------------------
UNION ALL
SELECT 'N01', object || ' ' || conname, 'bears a name PostgreSQL made up', 'CONSTRAINT <table>_<what it says>'
  FROM constraints WHERE conname ~ '_(pkey|fkey|key|check|excl)[0-9]*$'
UNION ALL
SELECT 'N01', object || ' ' || conname, 'says nothing to the person it stops', 'COMMENT ON CONSTRAINT … IS the message'
  FROM constraints WHERE coalesce(btrim(obj_description(oid, 'pg_constraint')), '') = ''
UNION ALL
SELECT 'N01', t.object || ' ' || i.relname, 'a unique index that says nothing to the person it stops',
       'COMMENT ON INDEX … IS the message'
  FROM tables t JOIN indexes i ON i.indrelid = t.oid
 WHERE i.indisunique AND NOT i.inherited AND coalesce(btrim(obj_description(i.indexrelid, 'pg_class')), '') = ''
   AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x'))
UNION ALL
SELECT 'N02', c.object || ' ' || c.conname, 'a reference without an index', 'CREATE INDEX on the same columns, first'
  FROM constraints c
 WHERE c.contype = 'f' AND NOT EXISTS (
   SELECT FROM indexes i
    WHERE i.indrelid = c.conrelid AND i.indpred IS NULL AND i.amname = 'btree'
      AND i.key[0:cardinality(c.conkey) - 1] @> c.conkey AND i.key[0:cardinality(c.conkey) - 1] <@ c.conkey)
UNION ALL
SELECT 'N03', t.object || '.' || c.attname, 'a column without a class', 'register it in kernel.fields where it is added'
  FROM tables t JOIN columns c ON c.attrelid = t.oid
 WHERE t.registered = t.object
   AND (t.oid, c.attnum) NOT IN (SELECT f.table_oid, f.attnum FROM fields f WHERE f.attnum IS NOT NULL)
UNION ALL
SELECT 'N03', table_name || '.' || column_name, 'is classified and does not exist',
       'delete it from kernel.fields where it is dropped'
  FROM fields WHERE attnum IS NULL
UNION ALL
SELECT 'N04', object, 'is not registered', 'CALL kernel.protect, or kernel.share with a reason'
  FROM tables WHERE registered IS NULL
UNION ALL
SELECT 'N04', k.table_name, 'is registered and does not exist', 'CALL kernel.forget where it is dropped'
  FROM kernel.tables k WHERE NOT EXISTS (SELECT FROM tables t WHERE t.object = k.table_name)
UNION ALL
SELECT 'N05', object, 'has no comment', 'COMMENT ON it: the text appears in the interface and its description'
  FROM relations WHERE NOT relispartition AND coalesce(btrim(obj_description(oid, 'pg_class')), '') = ''
UNION ALL
SELECT 'N06', f.table_name || '.' || f.column_name, 'is sealed and not of class C3 or C4 with a key class',
       'CALL kernel.protect after the column exists'
  FROM fields f WHERE f.sealed AND (f.class NOT IN ('C3', 'C4') OR f.key_class IS NULL)
UNION ALL
SELECT 'N06', t.object || '.' || c.attname, 'is sealed in a table that is not registered', 'CALL kernel.protect'
  FROM tables t JOIN columns c ON c.attrelid = t.oid WHERE c.sealed AND t.registered IS NULL
UNION ALL
SELECT 'N06', f.table_name || '.' || f.column_name, 'is of class ' || f.class || ' and in clear',
       'kernel.sealed_text, sealed_date or sealed_json'
  FROM fields f WHERE f.attnum IS NOT NULL AND f.class IN ('C3', 'C4') AND NOT f.sealed
UNION ALL
SELECT 'N07', t.object || '.' || h.attname, 'a standard column is missing, of another type or nullable',
       'copy the seven lines of kernel.settings'
  FROM tenant_tables t CROSS JOIN header h
 WHERE NOT t.relispartition AND NOT coalesce(t.append_only, false) AND t.retention IS DISTINCT FROM 'follows_row'
   AND NOT EXISTS (SELECT FROM columns c WHERE c.attrelid = t.oid AND c.attname = h.attname
                      AND c.atttypid = h.type AND c.attnotnull >= h.required)
UNION ALL
SELECT 'N07', t.object, 'nothing counts its row_version', 'CALL kernel.protect, which makes the trigger touch'
  FROM tenant_tables t
 WHERE NOT coalesce(t.append_only, false)
   -- Its row_version is that of the row it has the digest of.
   AND t.object <> 'audit.data_integrity_checksums'
   AND EXISTS (SELECT FROM columns c WHERE c.attrelid = t.oid AND c.attname = 'row_version')
   AND NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = t.oid AND g.tgenabled IN ('O', 'A')
                      AND g.tgfoid = to_regprocedure('kernel.touch()'))
UNION ALL
SELECT 'N08', t.object || '.' || c.attname, 'a blind index without a searchable sealed column',
       'name it <column>_bidx and CALL kernel.classify(…, search => …)'
  FROM tables t JOIN columns c ON c.attrelid = t.oid
 WHERE c.attname ~ '_bidx$' AND NOT EXISTS (
   SELECT FROM fields f WHERE f.table_oid = t.oid AND f.column_name = regexp_replace(c.attname, '_bidx$', '')
      AND f.sealed AND f.search IS NOT NULL AND f.search <> 'name')
UNION ALL
SELECT 'N08', f.table_name || '.' || f.column_name, 'has few values, and a blind index tells how often each occurs',
       'drop ' || f.column_name || '_bidx, and filter after opening'
  FROM fields f WHERE f.attnum IS NOT NULL AND f.search <> 'name' AND kernel.few_valued(f.table_oid, f.column_name)
UNION ALL
SELECT 'N08', t.object || '.' || c.attname, 'is named a blind index and is not of that type', 'kernel.blind_index'
  FROM tables t JOIN columns c ON c.attrelid = t.oid WHERE c.attname ~ '_bidx$' AND NOT c.blind
UNION ALL
SELECT 'N08', t.object || '.' || c.attname, 'a keyed digest of its own that does not say of what',
       'COMMENT ON COLUMN, or name it <column>_bidx'
  FROM tables t JOIN columns c ON c.attrelid = t.oid
 WHERE c.blind AND c.attname !~ '_bidx$' AND col_description(t.oid, c.attnum) IS NULL
UNION ALL
SELECT 'N08', f.table_name || '.' || f.column_name, 'is searched as ' || f.search || ' and has no blind index',
       'add ' || f.column_name || '_bidx kernel.blind_index'
  FROM fields f
 WHERE f.attnum IS NOT NULL AND f.search <> 'name' AND NOT EXISTS (
   SELECT FROM columns c WHERE c.attrelid = f.table_oid AND c.attname = f.column_name || '_bidx' AND c.blind)
UNION ALL
SELECT 'N08', f.table_name || '.' || f.column_name, 'is searched by tokens and is not sealed',
       'kernel.sealed_text, or search in clear'
  FROM fields f WHERE f.attnum IS NOT NULL AND f.search IS NOT NULL AND NOT f.sealed
UNION ALL
SELECT 'N09', t.object, 'is append-only and lets rows be changed', 'CALL kernel.protect(…, append_only => true)'
  FROM tenant_tables t
 WHERE t.append_only AND NOT t.relispartition
   AND (SELECT count(DISTINCT g.tgname) FROM pg_trigger g WHERE g.tgrelid = t.oid AND g.tgenabled IN ('O', 'A')
           AND (g.tgfoid = to_regprocedure('kernel.refuse_change()')
                -- As that one, and lets a payload go of which a redaction says so.
                OR (t.object = 'audit.activity_logs' AND g.tgfoid = to_regprocedure('audit.refuse_change()')))
           AND g.tgname IN ('refuse_change', 'refuse_truncate')) < 2
UNION ALL
SELECT 'N09', t.object, 'is a part of an append-only table and can be emptied by its name', format('CALL audit.keep_whole(%L)', t.object)
  FROM tables t
 WHERE t.relispartition AND t.append_only
   AND NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = t.oid AND g.tgname = 'refuse_truncate' AND g.tgenabled IN ('O', 'A')
                      AND g.tgfoid = to_regprocedure('kernel.refuse_change()'))
UNION ALL
SELECT 'N10', format('%I.%I', s.nspname, c.relname), 'a dump cannot read it', 'GRANT SELECT … TO salus_backup'
  FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'S') AND NOT has_table_privilege('salus_backup', c.oid, 'SELECT')
UNION ALL
SELECT 'N11', t.object, 'the sealer does not see its events', format('CALL audit.show_sealer(%L)', t.object)
  FROM tables t
 WHERE t.relispartition AND t.registered = 'audit.activity_logs'
   AND NOT (has_table_privilege('salus_sealer', t.oid, 'SELECT') AND EXISTS (
     SELECT FROM policies p WHERE p.polrelid = t.oid AND p.polcmd = 'r' AND p.using_expr = 'true'
        AND p.polroles = ARRAY[to_regrole('salus_sealer')::oid]))
)
SELECT rule::text, object::text, problem::text, fix::text FROM findings ORDER BY rule, object, problem

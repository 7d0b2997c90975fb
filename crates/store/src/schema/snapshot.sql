-- Everything in the schemas of Salus, one row a fact: (kind, name, parent, definition).
--
-- kind and name together are SQL: ALTER <kind> <name>, COMMENT ON <kind> <name>, DROP <kind> <name>. parent is the
-- kind and name of what the fact belongs to. No object ids, no database name, nothing that differs between two
-- databases made by the same files. Runs with search_path = '', so every name is qualified.
-- Left out: what belongs to extensions, the schemas extensions and public, and partitions other than the default one:
-- they come and go by the month. What could be wrong with a partition is told all the same.
WITH
members AS MATERIALIZED (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
),
spaces AS MATERIALIZED (
  SELECT n.oid, n.nspowner, n.nspacl, quote_ident(n.nspname) AS name
    FROM pg_namespace n
   WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'extensions', 'public')
     AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_namespace'::regclass AND m.objid = n.oid)
),
relations AS MATERIALIZED (
  SELECT c.oid, c.relkind, c.relispartition, c.relrowsecurity, c.relforcerowsecurity, c.relowner, c.relacl, c.reloptions,
         c.relpersistence, c.relpartbound, c.relreplident, c.reltype, s.name AS space,
         s.name || '.' || quote_ident(c.relname) AS name,
         CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                        WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS word
    FROM pg_class c JOIN spaces s ON s.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
     AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE c.relkind = 'S' AND d.classid = 'pg_class'::regclass
                        AND d.objid = c.oid AND d.deptype = 'i')
),
kept AS MATERIALIZED (
  SELECT * FROM relations WHERE NOT relispartition
),
types AS MATERIALIZED (
  SELECT t.oid, t.typtype, t.typowner, t.typacl, t.typnotnull, t.typdefault, t.typrelid, t.typcollation, t.typbasetype,
         t.typtypmod, s.name AS space, s.name || '.' || quote_ident(t.typname) AS name,
         CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END AS word
    FROM pg_type t JOIN spaces s ON s.oid = t.typnamespace
   WHERE (t.typtype IN ('d', 'e', 'r') OR (t.typtype = 'c'
          AND EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c')))
     AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)
),
routines AS MATERIALIZED (
  SELECT p.oid, p.prokind, p.proowner, p.proacl, s.name AS space,
         s.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')' AS name,
         CASE p.prokind WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END AS word
    FROM pg_proc p JOIN spaces s ON s.oid = p.pronamespace
   WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)
),
roles AS MATERIALIZED (
  SELECT r.*, quote_ident(r.rolname) AS name FROM pg_roles r WHERE r.rolname LIKE 'salus\_%' AND NOT r.rolsuper
),
-- Objects that have a definition and may have a comment.
objects (class, oid, part, shown, word, name, parent, definition) AS MATERIALIZED (
  SELECT 'pg_namespace'::regclass, oid, 0, true, 'SCHEMA', name, '', '' FROM spaces
  UNION ALL
  SELECT 'pg_class'::regclass, k.oid, 0, true, k.word, k.name, 'SCHEMA ' || k.space,
         CASE k.relkind
           WHEN 'p' THEN 'PARTITION BY ' || pg_get_partkeydef(k.oid)
           WHEN 'v' THEN pg_get_viewdef(k.oid)
           WHEN 'm' THEN pg_get_viewdef(k.oid)
           WHEN 'S' THEN (SELECT format('AS %s START %s INCREMENT %s MINVALUE %s MAXVALUE %s CACHE %s %s',
                             format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache,
                             CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END)
                            FROM pg_sequence s WHERE s.seqrelid = k.oid)
           ELSE concat_ws(', ', CASE k.relpersistence WHEN 'u' THEN 'UNLOGGED' END,
                          CASE k.relreplident WHEN 'f' THEN 'REPLICA IDENTITY FULL' WHEN 'n' THEN 'REPLICA IDENTITY NOTHING' END,
                          (SELECT 'INHERITS ' || string_agg(r.name, ', ' ORDER BY r.name) FROM pg_inherits i
                             JOIN relations r ON r.oid = i.inhparent WHERE i.inhrelid = k.oid)) END
    FROM kept k
  UNION ALL
  SELECT 'pg_class'::regclass, k.oid, a.attnum, k.relkind IN ('r', 'p', 'f'), 'COLUMN', k.name || '.' || quote_ident(a.attname),
         k.word || ' ' || k.name,
         concat_ws('; ', format_type(a.atttypid, a.atttypmod),
           CASE WHEN a.attcollation <> t.typcollation
             THEN (SELECT 'collate ' || format('%I.%I', n.nspname, c.collname)
                     FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace WHERE c.oid = a.attcollation) END,
           CASE WHEN a.attnotnull THEN 'not null' END,
           CASE a.attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity by default' END,
           CASE a.attgenerated WHEN '' THEN 'default ' ELSE 'generated ' END || pg_get_expr(d.adbin, d.adrelid))
    FROM pg_attribute a JOIN kept k ON k.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE a.attnum > 0 AND NOT a.attisdropped AND k.relkind IN ('r', 'p', 'f', 'v', 'm')
  UNION ALL
  SELECT 'pg_type'::regclass, t.oid, 0, true, t.word, t.name, 'SCHEMA ' || t.space,
         CASE t.typtype
           WHEN 'd' THEN concat_ws('; ', format_type(t.typbasetype, t.typtypmod),
                CASE WHEN t.typcollation <> (SELECT b.typcollation FROM pg_type b WHERE b.oid = t.typbasetype)
                  THEN (SELECT 'collate ' || format('%I.%I', n.nspname, c.collname)
                          FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace WHERE c.oid = t.typcollation) END,
                CASE WHEN t.typnotnull THEN 'not null' END, 'default ' || t.typdefault)
           WHEN 'e' THEN (SELECT 'ENUM (' || string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) || ')'
                            FROM pg_enum e WHERE e.enumtypid = t.oid)
           WHEN 'r' THEN (SELECT 'RANGE (SUBTYPE = ' || format_type(r.rngsubtype, NULL) || ')' FROM pg_range r WHERE r.rngtypid = t.oid)
           ELSE (SELECT '(' || string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) || ')'
                   FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) END
    FROM types t
  UNION ALL
  SELECT 'pg_constraint'::regclass, c.oid, 0, true, 'CONSTRAINT', quote_ident(c.conname) || ' ON ' || k.name, k.word || ' ' || k.name,
         pg_get_constraintdef(c.oid)
    FROM pg_constraint c JOIN kept k ON k.oid = c.conrelid
   WHERE c.contype IN ('p', 'u', 'f', 'c', 'x') AND c.conparentid = 0
  UNION ALL
  SELECT 'pg_constraint'::regclass, c.oid, 0, true, 'CONSTRAINT', quote_ident(c.conname) || ' ON DOMAIN ' || t.name, 'DOMAIN ' || t.name,
         pg_get_constraintdef(c.oid)
    FROM pg_constraint c JOIN types t ON t.oid = c.contypid
   WHERE c.contype = 'c'
  UNION ALL
  SELECT 'pg_class'::regclass, i.indexrelid, 0, true, 'INDEX', k.space || '.' || quote_ident(c.relname), k.word || ' ' || k.name,
         pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid AND i.indisready THEN '' ELSE ' INVALID' END
    FROM pg_index i JOIN kept k ON k.oid = i.indrelid JOIN pg_class c ON c.oid = i.indexrelid
   WHERE NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.indexrelid AND o.contype IN ('p', 'u', 'x'))
  UNION ALL
  SELECT 'pg_statistic_ext'::regclass, s.oid, 0, true, 'STATISTICS', n.name || '.' || quote_ident(s.stxname), k.word || ' ' || k.name,
         pg_get_statisticsobjdef(s.oid)
    FROM pg_statistic_ext s JOIN kept k ON k.oid = s.stxrelid JOIN spaces n ON n.oid = s.stxnamespace
  UNION ALL
  SELECT 'pg_policy'::regclass, p.oid, 0, true, 'POLICY', quote_ident(p.polname) || ' ON ' || r.name, r.word || ' ' || r.name,
         format('AS %s FOR %s TO %s', CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
           CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
           (SELECT string_agg(CASE u.role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(u.role)) END, ', '
                              ORDER BY u.role = 0 DESC, pg_get_userbyid(u.role)) FROM unnest(p.polroles) u (role)))
         || coalesce(' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
         || coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')
    FROM pg_policy p JOIN relations r ON r.oid = p.polrelid
   -- The sealer reads partitions by name as well, and exactly this lets it: rule N11 of the linter.
   WHERE NOT (r.relispartition AND p.polname = 'sealer' AND p.polpermissive AND p.polcmd = 'r' AND p.polwithcheck IS NULL
              AND p.polroles = ARRAY[to_regrole('salus_sealer')::oid] AND pg_get_expr(p.polqual, p.polrelid) = 'true')
  UNION ALL
  SELECT 'pg_trigger'::regclass, t.oid, 0, true, 'TRIGGER', quote_ident(t.tgname) || ' ON ' || k.name, k.word || ' ' || k.name,
         pg_get_triggerdef(t.oid) || CASE t.tgenabled WHEN 'D' THEN '; DISABLE' WHEN 'A' THEN '; ENABLE ALWAYS'
                                                      WHEN 'R' THEN '; ENABLE REPLICA' ELSE '' END
    FROM pg_trigger t JOIN relations k ON k.oid = t.tgrelid
   WHERE NOT t.tgisinternal AND t.tgparentid = 0
     -- Every partition of an append-only table has this one: rule N09 of the linter.
     AND NOT (k.relispartition AND t.tgname = 'refuse_truncate' AND t.tgfoid = to_regprocedure('kernel.refuse_change()') AND t.tgenabled = 'O')
  UNION ALL
  SELECT 'pg_rewrite'::regclass, w.oid, 0, true, 'RULE', quote_ident(w.rulename) || ' ON ' || r.name, r.word || ' ' || r.name,
         pg_get_ruledef(w.oid)
    FROM pg_rewrite w JOIN relations r ON r.oid = w.ev_class
   WHERE w.rulename <> '_RETURN'
  UNION ALL
  SELECT 'pg_proc'::regclass, p.oid, 0, true, p.word, p.name, 'SCHEMA ' || p.space,
         CASE p.prokind WHEN 'a' THEN '' ELSE pg_get_functiondef(p.oid) END
    FROM routines p
),
-- What is granted to whom. The owner's own rights are left out.
granted (what, parent, owner, acl) AS (
  SELECT 'DATABASE', '', d.datdba, coalesce(d.datacl, acldefault('d', d.datdba)) FROM pg_database d WHERE d.datname = current_database()
  UNION ALL
  SELECT 'SCHEMA ' || name, 'SCHEMA ' || name, nspowner, coalesce(nspacl, acldefault('n', nspowner)) FROM spaces
  UNION ALL
  SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || name, word || ' ' || name, relowner,
         coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, relowner))
    FROM relations
  UNION ALL
  SELECT format('TABLE %s (%I)', r.name, a.attname), CASE WHEN r.relkind IN ('r', 'p', 'f') AND NOT r.relispartition
           THEN format('COLUMN %s.%I', r.name, a.attname) ELSE r.word || ' ' || r.name END, r.relowner, a.attacl
    FROM pg_attribute a JOIN relations r ON r.oid = a.attrelid
   WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
  UNION ALL
  SELECT CASE prokind WHEN 'p' THEN 'PROCEDURE ' ELSE 'FUNCTION ' END || name, word || ' ' || name, proowner,
         coalesce(proacl, acldefault('f', proowner)) FROM routines
  UNION ALL
  SELECT word || ' ' || name, word || ' ' || name, typowner, coalesce(typacl, acldefault('T', typowner)) FROM types
),
rights (what, parent, grantee, right_name, grantable) AS (
  SELECT g.what, g.parent, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
         a.privilege_type, bool_or(a.is_grantable)
    FROM granted g, aclexplode(g.acl) a
   WHERE a.grantee <> g.owner
     -- A dump reads partitions by name, and they come and go; that it can is rule N10 of the linter. So does the sealer: N11.
     AND NOT (a.privilege_type = 'SELECT' AND pg_get_userbyid(a.grantee) IN ('salus_backup', 'salus_sealer')
              AND EXISTS (SELECT FROM relations r WHERE r.relispartition AND r.word || ' ' || r.name = g.what))
   GROUP BY 1, 2, 3, 4
  UNION ALL
  -- public is not ours, but everybody being able to create in it would be our problem.
  SELECT 'SCHEMA public', '', 'PUBLIC', a.privilege_type, a.is_grantable
    FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
   WHERE n.nspname = 'public' AND a.grantee = 0
),
owned (word, name, owner, usual) AS (
  SELECT 'SCHEMA', name, nspowner, true FROM spaces
  UNION ALL SELECT word, name, relowner, NOT relispartition FROM relations
    WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = relations.oid AND d.deptype = 'a')
  UNION ALL SELECT word, name, typowner, true FROM types
  UNION ALL SELECT word, name, proowner, true FROM routines
)
SELECT word AS kind, name, parent, definition FROM objects WHERE shown
UNION ALL
SELECT 'COMMENT', o.word || ' ' || o.name, CASE WHEN o.shown THEN o.word || ' ' || o.name ELSE o.parent END, d.description
  FROM objects o JOIN pg_description d ON d.classoid = o.class AND d.objoid = o.oid AND d.objsubid = o.part
UNION ALL
SELECT 'OWNER', word || ' ' || name, word || ' ' || name, quote_ident(pg_get_userbyid(owner))
  FROM owned WHERE usual OR pg_get_userbyid(owner) <> 'salus_owner'
UNION ALL
SELECT 'ROW SECURITY', 'TABLE ' || name, CASE WHEN relispartition THEN '' ELSE 'TABLE ' || name END,
       CASE WHEN relrowsecurity THEN 'ENABLE' ELSE 'DISABLE' END || CASE WHEN relforcerowsecurity THEN ', FORCE' ELSE ', NO FORCE' END
  FROM relations WHERE relkind IN ('r', 'p') AND (NOT relispartition OR NOT (relrowsecurity AND relforcerowsecurity))
UNION ALL
SELECT 'OPTION', word || ' ' || name, word || ' ' || name, (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(reloptions) o)
  FROM kept WHERE reloptions IS NOT NULL
UNION ALL
SELECT 'PARTITION', r.name, 'TABLE ' || p.name, 'OF ' || p.name || ' DEFAULT'
  FROM relations r JOIN pg_inherits i ON i.inhrelid = r.oid JOIN relations p ON p.oid = i.inhparent
 WHERE r.relispartition AND pg_get_expr(r.relpartbound, r.oid) = 'DEFAULT'
UNION ALL
-- Triggers behind foreign keys, and a partition's copies of its parent's triggers, that somebody has switched off.
SELECT 'SWITCHED OFF', coalesce('CONSTRAINT ' || quote_ident(c.conname) || ' ON ' || r.name, 'TRIGGER ' || quote_ident(t.tgname) || ' ON ' || r.name),
       CASE WHEN r.relispartition THEN '' ELSE r.word || ' ' || r.name END, string_agg(quote_ident(t.tgname), ', ' ORDER BY t.tgname)
  FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid LEFT JOIN pg_constraint c ON c.oid = t.tgconstraint AND t.tgisinternal
  LEFT JOIN pg_trigger above ON above.oid = t.tgparentid
 WHERE t.tgenabled <> 'O' AND (t.tgisinternal OR t.tgparentid <> 0) AND t.tgenabled IS DISTINCT FROM above.tgenabled
 GROUP BY 2, 3
UNION ALL
SELECT 'GRANT', what || ' TO ' || grantee, parent,
       string_agg(right_name || CASE WHEN grantable THEN '*' ELSE '' END, ', ' ORDER BY right_name)
  FROM rights GROUP BY what, parent, grantee
UNION ALL
SELECT 'DEFAULT GRANT', format('FOR ROLE %I%s ON %s TO %s', pg_get_userbyid(d.defaclrole), ' IN SCHEMA ' || s.name,
         CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' ELSE 'SCHEMAS' END,
         CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END),
       '', string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type)
  FROM pg_default_acl d LEFT JOIN spaces s ON s.oid = d.defaclnamespace, aclexplode(d.defaclacl) a
 WHERE a.grantee <> d.defaclrole AND (s.oid IS NOT NULL OR (d.defaclnamespace = 0 AND pg_get_userbyid(d.defaclrole) = 'salus_owner'))
 GROUP BY 2
UNION ALL
SELECT 'EXTENSION', quote_ident(e.extname), '', 'SCHEMA ' || quote_ident(n.nspname)
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE n.nspname = 'extensions'
UNION ALL
-- Whether salus_backup bypasses row-level security depends on who made it; the backup itself checks that it reads every row.
SELECT 'ROLE', name, '', concat_ws(' ', CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END,
         CASE WHEN rolcreatedb THEN 'CREATEDB' ELSE 'NOCREATEDB' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' ELSE 'NOCREATEROLE' END,
         CASE WHEN rolinherit THEN 'INHERIT' ELSE 'NOINHERIT' END, CASE WHEN rolreplication THEN 'REPLICATION' ELSE 'NOREPLICATION' END,
         CASE WHEN rolname = 'salus_backup' THEN NULL WHEN rolbypassrls THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END)
  FROM roles
UNION ALL
-- An administrator's own membership in salus_owner is how migrations act as it, and a server may connect with a role
-- of its own that is granted salus_app.
SELECT 'MEMBERSHIP', quote_ident(g.rolname) || ' TO ' || quote_ident(u.rolname), '', CASE WHEN bool_or(m.admin_option) THEN 'WITH ADMIN OPTION' ELSE '' END
  FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
 WHERE (g.oid IN (SELECT oid FROM roles) OR u.oid IN (SELECT oid FROM roles)) AND NOT u.rolsuper AND NOT u.rolcreaterole
   AND NOT (g.rolname = 'salus_app' AND u.oid NOT IN (SELECT oid FROM roles))
 GROUP BY 2
UNION ALL
-- Settings of a role that change what its sessions may see or which objects they find.
SELECT 'SETTING', r.name || CASE WHEN s.setdatabase = 0 THEN '' ELSE ' IN DATABASE' END || ' SET ' || split_part(c, '=', 1), '',
       substr(c, strpos(c, '=') + 1)
  FROM pg_db_role_setting s JOIN roles r ON r.oid = s.setrole, unnest(s.setconfig) c
 WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
   AND split_part(c, '=', 1) ~ '^(search_path|row_security|role|session_replication_role|salus\..*)$'
UNION ALL
SELECT 'EVENT TRIGGER', quote_ident(e.evtname), '', format('ON %s EXECUTE FUNCTION %s', e.evtevent, e.evtfoid::regprocedure)
         || CASE e.evtenabled WHEN 'D' THEN '; DISABLE' WHEN 'A' THEN '; ENABLE ALWAYS' WHEN 'R' THEN '; ENABLE REPLICA' ELSE '' END
  FROM pg_event_trigger e
 WHERE e.evtfoid IN (SELECT oid FROM routines) OR pg_get_userbyid(e.evtowner) LIKE 'salus\_%'

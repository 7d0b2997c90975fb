-- Whether the connected role is bound by row-level security; answered in any database, before it is one of ours too.
SELECT current_user::text AS role,
       current_setting('server_version_num')::int4 AS version,
       r.rolsuper AS superuser,
       r.rolbypassrls AS bypass,
       EXISTS (SELECT FROM pg_roles o WHERE o.rolname = 'salus_owner' AND pg_has_role(r.oid, o.oid, 'MEMBER'))
         OR EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                     WHERE n.nspname = 'kernel' AND c.relname = 'tables' AND pg_has_role(r.oid, c.relowner, 'MEMBER')) AS owner
  FROM pg_roles r WHERE r.rolname = current_user

-- Whether the connected role is bound by row-level security.
SELECT current_user::text AS role,
       current_setting('server_version_num')::int4 AS version,
       r.rolsuper AS superuser,
       r.rolbypassrls AS bypass,
       pg_has_role(current_user, 'salus_owner', 'MEMBER')
         OR EXISTS (SELECT FROM pg_class c WHERE c.oid = 'kernel.tables'::regclass AND pg_has_role(current_user, c.relowner, 'MEMBER')) AS owner
  FROM pg_roles r WHERE r.rolname = current_user

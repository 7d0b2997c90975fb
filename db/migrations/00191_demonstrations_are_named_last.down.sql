REVOKE UPDATE (slug) ON kernel.tenants FROM salus_app;
DROP TRIGGER keep_name ON kernel.tenants;
DROP FUNCTION kernel.keep_name();

-- By which policy a decision was made: one number a tenant, counted up by every transaction that changes what roles give,
-- labels, consents, or the modules chosen (docs/decisions/0081).

ALTER TABLE kernel.tenants ADD COLUMN policy_version bigint NOT NULL DEFAULT 1;
COMMENT ON COLUMN kernel.tenants.policy_version IS
  'Counted up whenever roles, their permissions and masks, labels, consents or chosen modules of this tenant change; stands in every audit event of a caller with roles';
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  VALUES (kernel.column_id('kernel.tenants', 'policy_version'), 'kernel.tenants', 'policy_version', 'C0');

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['auth.roles', 'auth.permissions', 'auth.role_permissions', 'auth.field_masks',
                           'compliance.sensitivity_labels', 'compliance.sensitivity_consents'] LOOP
    EXECUTE format('CREATE TRIGGER note_policy AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION kernel.note_policy()', t);
  END LOOP;
END $$;
CREATE TRIGGER note_policy AFTER INSERT OR UPDATE ON kernel.settings
  FOR EACH ROW WHEN (NEW.name = 'modules.chosen') EXECUTE FUNCTION kernel.note_policy();
CREATE TRIGGER note_policy_gone AFTER DELETE ON kernel.settings
  FOR EACH ROW WHEN (OLD.name = 'modules.chosen') EXECUTE FUNCTION kernel.note_policy();

-- lossy: how often the policy of each tenant changed; events keep the number they were made under
DROP TRIGGER note_policy_gone ON kernel.settings;
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['auth.roles', 'auth.permissions', 'auth.role_permissions', 'auth.field_masks',
                           'compliance.sensitivity_labels', 'compliance.sensitivity_consents', 'kernel.settings'] LOOP
    EXECUTE format('DROP TRIGGER note_policy ON %s', t);
  END LOOP;
END $$;
DELETE FROM kernel.fields WHERE table_name = 'kernel.tenants' AND column_name = 'policy_version';
ALTER TABLE kernel.tenants DROP COLUMN policy_version;

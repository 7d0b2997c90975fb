-- lossy: purposes of roles, field masks, assignments, emergency accesses, labels and consents go with their tables
CALL kernel.forget('compliance.sensitivity_consents');
CALL kernel.forget('compliance.sensitivity_labels');
DROP DOMAIN compliance.verification;
DROP DOMAIN compliance.decision;
DROP DOMAIN compliance.sensitivity;
CALL kernel.forget('auth.glass_breaks');
DROP DOMAIN auth.review_outcome;
CALL kernel.forget('auth.person_units');
CALL kernel.forget('auth.user_units');
CALL kernel.forget('auth.caseload_assignments');
DROP DOMAIN auth.assignment_kind;
DELETE FROM kernel.fields
 WHERE table_name = 'auth.user_person_links' AND column_name IN ('proof', 'proof_note', 'revoked_reason')
    OR table_name = 'auth.roles' AND column_name = 'purposes';
ALTER TABLE auth.user_person_links
  DROP CONSTRAINT user_person_links_revoked, DROP COLUMN proof, DROP COLUMN proof_note, DROP COLUMN revoked_reason;
COMMENT ON COLUMN auth.user_person_links.revoked_at IS NULL;
DROP DOMAIN auth.link_proof;
CALL kernel.forget('auth.field_masks');
ALTER TABLE auth.roles DROP COLUMN purposes;
DROP DOMAIN auth.purpose_of_use;

ALTER TABLE auth.user_person_links NO FORCE ROW LEVEL SECURITY;
UPDATE auth.user_person_links SET relation = 'legal_rep' WHERE relation = 'proxy';
ALTER TABLE auth.user_person_links FORCE ROW LEVEL SECURITY;
ALTER DOMAIN auth.person_relation DROP CONSTRAINT person_relation_values;
ALTER DOMAIN auth.person_relation ADD CONSTRAINT person_relation_values
  CHECK (VALUE IN ('self', 'parent', 'guardian', 'caregiver', 'legal_rep'));
COMMENT ON CONSTRAINT person_relation_values ON DOMAIN auth.person_relation IS
  'Must be self, parent, guardian, caregiver or legal_rep';
ALTER TABLE auth.organizations NO FORCE ROW LEVEL SECURITY;
UPDATE auth.organizations SET kind = 'school_district' WHERE kind = 'school';
ALTER TABLE auth.organizations FORCE ROW LEVEL SECURITY;
ALTER DOMAIN auth.organization_kind DROP CONSTRAINT organization_kind_values;
ALTER DOMAIN auth.organization_kind ADD CONSTRAINT organization_kind_values
  CHECK (VALUE IN ('payer', 'hospital', 'clinic', 'lab', 'school_district', 'tpa', 'vendor', 'platform'));
COMMENT ON CONSTRAINT organization_kind_values ON DOMAIN auth.organization_kind IS
  'Must be payer, hospital, clinic, lab, school_district, tpa, vendor or platform';
-- A scope that is no more becomes the narrowest.
ALTER TABLE auth.roles NO FORCE ROW LEVEL SECURITY;
UPDATE auth.roles SET scope = 'own' WHERE scope NOT IN ('own', 'tenant');
ALTER TABLE auth.roles FORCE ROW LEVEL SECURITY;
ALTER DOMAIN auth.access_scope DROP CONSTRAINT access_scope_values;
ALTER DOMAIN auth.access_scope ADD CONSTRAINT access_scope_values CHECK (VALUE IN ('tenant', 'own'));
COMMENT ON DOMAIN auth.access_scope IS 'tenant: every row of the tenant; own: rows of the linked persons';
COMMENT ON CONSTRAINT access_scope_values ON DOMAIN auth.access_scope IS 'Must be tenant or own';

-- Purposes and scopes of roles, what a role leaves out, whom a caller is assigned to, what closes a record and what opens
-- it again.

-- Roles --------------------------------------------------------------------------------------------------------

ALTER DOMAIN auth.access_scope DROP CONSTRAINT access_scope_values;
ALTER DOMAIN auth.access_scope ADD CONSTRAINT access_scope_values
  CHECK (VALUE IN ('own', 'ward', 'caseload', 'school', 'tenant'));
COMMENT ON DOMAIN auth.access_scope IS
  'own: the person the user is; ward: persons in their care; caseload: persons assigned to them; school: persons of their units; tenant: every row';
COMMENT ON CONSTRAINT access_scope_values ON DOMAIN auth.access_scope IS 'Must be own, ward, caseload, school or tenant';

CREATE DOMAIN auth.purpose_of_use AS text CONSTRAINT purpose_of_use_values
  CHECK (VALUE IN ('TREAT', 'COC', 'ETREAT', 'BTG', 'HPAYMT', 'HOPERAT', 'HSYSADMIN', 'HCOMPL', 'HLEGAL', 'PUBHLTH',
                   'HRESCH', 'PATRQT', 'FAMRQT'));
COMMENT ON DOMAIN auth.purpose_of_use IS 'Why a record is used (HL7 v3 PurposeOfUse)';
COMMENT ON CONSTRAINT purpose_of_use_values ON DOMAIN auth.purpose_of_use IS
  'Must be TREAT, COC, ETREAT, BTG, HPAYMT, HOPERAT, HSYSADMIN, HCOMPL, HLEGAL, PUBHLTH, HRESCH, PATRQT or FAMRQT';

ALTER TABLE auth.roles ADD COLUMN purposes jsonb NOT NULL DEFAULT '["TREAT"]'
  CONSTRAINT roles_purposes_known CHECK (jsonb_typeof(purposes) = 'array' AND purposes <@
    '["TREAT","COC","ETREAT","BTG","HPAYMT","HOPERAT","HSYSADMIN","HCOMPL","HLEGAL","PUBHLTH","HRESCH","PATRQT","FAMRQT"]'::jsonb);
COMMENT ON COLUMN auth.roles.purposes IS
  'For which purposes of use the role serves (HL7 PurposeOfUse codes); an empty list is every purpose but BTG, for roles that open no record';
COMMENT ON CONSTRAINT roles_purposes_known ON auth.roles IS
  'Must be a list of TREAT, COC, ETREAT, BTG, HPAYMT, HOPERAT, HSYSADMIN, HCOMPL, HLEGAL, PUBHLTH, HRESCH, PATRQT, FAMRQT';

CREATE TABLE auth.field_masks (
  tenant_id   uuid        NOT NULL DEFAULT kernel.tenant(),
  id          uuid        NOT NULL,
  row_version int         NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid        DEFAULT kernel.actor(),
  updated_by  uuid,
  role_id     uuid        NOT NULL,
  purpose     auth.purpose_of_use,
  table_name  kernel.code NOT NULL,
  columns     jsonb       NOT NULL,
  CONSTRAINT field_masks_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT field_masks_role_fk FOREIGN KEY (tenant_id, role_id) REFERENCES auth.roles (tenant_id, id),
  CONSTRAINT field_masks_columns_array CHECK (jsonb_typeof(columns) = 'array' AND jsonb_array_length(columns) > 0)
);
CREATE INDEX field_masks_role_ix ON auth.field_masks (tenant_id, role_id);
COMMENT ON TABLE auth.field_masks IS 'Columns that holders of a role are not answered: the minimum necessary (45 CFR 164.514(d))';
COMMENT ON COLUMN auth.field_masks.purpose IS 'For which purpose they are left out; NULL: for every purpose';
COMMENT ON COLUMN auth.field_masks.table_name IS 'schema.table';
COMMENT ON COLUMN auth.field_masks.columns IS 'Names of columns of that table';
COMMENT ON CONSTRAINT field_masks_columns_array ON auth.field_masks IS 'Must be a list of at least one column name';
CALL kernel.protect('auth.field_masks');
CREATE POLICY any_caller ON auth.field_masks FOR SELECT USING ((SELECT kernel.scope()) = 'own');

-- Relationships ------------------------------------------------------------------------------------------------

ALTER DOMAIN auth.person_relation DROP CONSTRAINT person_relation_values;
ALTER DOMAIN auth.person_relation ADD CONSTRAINT person_relation_values
  CHECK (VALUE IN ('self', 'parent', 'guardian', 'caregiver', 'legal_rep', 'proxy'));
COMMENT ON CONSTRAINT person_relation_values ON DOMAIN auth.person_relation IS
  'Must be self, parent, guardian, caregiver, legal_rep or proxy';
CREATE DOMAIN auth.link_proof AS text CONSTRAINT link_proof_values
  CHECK (VALUE IN ('ID_DOCUMENT', 'BIRTH_CERTIFICATE', 'COURT_ORDER', 'POWER_OF_ATTORNEY', 'SIGNED_AUTHORIZATION', 'ATTESTED'));
COMMENT ON DOMAIN auth.link_proof IS 'By what a link between a user and a person was shown';
COMMENT ON CONSTRAINT link_proof_values ON DOMAIN auth.link_proof IS
  'Must be ID_DOCUMENT, BIRTH_CERTIFICATE, COURT_ORDER, POWER_OF_ATTORNEY, SIGNED_AUTHORIZATION or ATTESTED';
ALTER TABLE auth.user_person_links
  ADD COLUMN proof auth.link_proof,
  ADD COLUMN proof_note kernel.sealed_text,
  ADD COLUMN revoked_reason kernel.prose,
  ADD CONSTRAINT user_person_links_revoked CHECK (revoked_reason IS NULL OR revoked_at IS NOT NULL);
COMMENT ON COLUMN auth.user_person_links.proof IS 'By what it was shown; NULL: not shown';
COMMENT ON COLUMN auth.user_person_links.proof_note IS 'Number, court or office of the proof';
COMMENT ON COLUMN auth.user_person_links.revoked_at IS 'From when it holds no more, whatever valid_to says';
COMMENT ON CONSTRAINT user_person_links_revoked ON auth.user_person_links IS 'A reason of revocation stands with its time';
INSERT INTO kernel.fields (column_id, table_name, column_name, class, key_class)
  SELECT kernel.column_id('auth.user_person_links', c), 'auth.user_person_links', c,
         CASE c WHEN 'proof_note' THEN 'C3' ELSE 'C2' END, CASE c WHEN 'proof_note' THEN 'identity' END
    FROM unnest(ARRAY['proof', 'proof_note', 'revoked_reason']) c;
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  VALUES (kernel.column_id('auth.roles', 'purposes'), 'auth.roles', 'purposes', 'C1');

CREATE DOMAIN auth.assignment_kind AS text CONSTRAINT assignment_kind_values CHECK (VALUE IN ('care_team', 'case', 'roster'));
COMMENT ON DOMAIN auth.assignment_kind IS 'care_team: treats; case: works on a case; roster: teaches or accompanies';
COMMENT ON CONSTRAINT assignment_kind_values ON DOMAIN auth.assignment_kind IS 'Must be care_team, case or roster';

CREATE TABLE auth.caseload_assignments (
  tenant_id   uuid                 NOT NULL DEFAULT kernel.tenant(),
  id          uuid                 NOT NULL,
  row_version int                  NOT NULL DEFAULT 1,
  created_at  timestamptz          NOT NULL DEFAULT now(),
  updated_at  timestamptz          NOT NULL DEFAULT now(),
  created_by  uuid                 DEFAULT kernel.actor(),
  updated_by  uuid,
  user_id     uuid                 NOT NULL,
  patient_id  uuid                 NOT NULL,
  kind        auth.assignment_kind NOT NULL,
  valid_from  date                 NOT NULL DEFAULT current_date,
  valid_to    date,
  revoked_at  timestamptz,
  CONSTRAINT caseload_assignments_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT caseload_assignments_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT caseload_assignments_patient_fk
    FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT caseload_assignments_period CHECK (valid_to >= valid_from)
);
CREATE INDEX caseload_assignments_user_ix ON auth.caseload_assignments (tenant_id, user_id);
CREATE INDEX caseload_assignments_patient_ix ON auth.caseload_assignments (tenant_id, patient_id);
COMMENT ON TABLE auth.caseload_assignments IS 'Which persons are assigned to which user: the scope caseload';
COMMENT ON COLUMN auth.caseload_assignments.valid_to IS 'Last day it holds; NULL: open';
COMMENT ON CONSTRAINT caseload_assignments_period ON auth.caseload_assignments IS 'Cannot end before it begins';
CALL kernel.protect('auth.caseload_assignments', class => 'C2');
-- Not bound to a subject: kernel.own_persons() reads this table, so its policy cannot call it back. So are those below.
CREATE POLICY own_links ON auth.caseload_assignments FOR SELECT USING (user_id = (SELECT kernel.actor()));

ALTER DOMAIN auth.organization_kind DROP CONSTRAINT organization_kind_values;
ALTER DOMAIN auth.organization_kind ADD CONSTRAINT organization_kind_values
  CHECK (VALUE IN ('payer', 'hospital', 'clinic', 'lab', 'school_district', 'school', 'tpa', 'vendor', 'platform'));
COMMENT ON CONSTRAINT organization_kind_values ON DOMAIN auth.organization_kind IS
  'Must be payer, hospital, clinic, lab, school_district, school, tpa, vendor or platform';

CREATE TABLE auth.user_units (
  tenant_id       uuid        NOT NULL DEFAULT kernel.tenant(),
  id              uuid        NOT NULL,
  row_version     int         NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  created_by      uuid        DEFAULT kernel.actor(),
  updated_by      uuid,
  user_id         uuid        NOT NULL,
  organization_id uuid        NOT NULL,
  valid_from      date        NOT NULL DEFAULT current_date,
  valid_to        date,
  CONSTRAINT user_units_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT user_units_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT user_units_organization_fk
    FOREIGN KEY (tenant_id, organization_id) REFERENCES auth.organizations (tenant_id, id),
  CONSTRAINT user_units_period CHECK (valid_to >= valid_from)
);
CREATE INDEX user_units_user_ix ON auth.user_units (tenant_id, user_id);
CREATE INDEX user_units_organization_ix ON auth.user_units (tenant_id, organization_id);
COMMENT ON TABLE auth.user_units IS 'At which units, such as schools, a user works: the scope school';
COMMENT ON COLUMN auth.user_units.valid_to IS 'Last day it holds; NULL: open';
COMMENT ON CONSTRAINT user_units_period ON auth.user_units IS 'Cannot end before it begins';
CALL kernel.protect('auth.user_units', class => 'C2');
CREATE POLICY own_links ON auth.user_units FOR SELECT USING (user_id = (SELECT kernel.actor()));

CREATE TABLE auth.person_units (
  tenant_id       uuid        NOT NULL DEFAULT kernel.tenant(),
  id              uuid        NOT NULL,
  row_version     int         NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  created_by      uuid        DEFAULT kernel.actor(),
  updated_by      uuid,
  patient_id      uuid        NOT NULL,
  organization_id uuid        NOT NULL,
  valid_from      date        NOT NULL DEFAULT current_date,
  valid_to        date,
  CONSTRAINT person_units_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT person_units_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT person_units_organization_fk
    FOREIGN KEY (tenant_id, organization_id) REFERENCES auth.organizations (tenant_id, id),
  CONSTRAINT person_units_period CHECK (valid_to >= valid_from)
);
CREATE INDEX person_units_patient_ix ON auth.person_units (tenant_id, patient_id);
CREATE INDEX person_units_organization_ix ON auth.person_units (tenant_id, organization_id);
COMMENT ON TABLE auth.person_units IS 'To which units, such as a school, a person belongs';
COMMENT ON COLUMN auth.person_units.valid_to IS 'Last day it holds; NULL: open';
COMMENT ON CONSTRAINT person_units_period ON auth.person_units IS 'Cannot end before it begins';
CALL kernel.protect('auth.person_units', class => 'C2');
CREATE POLICY any_caller ON auth.person_units FOR SELECT USING ((SELECT kernel.scope()) = 'own');

-- Breaking the glass -------------------------------------------------------------------------------------------

CREATE DOMAIN auth.review_outcome AS text CONSTRAINT review_outcome_values CHECK (VALUE IN ('JUSTIFIED', 'UNJUSTIFIED', 'ESCALATED'));
COMMENT ON DOMAIN auth.review_outcome IS 'What a review of emergency access found';
COMMENT ON CONSTRAINT review_outcome_values ON DOMAIN auth.review_outcome IS 'Must be JUSTIFIED, UNJUSTIFIED or ESCALATED';

CREATE TABLE auth.glass_breaks (
  tenant_id      uuid               NOT NULL DEFAULT kernel.tenant(),
  id             uuid               NOT NULL,
  row_version    int                NOT NULL DEFAULT 1,
  created_at     timestamptz        NOT NULL DEFAULT now(),
  updated_at     timestamptz        NOT NULL DEFAULT now(),
  created_by     uuid               DEFAULT kernel.actor(),
  updated_by     uuid,
  user_id        uuid               NOT NULL,
  patient_id     uuid               NOT NULL,
  reason         kernel.sealed_text NOT NULL,
  opened_at      timestamptz        NOT NULL DEFAULT now(),
  ends_at        timestamptz        NOT NULL DEFAULT now() + interval '60 minutes',
  ended_at       timestamptz,
  review_due_on  date               NOT NULL DEFAULT current_date + 2,
  reviewed_at    timestamptz,
  reviewed_by    uuid,
  review_outcome auth.review_outcome,
  review_note    kernel.sealed_text,
  CONSTRAINT glass_breaks_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT glass_breaks_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT glass_breaks_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT glass_breaks_hour CHECK (ends_at > opened_at AND ends_at <= opened_at + interval '60 minutes'),
  CONSTRAINT glass_breaks_other_reviewer CHECK (reviewed_by <> user_id),
  CONSTRAINT glass_breaks_review_whole CHECK ((reviewed_at IS NULL) = (review_outcome IS NULL)
    AND (reviewed_at IS NULL) = (reviewed_by IS NULL))
);
CREATE INDEX glass_breaks_user_ix ON auth.glass_breaks (tenant_id, user_id, ends_at DESC);
CREATE INDEX glass_breaks_patient_ix ON auth.glass_breaks (tenant_id, patient_id);
CREATE INDEX glass_breaks_due_ix ON auth.glass_breaks (tenant_id, review_due_on) WHERE reviewed_at IS NULL;
COMMENT ON TABLE auth.glass_breaks IS
  'Emergency access to one person''s record, with its reason, its end and its review (45 CFR 164.312(a)(2)(ii))';
COMMENT ON COLUMN auth.glass_breaks.ends_at IS 'When it ends by itself: within 60 minutes';
COMMENT ON COLUMN auth.glass_breaks.ended_at IS 'When its user ended it';
COMMENT ON COLUMN auth.glass_breaks.reviewed_by IS 'Who reviewed it; nil for the operator at the machine';
COMMENT ON COLUMN auth.glass_breaks.review_due_on IS 'By when another person has to review it';
COMMENT ON CONSTRAINT glass_breaks_hour ON auth.glass_breaks IS 'Emergency access ends within 60 minutes';
COMMENT ON CONSTRAINT glass_breaks_other_reviewer ON auth.glass_breaks IS
  'Nobody reviews their own emergency access: ask another person';
COMMENT ON CONSTRAINT glass_breaks_review_whole ON auth.glass_breaks IS 'A review has a time, a person and an outcome';
CALL kernel.protect('auth.glass_breaks', class => 'C2', retention => 'audit_logs');
CREATE POLICY own_account ON auth.glass_breaks FOR SELECT USING (user_id = (SELECT kernel.actor()));
CREATE POLICY own_opening ON auth.glass_breaks FOR INSERT WITH CHECK (user_id = (SELECT kernel.actor()));
CREATE POLICY own_end ON auth.glass_breaks FOR UPDATE
  USING (user_id = (SELECT kernel.actor())) WITH CHECK (user_id = (SELECT kernel.actor()));

-- Labels and consents --------------------------------------------------------------------------------------------

CREATE DOMAIN compliance.sensitivity AS text CONSTRAINT sensitivity_values
  CHECK (VALUE IN ('PART2', 'HIV', 'REPRODUCTIVE', 'BEHAVIORAL', 'GENDER', 'MINOR', 'VIP'));
COMMENT ON DOMAIN compliance.sensitivity IS
  'PART2: substance use (42 CFR Part 2); MINOR: care a minor consented to; VIP: a person known to staff';
COMMENT ON CONSTRAINT sensitivity_values ON DOMAIN compliance.sensitivity IS
  'Must be PART2, HIV, REPRODUCTIVE, BEHAVIORAL, GENDER, MINOR or VIP';
CREATE DOMAIN compliance.decision AS text CONSTRAINT decision_values CHECK (VALUE IN ('PERMIT', 'DENY'));
COMMENT ON DOMAIN compliance.decision IS 'What a consent says';
COMMENT ON CONSTRAINT decision_values ON DOMAIN compliance.decision IS 'Must be PERMIT or DENY';
CREATE DOMAIN compliance.verification AS text CONSTRAINT verification_values
  CHECK (VALUE IN ('SIGNED_DOC', 'E_SIGN', 'VERBAL_WITNESSED'));
COMMENT ON DOMAIN compliance.verification IS 'How a consent was given';
COMMENT ON CONSTRAINT verification_values ON DOMAIN compliance.verification IS
  'Must be SIGNED_DOC, E_SIGN or VERBAL_WITNESSED';

CREATE TABLE compliance.sensitivity_labels (
  tenant_id   uuid                   NOT NULL DEFAULT kernel.tenant(),
  id          uuid                   NOT NULL,
  row_version int                    NOT NULL DEFAULT 1,
  created_at  timestamptz            NOT NULL DEFAULT now(),
  updated_at  timestamptz            NOT NULL DEFAULT now(),
  created_by  uuid                   DEFAULT kernel.actor(),
  updated_by  uuid,
  patient_id  uuid                   NOT NULL,
  table_name  kernel.code,
  row_id      uuid,
  label       compliance.sensitivity NOT NULL,
  lifted_at   timestamptz,
  lift_reason kernel.prose,
  CONSTRAINT sensitivity_labels_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT sensitivity_labels_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT sensitivity_labels_row_named CHECK ((table_name IS NULL) = (row_id IS NULL)),
  CONSTRAINT sensitivity_labels_lifted CHECK ((lifted_at IS NULL) = (lift_reason IS NULL))
);
CREATE INDEX sensitivity_labels_patient_ix ON compliance.sensitivity_labels (tenant_id, patient_id);
CREATE INDEX sensitivity_labels_held_ix ON compliance.sensitivity_labels (tenant_id) WHERE lifted_at IS NULL;
COMMENT ON TABLE compliance.sensitivity_labels IS
  'What closes a person''s whole record, or one row of it, until a consent or emergency access opens it';
COMMENT ON COLUMN compliance.sensitivity_labels.table_name IS 'schema.table of the one row; NULL: the whole record';
COMMENT ON COLUMN compliance.sensitivity_labels.lift_reason IS 'Why it was taken away';
COMMENT ON CONSTRAINT sensitivity_labels_row_named ON compliance.sensitivity_labels IS
  'A label of one row names table and row; one of the whole record names neither';
COMMENT ON CONSTRAINT sensitivity_labels_lifted ON compliance.sensitivity_labels IS 'A label is taken away with a reason';
CALL kernel.protect('compliance.sensitivity_labels', class => 'C2');
-- What closes a record has to be seen by whoever it closes it to.
CREATE POLICY any_caller ON compliance.sensitivity_labels FOR SELECT USING ((SELECT kernel.scope()) = 'own');

CREATE TABLE compliance.sensitivity_consents (
  tenant_id       uuid                    NOT NULL DEFAULT kernel.tenant(),
  id              uuid                    NOT NULL,
  row_version     int                     NOT NULL DEFAULT 1,
  created_at      timestamptz             NOT NULL DEFAULT now(),
  updated_at      timestamptz             NOT NULL DEFAULT now(),
  created_by      uuid                    DEFAULT kernel.actor(),
  updated_by      uuid,
  patient_id      uuid                    NOT NULL,
  decision        compliance.decision     NOT NULL,
  label           compliance.sensitivity,
  user_id         uuid,
  role_id         uuid,
  purpose         auth.purpose_of_use,
  effective_from  date                    NOT NULL DEFAULT current_date,
  effective_to    date,
  withdrawn_at    timestamptz,
  verification    compliance.verification NOT NULL,
  document_id     uuid,
  note            kernel.sealed_text,
  CONSTRAINT sensitivity_consents_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT sensitivity_consents_patient_fk
    FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT sensitivity_consents_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT sensitivity_consents_role_fk FOREIGN KEY (tenant_id, role_id) REFERENCES auth.roles (tenant_id, id),
  CONSTRAINT sensitivity_consents_document_fk
    FOREIGN KEY (tenant_id, document_id) REFERENCES records.documents (tenant_id, id),
  CONSTRAINT sensitivity_consents_period CHECK (effective_to >= effective_from)
);
CREATE INDEX sensitivity_consents_patient_ix ON compliance.sensitivity_consents (tenant_id, patient_id);
CREATE INDEX sensitivity_consents_user_ix ON compliance.sensitivity_consents (tenant_id, user_id);
CREATE INDEX sensitivity_consents_role_ix ON compliance.sensitivity_consents (tenant_id, role_id);
CREATE INDEX sensitivity_consents_document_ix ON compliance.sensitivity_consents (tenant_id, document_id);
COMMENT ON TABLE compliance.sensitivity_consents IS
  'By whom, and for what, a labelled record may be opened: the most specific holds, and of two as specific the one that denies';
COMMENT ON COLUMN compliance.sensitivity_consents.label IS 'Which label it opens; NULL: every label';
COMMENT ON COLUMN compliance.sensitivity_consents.user_id IS 'To whom; NULL: not to one user';
COMMENT ON COLUMN compliance.sensitivity_consents.role_id IS 'To whose role; NULL: not to one role';
COMMENT ON COLUMN compliance.sensitivity_consents.purpose IS 'For which purpose; NULL: for every purpose';
COMMENT ON COLUMN compliance.sensitivity_consents.effective_to IS 'Last day it holds; NULL: open';
COMMENT ON COLUMN compliance.sensitivity_consents.document_id IS 'The signed paper';
COMMENT ON CONSTRAINT sensitivity_consents_period ON compliance.sensitivity_consents IS 'Cannot end before it begins';
CALL kernel.protect('compliance.sensitivity_consents', class => 'C2');
CREATE POLICY any_caller ON compliance.sensitivity_consents FOR SELECT USING ((SELECT kernel.scope()) = 'own');

-- Tables that stood before get the policies that kernel.protect gives a new one.
DO $$
DECLARE t record;
BEGIN
  FOR t IN SELECT table_name FROM kernel.tables WHERE shared_reason IS NULL ORDER BY table_name LOOP
    CALL kernel.admit(t.table_name::regclass);
  END LOOP;
END $$;

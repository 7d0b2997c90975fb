-- Who can log in, what they may do, and the organizations they do it for.

-- Texts every domain uses. They bound what a client can store; control characters are refused.
CREATE DOMAIN kernel.code AS text CONSTRAINT code_form
  CHECK (length(VALUE) >= 1 AND length(VALUE) <= 128 AND VALUE = btrim(VALUE) AND VALUE !~ '[\u0001-\u001f\u007f]');
COMMENT ON DOMAIN kernel.code IS 'A code, identifier in clear or short label';
COMMENT ON CONSTRAINT code_form ON DOMAIN kernel.code IS
  'Must be 1 to 128 characters without control characters or spaces at the ends';
CREATE DOMAIN kernel.label AS text CONSTRAINT label_form
  CHECK (length(VALUE) >= 1 AND length(VALUE) <= 500 AND VALUE !~ '[\u0001-\u001f\u007f]');
COMMENT ON DOMAIN kernel.label IS 'A name, title, display or address of a system';
COMMENT ON CONSTRAINT label_form ON DOMAIN kernel.label IS 'Must be 1 to 500 characters without control characters';
CREATE DOMAIN kernel.prose AS text CONSTRAINT prose_form
  CHECK (length(VALUE) >= 1 AND length(VALUE) <= 8000 AND VALUE !~ '[\u0001-\u0008\u000b-\u001f\u007f]');
COMMENT ON DOMAIN kernel.prose IS 'Text of several lines that holds no health data';
COMMENT ON CONSTRAINT prose_form ON DOMAIN kernel.prose IS
  'Must be 1 to 8000 characters; of control characters only tab and new line';
CREATE DOMAIN kernel.currency AS text CONSTRAINT currency_form
  CHECK (VALUE ~ '^[A-Z]{3}$');
COMMENT ON DOMAIN kernel.currency IS 'Currency of an amount in minor units (ISO 4217)';
COMMENT ON CONSTRAINT currency_form ON DOMAIN kernel.currency IS 'Must be three upper-case letters such as USD';
CREATE DOMAIN kernel.country AS text CONSTRAINT country_form
  CHECK (VALUE ~ '^[A-Z]{2}$');
COMMENT ON DOMAIN kernel.country IS 'Country (ISO 3166-1 alpha-2)';
COMMENT ON CONSTRAINT country_form ON DOMAIN kernel.country IS 'Must be two upper-case letters such as US';
CREATE DOMAIN kernel.language AS text CONSTRAINT language_form
  CHECK (VALUE ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$');
COMMENT ON DOMAIN kernel.language IS 'Language tag (BCP 47)';
COMMENT ON CONSTRAINT language_form ON DOMAIN kernel.language IS 'Must be a language tag such as en or pt-BR';

CREATE SCHEMA auth;
COMMENT ON SCHEMA auth IS 'Organizations, users, roles, sessions and keys: who may act, and for whom';
GRANT USAGE ON SCHEMA auth TO salus_app, salus_reader, salus_sealer, salus_backup;

CREATE DOMAIN auth.organization_kind AS text CONSTRAINT organization_kind_values
  CHECK (VALUE IN ('payer', 'hospital', 'clinic', 'lab', 'school_district', 'tpa', 'vendor', 'platform'));
COMMENT ON DOMAIN auth.organization_kind IS 'What an organization is';
COMMENT ON CONSTRAINT organization_kind_values ON DOMAIN auth.organization_kind IS
  'Must be payer, hospital, clinic, lab, school_district, tpa, vendor or platform';
CREATE DOMAIN auth.organization_status AS text CONSTRAINT organization_status_values
  CHECK (VALUE IN ('active', 'suspended', 'closed'));
COMMENT ON DOMAIN auth.organization_status IS 'Whether an organization is served';
COMMENT ON CONSTRAINT organization_status_values ON DOMAIN auth.organization_status IS
  'Must be active, suspended or closed';
CREATE DOMAIN auth.jurisdiction AS text CONSTRAINT jurisdiction_values CHECK (VALUE IN ('US', 'BR', 'OTHER'));
COMMENT ON DOMAIN auth.jurisdiction IS 'Whose law an organization acts under';
COMMENT ON CONSTRAINT jurisdiction_values ON DOMAIN auth.jurisdiction IS 'Must be US, BR or OTHER';
CREATE DOMAIN auth.tax_id_kind AS text CONSTRAINT tax_id_kind_values CHECK (VALUE IN ('EIN', 'CNPJ', 'CPF', 'OTHER'));
COMMENT ON DOMAIN auth.tax_id_kind IS 'Which register a tax number is from';
COMMENT ON CONSTRAINT tax_id_kind_values ON DOMAIN auth.tax_id_kind IS 'Must be EIN, CNPJ, CPF or OTHER';
CREATE DOMAIN auth.user_kind AS text CONSTRAINT user_kind_values
  CHECK (VALUE IN ('staff', 'member', 'provider_portal', 'service'));
COMMENT ON DOMAIN auth.user_kind IS 'How a user reaches Salus';
COMMENT ON CONSTRAINT user_kind_values ON DOMAIN auth.user_kind IS 'Must be staff, member, provider_portal or service';
CREATE DOMAIN auth.user_status AS text CONSTRAINT user_status_values
  CHECK (VALUE IN ('invited', 'active', 'locked', 'disabled'));
COMMENT ON DOMAIN auth.user_status IS 'invited: has a setup link; locked: by hand, until unlocked';
COMMENT ON CONSTRAINT user_status_values ON DOMAIN auth.user_status IS 'Must be invited, active, locked or disabled';
CREATE DOMAIN auth.access_scope AS text CONSTRAINT access_scope_values CHECK (VALUE IN ('tenant', 'own'));
COMMENT ON DOMAIN auth.access_scope IS 'tenant: every row of the tenant; own: rows of the linked persons';
COMMENT ON CONSTRAINT access_scope_values ON DOMAIN auth.access_scope IS 'Must be tenant or own';
CREATE DOMAIN auth.session_kind AS text CONSTRAINT session_kind_values CHECK (VALUE IN ('browser', 'api'));
COMMENT ON DOMAIN auth.session_kind IS 'browser: a cookie; api: an access token';
COMMENT ON CONSTRAINT session_kind_values ON DOMAIN auth.session_kind IS 'Must be browser or api';
CREATE DOMAIN auth.login_outcome AS text CONSTRAINT login_outcome_values
  CHECK (VALUE IN ('success', 'refused', 'locked'));
COMMENT ON DOMAIN auth.login_outcome IS 'How an attempt to sign in ended';
COMMENT ON CONSTRAINT login_outcome_values ON DOMAIN auth.login_outcome IS 'Must be success, refused or locked';
CREATE DOMAIN auth.person_relation AS text CONSTRAINT person_relation_values
  CHECK (VALUE IN ('self', 'parent', 'guardian', 'caregiver', 'legal_rep'));
COMMENT ON DOMAIN auth.person_relation IS 'What a user is to a patient';
COMMENT ON CONSTRAINT person_relation_values ON DOMAIN auth.person_relation IS
  'Must be self, parent, guardian, caregiver or legal_rep';

CREATE TABLE auth.organizations (
  tenant_id    uuid                   NOT NULL DEFAULT kernel.tenant(),
  id           uuid                   NOT NULL,
  row_version  int                    NOT NULL DEFAULT 1,
  created_at   timestamptz            NOT NULL DEFAULT now(),
  updated_at   timestamptz            NOT NULL DEFAULT now(),
  created_by   uuid                   DEFAULT kernel.actor(),
  updated_by   uuid,
  parent_id    uuid,
  kind         auth.organization_kind NOT NULL,
  name         kernel.label           NOT NULL,
  legal_name   kernel.label,
  tax_id       kernel.sealed_text,
  tax_id_bidx  kernel.blind_index,
  tax_id_kind  auth.tax_id_kind,
  npi          kernel.code,
  ans_registry kernel.code,
  cnes         kernel.code,
  jurisdiction auth.jurisdiction      NOT NULL DEFAULT 'US',
  timezone     kernel.code            NOT NULL DEFAULT 'UTC',
  locale       kernel.language        NOT NULL DEFAULT 'en',
  currency     kernel.currency        NOT NULL DEFAULT 'USD',
  edi          jsonb                  NOT NULL DEFAULT '{}',
  status       auth.organization_status NOT NULL DEFAULT 'active',
  CONSTRAINT organizations_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT organizations_parent_fk FOREIGN KEY (tenant_id, parent_id) REFERENCES auth.organizations (tenant_id, id),
  CONSTRAINT organizations_tax_id_uq UNIQUE (tenant_id, tax_id_bidx),
  CONSTRAINT organizations_npi_uq UNIQUE (tenant_id, npi),
  CONSTRAINT organizations_ans_registry_uq UNIQUE (tenant_id, ans_registry),
  CONSTRAINT organizations_not_own_parent CHECK (parent_id <> id),
  CONSTRAINT organizations_tenant_has_no_parent CHECK (id <> tenant_id OR parent_id IS NULL),
  CONSTRAINT organizations_npi_form CHECK (npi ~ '^[0-9]{10}$'),
  CONSTRAINT organizations_ans_form CHECK (ans_registry ~ '^[0-9]{6}$'),
  CONSTRAINT organizations_cnes_form CHECK (cnes ~ '^[0-9]{7}$'),
  CONSTRAINT organizations_edi_object CHECK (jsonb_typeof(edi) = 'object')
);
CREATE INDEX organizations_parent_ix ON auth.organizations (tenant_id, parent_id);
COMMENT ON TABLE auth.organizations IS
  'Organizations: the tenant itself (its id is the tenant''s id) and those it works with';
COMMENT ON COLUMN auth.organizations.parent_id IS 'The organization it belongs to; NULL for the tenant itself';
COMMENT ON COLUMN auth.organizations.npi IS 'National provider identifier, 10 digits (45 CFR 162.406)';
COMMENT ON COLUMN auth.organizations.ans_registry IS 'Registry of Brazilian health plans, 6 digits';
COMMENT ON COLUMN auth.organizations.cnes IS 'Register of Brazilian health facilities, 7 digits';
COMMENT ON COLUMN auth.organizations.timezone IS 'IANA name; "today" is the organization''s day';
COMMENT ON COLUMN auth.organizations.edi IS
  'Sender and receiver ids of X12 envelopes: isa_qualifier, isa_id, gs_id, usage';
COMMENT ON CONSTRAINT organizations_tax_id_uq ON auth.organizations IS 'Another organization has this tax number';
COMMENT ON CONSTRAINT organizations_npi_uq ON auth.organizations IS 'Another organization has this NPI';
COMMENT ON CONSTRAINT organizations_ans_registry_uq ON auth.organizations IS 'Another organization has this ANS number';
COMMENT ON CONSTRAINT organizations_not_own_parent ON auth.organizations IS 'An organization cannot belong to itself';
COMMENT ON CONSTRAINT organizations_tenant_has_no_parent ON auth.organizations IS
  'The tenant''s own organization belongs to no other';
COMMENT ON CONSTRAINT organizations_npi_form ON auth.organizations IS 'An NPI has 10 digits';
COMMENT ON CONSTRAINT organizations_ans_form ON auth.organizations IS 'An ANS number has 6 digits';
COMMENT ON CONSTRAINT organizations_cnes_form ON auth.organizations IS 'A CNES number has 7 digits';
COMMENT ON CONSTRAINT organizations_edi_object ON auth.organizations IS 'Must be an object';
CALL kernel.protect('auth.organizations');
CALL kernel.classify('auth.organizations', 'tax_id', search => 'identifier', phi => 'account');
CREATE POLICY any_caller ON auth.organizations FOR SELECT USING ((SELECT kernel.scope()) = 'own');

CREATE TABLE auth.users (
  tenant_id           uuid               NOT NULL DEFAULT kernel.tenant(),
  id                  uuid               NOT NULL,
  row_version         int                NOT NULL DEFAULT 1,
  created_at          timestamptz        NOT NULL DEFAULT now(),
  updated_at          timestamptz        NOT NULL DEFAULT now(),
  created_by          uuid               DEFAULT kernel.actor(),
  updated_by          uuid,
  kind                auth.user_kind     NOT NULL,
  organization_id     uuid,
  email               kernel.sealed_text,
  email_bidx          kernel.blind_index,
  display_name        kernel.sealed_text,
  locale              kernel.language    NOT NULL DEFAULT 'en',
  status              auth.user_status   NOT NULL DEFAULT 'invited',
  password_hash       kernel.sealed_text,
  password_changed_at timestamptz,
  failed_attempts     int                NOT NULL DEFAULT 0,
  locked_until        timestamptz,
  setup_token_hash    audit.sha256,
  setup_expires_at    timestamptz,
  last_login_at       timestamptz,
  CONSTRAINT users_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT users_organization_fk
    FOREIGN KEY (tenant_id, organization_id) REFERENCES auth.organizations (tenant_id, id),
  CONSTRAINT users_email_uq UNIQUE (tenant_id, email_bidx),
  CONSTRAINT users_setup_token_uq UNIQUE (tenant_id, setup_token_hash),
  CONSTRAINT users_email_given CHECK (kind = 'service' OR email IS NOT NULL),
  CONSTRAINT users_failed_attempts CHECK (failed_attempts >= 0),
  CONSTRAINT users_setup_expires CHECK ((setup_token_hash IS NULL) = (setup_expires_at IS NULL))
);
CREATE INDEX users_organization_ix ON auth.users (tenant_id, organization_id);
COMMENT ON TABLE auth.users IS 'People and service accounts that can sign in; a patient needs none';
COMMENT ON COLUMN auth.users.organization_id IS 'The organization a user works for';
COMMENT ON COLUMN auth.users.password_hash IS 'Argon2id or imported bcrypt string; NULL: no password set';
COMMENT ON COLUMN auth.users.failed_attempts IS 'Failures since the last success';
COMMENT ON COLUMN auth.users.locked_until IS 'End of an automatic lock';
COMMENT ON COLUMN auth.users.setup_token_hash IS 'SHA-256 of the one-time link by which the first password is set';
COMMENT ON CONSTRAINT users_email_uq ON auth.users IS 'Another user has this e-mail address';
COMMENT ON CONSTRAINT users_setup_token_uq ON auth.users IS 'This setup link exists already';
COMMENT ON CONSTRAINT users_email_given ON auth.users IS 'A person who signs in needs an e-mail address';
COMMENT ON CONSTRAINT users_failed_attempts ON auth.users IS 'Cannot be negative';
COMMENT ON CONSTRAINT users_setup_expires ON auth.users IS 'A setup link has an end';
CALL kernel.protect('auth.users', key_class => 'secrets');
CALL kernel.classify('auth.users', 'email', search => 'email', phi => 'email');
CALL kernel.classify('auth.users', 'display_name', search => 'name', phi => 'name');
CALL kernel.classify('auth.users', 'password_hash', phi => 'secret');
CREATE POLICY own_account ON auth.users FOR SELECT USING (id = (SELECT kernel.actor()));

CREATE TABLE auth.roles (
  tenant_id   uuid              NOT NULL DEFAULT kernel.tenant(),
  id          uuid              NOT NULL,
  row_version int               NOT NULL DEFAULT 1,
  created_at  timestamptz       NOT NULL DEFAULT now(),
  updated_at  timestamptz       NOT NULL DEFAULT now(),
  created_by  uuid              DEFAULT kernel.actor(),
  updated_by  uuid,
  name        kernel.code       NOT NULL,
  description kernel.prose,
  scope       auth.access_scope NOT NULL DEFAULT 'tenant',
  is_system   boolean           NOT NULL DEFAULT false,
  CONSTRAINT roles_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT roles_name_uq UNIQUE (tenant_id, name)
);
COMMENT ON TABLE auth.roles IS 'Named sets of permissions';
COMMENT ON COLUMN auth.roles.scope IS 'Which rows the role''s holders reach';
COMMENT ON COLUMN auth.roles.is_system IS 'Shipped with the tenant: cannot be renamed or removed';
COMMENT ON CONSTRAINT roles_name_uq ON auth.roles IS 'A role of this name exists already';
CALL kernel.protect('auth.roles');
CREATE POLICY any_caller ON auth.roles FOR SELECT USING ((SELECT kernel.scope()) = 'own');

CREATE TABLE auth.permissions (
  tenant_id   uuid         NOT NULL DEFAULT kernel.tenant(),
  id          uuid         NOT NULL,
  row_version int          NOT NULL DEFAULT 1,
  created_at  timestamptz  NOT NULL DEFAULT now(),
  updated_at  timestamptz  NOT NULL DEFAULT now(),
  created_by  uuid         DEFAULT kernel.actor(),
  updated_by  uuid,
  name        kernel.code  NOT NULL,
  description kernel.prose,
  patterns    jsonb        NOT NULL,
  CONSTRAINT permissions_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT permissions_name_uq UNIQUE (tenant_id, name),
  CONSTRAINT permissions_patterns_array CHECK (jsonb_typeof(patterns) = 'array' AND jsonb_array_length(patterns) > 0)
);
COMMENT ON TABLE auth.permissions IS 'Names under which a tenant hands out permission patterns';
COMMENT ON COLUMN auth.permissions.patterns IS
  'What it grants: permission names such as "medical.patient.read", * stands for any one word';
COMMENT ON CONSTRAINT permissions_name_uq ON auth.permissions IS 'A permission of this name exists already';
COMMENT ON CONSTRAINT permissions_patterns_array ON auth.permissions IS
  'Must be a list of at least one permission pattern';
CALL kernel.protect('auth.permissions');
CREATE POLICY any_caller ON auth.permissions FOR SELECT USING ((SELECT kernel.scope()) = 'own');

CREATE TABLE auth.user_roles (
  tenant_id   uuid        NOT NULL DEFAULT kernel.tenant(),
  id          uuid        NOT NULL,
  row_version int         NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid        DEFAULT kernel.actor(),
  updated_by  uuid,
  user_id     uuid        NOT NULL,
  role_id     uuid        NOT NULL,
  valid_from  timestamptz NOT NULL DEFAULT now(),
  valid_to    timestamptz,
  CONSTRAINT user_roles_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT user_roles_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT user_roles_role_fk FOREIGN KEY (tenant_id, role_id) REFERENCES auth.roles (tenant_id, id),
  CONSTRAINT user_roles_once_uq UNIQUE (tenant_id, user_id, role_id),
  CONSTRAINT user_roles_period CHECK (valid_to > valid_from)
);
CREATE INDEX user_roles_user_ix ON auth.user_roles (tenant_id, user_id);
CREATE INDEX user_roles_role_ix ON auth.user_roles (tenant_id, role_id);
COMMENT ON TABLE auth.user_roles IS 'Which users hold which roles';
COMMENT ON COLUMN auth.user_roles.valid_to IS 'NULL: until taken away';
COMMENT ON CONSTRAINT user_roles_once_uq ON auth.user_roles IS 'This user holds the role already';
COMMENT ON CONSTRAINT user_roles_period ON auth.user_roles IS 'Must end after it begins';
CALL kernel.protect('auth.user_roles');
CREATE POLICY own_account ON auth.user_roles FOR SELECT USING (user_id = (SELECT kernel.actor()));

CREATE TABLE auth.role_permissions (
  tenant_id     uuid        NOT NULL DEFAULT kernel.tenant(),
  id            uuid        NOT NULL,
  row_version   int         NOT NULL DEFAULT 1,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  created_by    uuid        DEFAULT kernel.actor(),
  updated_by    uuid,
  role_id       uuid        NOT NULL,
  permission_id uuid        NOT NULL,
  CONSTRAINT role_permissions_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT role_permissions_role_fk FOREIGN KEY (tenant_id, role_id) REFERENCES auth.roles (tenant_id, id),
  CONSTRAINT role_permissions_permission_fk
    FOREIGN KEY (tenant_id, permission_id) REFERENCES auth.permissions (tenant_id, id),
  CONSTRAINT role_permissions_once_uq UNIQUE (tenant_id, role_id, permission_id)
);
CREATE INDEX role_permissions_role_ix ON auth.role_permissions (tenant_id, role_id);
CREATE INDEX role_permissions_permission_ix ON auth.role_permissions (tenant_id, permission_id);
COMMENT ON TABLE auth.role_permissions IS 'Which permissions a role grants';
COMMENT ON CONSTRAINT role_permissions_once_uq ON auth.role_permissions IS 'The role grants this permission already';
CALL kernel.protect('auth.role_permissions');
CREATE POLICY any_caller ON auth.role_permissions FOR SELECT USING ((SELECT kernel.scope()) = 'own');

CREATE TABLE auth.sessions (
  tenant_id       uuid               NOT NULL DEFAULT kernel.tenant(),
  id              uuid               NOT NULL,
  row_version     int                NOT NULL DEFAULT 1,
  created_at      timestamptz        NOT NULL DEFAULT now(),
  updated_at      timestamptz        NOT NULL DEFAULT now(),
  created_by      uuid               DEFAULT kernel.actor(),
  updated_by      uuid,
  user_id         uuid               NOT NULL,
  kind            auth.session_kind  NOT NULL,
  token_hash      audit.sha256       NOT NULL,
  last_seen_at    timestamptz        NOT NULL DEFAULT now(),
  idle_expires_at timestamptz        NOT NULL,
  expires_at      timestamptz        NOT NULL,
  revoked_at      timestamptz,
  user_agent      kernel.sealed_text,
  ip              kernel.sealed_text,
  CONSTRAINT sessions_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT sessions_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT sessions_token_uq UNIQUE (tenant_id, token_hash),
  CONSTRAINT sessions_expiry_order CHECK (idle_expires_at <= expires_at)
);
CREATE INDEX sessions_user_ix ON auth.sessions (tenant_id, user_id);
CREATE INDEX sessions_expiry_ix ON auth.sessions (tenant_id, expires_at);
COMMENT ON TABLE auth.sessions IS 'Signed-in browsers and API clients';
COMMENT ON COLUMN auth.sessions.token_hash IS 'SHA-256 of the opaque token; the token itself is never stored';
COMMENT ON COLUMN auth.sessions.idle_expires_at IS 'Moves with use';
COMMENT ON COLUMN auth.sessions.expires_at IS 'Never moves';
COMMENT ON CONSTRAINT sessions_token_uq ON auth.sessions IS 'This session exists already';
COMMENT ON CONSTRAINT sessions_expiry_order ON auth.sessions IS 'The idle limit cannot lie after the absolute one';
CALL kernel.protect('auth.sessions', key_class => 'secrets');
CALL kernel.classify('auth.sessions', 'user_agent', phi => 'device');
CALL kernel.classify('auth.sessions', 'ip', phi => 'ip');
CREATE POLICY own_account ON auth.sessions FOR SELECT USING (user_id = (SELECT kernel.actor()));

CREATE TABLE auth.refresh_tokens (
  tenant_id   uuid         NOT NULL DEFAULT kernel.tenant(),
  id          uuid         NOT NULL,
  row_version int          NOT NULL DEFAULT 1,
  created_at  timestamptz  NOT NULL DEFAULT now(),
  updated_at  timestamptz  NOT NULL DEFAULT now(),
  created_by  uuid         DEFAULT kernel.actor(),
  updated_by  uuid,
  session_id  uuid         NOT NULL,
  user_id     uuid         NOT NULL,
  family_id   uuid         NOT NULL,
  token_hash  audit.sha256 NOT NULL,
  replaced_by uuid,
  spent_at    timestamptz,
  expires_at  timestamptz  NOT NULL,
  revoked_at  timestamptz,
  CONSTRAINT refresh_tokens_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT refresh_tokens_session_fk FOREIGN KEY (tenant_id, session_id) REFERENCES auth.sessions (tenant_id, id),
  CONSTRAINT refresh_tokens_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT refresh_tokens_replacement_fk
    FOREIGN KEY (tenant_id, replaced_by) REFERENCES auth.refresh_tokens (tenant_id, id),
  CONSTRAINT refresh_tokens_token_uq UNIQUE (tenant_id, token_hash),
  CONSTRAINT refresh_tokens_spent CHECK (replaced_by IS NULL OR spent_at IS NOT NULL)
);
CREATE INDEX refresh_tokens_session_ix ON auth.refresh_tokens (tenant_id, session_id);
CREATE INDEX refresh_tokens_user_ix ON auth.refresh_tokens (tenant_id, user_id);
CREATE INDEX refresh_tokens_replacement_ix ON auth.refresh_tokens (tenant_id, replaced_by);
CREATE INDEX refresh_tokens_family_ix ON auth.refresh_tokens (tenant_id, family_id);
COMMENT ON TABLE auth.refresh_tokens IS 'One-use tokens that renew an API session; using one twice revokes its family';
COMMENT ON COLUMN auth.refresh_tokens.family_id IS 'All tokens that descend from one sign-in';
COMMENT ON COLUMN auth.refresh_tokens.token_hash IS 'SHA-256 of the opaque token';
COMMENT ON COLUMN auth.refresh_tokens.replaced_by IS 'The token handed out for this one';
COMMENT ON CONSTRAINT refresh_tokens_token_uq ON auth.refresh_tokens IS 'This token exists already';
COMMENT ON CONSTRAINT refresh_tokens_spent ON auth.refresh_tokens IS 'A replaced token is spent';
CALL kernel.protect('auth.refresh_tokens', key_class => 'secrets');
CREATE POLICY own_account ON auth.refresh_tokens FOR SELECT USING (user_id = (SELECT kernel.actor()));

CREATE TABLE auth.login_history (
  tenant_id  uuid               NOT NULL DEFAULT kernel.tenant(),
  id         uuid               NOT NULL,
  created_at timestamptz        NOT NULL DEFAULT now(),
  created_by uuid               DEFAULT kernel.actor(),
  user_id    uuid,
  outcome    auth.login_outcome NOT NULL,
  reason     kernel.code,
  ip         kernel.sealed_text,
  user_agent kernel.sealed_text,
  CONSTRAINT login_history_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT login_history_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id)
);
CREATE INDEX login_history_user_ix ON auth.login_history (tenant_id, user_id, created_at DESC);
CREATE INDEX login_history_time_ix ON auth.login_history (tenant_id, created_at DESC);
COMMENT ON TABLE auth.login_history IS 'Every attempt to sign in, kept as it was';
COMMENT ON COLUMN auth.login_history.user_id IS 'NULL when the name given is nobody''s';
COMMENT ON COLUMN auth.login_history.reason IS 'Stable word such as password, totp, unknown_user, too_many';
CALL kernel.protect('auth.login_history', key_class => 'secrets', retention => 'audit_logs', append_only => true);
CALL kernel.classify('auth.login_history', 'ip', phi => 'ip');
CALL kernel.classify('auth.login_history', 'user_agent', phi => 'device');
CREATE POLICY any_caller ON auth.login_history FOR INSERT WITH CHECK (true);
CREATE POLICY own_account ON auth.login_history FOR SELECT USING (user_id = (SELECT kernel.actor()));

CREATE TABLE auth.oauth_accounts (
  tenant_id    uuid               NOT NULL DEFAULT kernel.tenant(),
  id           uuid               NOT NULL,
  row_version  int                NOT NULL DEFAULT 1,
  created_at   timestamptz        NOT NULL DEFAULT now(),
  updated_at   timestamptz        NOT NULL DEFAULT now(),
  created_by   uuid               DEFAULT kernel.actor(),
  updated_by   uuid,
  user_id      uuid               NOT NULL,
  issuer       kernel.label       NOT NULL,
  subject      kernel.sealed_text NOT NULL,
  subject_bidx kernel.blind_index NOT NULL,
  linked_at    timestamptz        NOT NULL DEFAULT now(),
  last_used_at timestamptz,
  CONSTRAINT oauth_accounts_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT oauth_accounts_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT oauth_accounts_subject_uq UNIQUE (tenant_id, issuer, subject_bidx)
);
CREATE INDEX oauth_accounts_user_ix ON auth.oauth_accounts (tenant_id, user_id);
COMMENT ON TABLE auth.oauth_accounts IS 'Accounts at an identity provider by which a user signs in';
COMMENT ON COLUMN auth.oauth_accounts.issuer IS 'Issuer address of the provider (OpenID Connect iss)';
COMMENT ON COLUMN auth.oauth_accounts.subject IS 'The provider''s name for the user (OpenID Connect sub)';
COMMENT ON CONSTRAINT oauth_accounts_subject_uq ON auth.oauth_accounts IS 'This account is linked to a user already';
CALL kernel.protect('auth.oauth_accounts', key_class => 'secrets');
CALL kernel.classify('auth.oauth_accounts', 'subject', search => 'exact', phi => 'account');
CREATE POLICY own_account ON auth.oauth_accounts FOR SELECT USING (user_id = (SELECT kernel.actor()));

CREATE TABLE auth.api_keys (
  tenant_id    uuid         NOT NULL DEFAULT kernel.tenant(),
  id           uuid         NOT NULL,
  row_version  int          NOT NULL DEFAULT 1,
  created_at   timestamptz  NOT NULL DEFAULT now(),
  updated_at   timestamptz  NOT NULL DEFAULT now(),
  created_by   uuid         DEFAULT kernel.actor(),
  updated_by   uuid,
  user_id      uuid         NOT NULL,
  name         kernel.label NOT NULL,
  prefix       kernel.code  NOT NULL,
  token_hash   audit.sha256 NOT NULL,
  scopes       jsonb        NOT NULL DEFAULT '[]',
  networks     jsonb        NOT NULL DEFAULT '[]',
  expires_at   timestamptz  NOT NULL,
  revoked_at   timestamptz,
  last_used_at timestamptz,
  CONSTRAINT api_keys_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT api_keys_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT api_keys_token_uq UNIQUE (tenant_id, token_hash),
  CONSTRAINT api_keys_name_uq UNIQUE (tenant_id, user_id, name),
  CONSTRAINT api_keys_scopes_array CHECK (jsonb_typeof(scopes) = 'array'),
  CONSTRAINT api_keys_networks_array CHECK (jsonb_typeof(networks) = 'array'),
  CONSTRAINT api_keys_lifetime CHECK (expires_at <= created_at + interval '366 days')
);
CREATE INDEX api_keys_user_ix ON auth.api_keys (tenant_id, user_id);
COMMENT ON TABLE auth.api_keys IS 'Keys by which programs sign in as a user';
COMMENT ON COLUMN auth.api_keys.prefix IS 'The part of the key that may be shown';
COMMENT ON COLUMN auth.api_keys.token_hash IS 'SHA-256 of the whole key';
COMMENT ON COLUMN auth.api_keys.scopes IS
  'Permission patterns; the key can do what these and its user''s roles both allow';
COMMENT ON COLUMN auth.api_keys.networks IS 'Address ranges (CIDR) it may come from; empty: any';
COMMENT ON CONSTRAINT api_keys_token_uq ON auth.api_keys IS 'This key exists already';
COMMENT ON CONSTRAINT api_keys_name_uq ON auth.api_keys IS 'This user has a key of that name';
COMMENT ON CONSTRAINT api_keys_scopes_array ON auth.api_keys IS 'Must be a list of permission patterns';
COMMENT ON CONSTRAINT api_keys_networks_array ON auth.api_keys IS 'Must be a list of address ranges';
COMMENT ON CONSTRAINT api_keys_lifetime ON auth.api_keys IS 'A key lives a year at most';
CALL kernel.protect('auth.api_keys', key_class => 'secrets');
CREATE POLICY own_account ON auth.api_keys FOR SELECT USING (user_id = (SELECT kernel.actor()));

CREATE TABLE auth.notifications (
  tenant_id    uuid        NOT NULL DEFAULT kernel.tenant(),
  id           uuid        NOT NULL,
  row_version  int         NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  created_by   uuid        DEFAULT kernel.actor(),
  updated_by   uuid,
  user_id      uuid        NOT NULL,
  title_key    kernel.code NOT NULL,
  params       jsonb       NOT NULL DEFAULT '{}',
  target_table kernel.code,
  target_id    uuid,
  read_at      timestamptz,
  CONSTRAINT notifications_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT notifications_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT notifications_params_object CHECK (jsonb_typeof(params) = 'object')
);
CREATE INDEX notifications_inbox_ix ON auth.notifications (tenant_id, user_id, created_at DESC);
COMMENT ON TABLE auth.notifications IS 'Inbox of a user; never holds health data, only where to look';
COMMENT ON COLUMN auth.notifications.title_key IS 'Name of the text; the reader''s language decides the words';
COMMENT ON COLUMN auth.notifications.params IS 'Numbers, codes and ids for the text; never names or health data';
COMMENT ON COLUMN auth.notifications.target_table IS 'What it is about';
COMMENT ON CONSTRAINT notifications_params_object ON auth.notifications IS 'Must be an object';
CALL kernel.protect('auth.notifications');
CREATE POLICY own_inbox_read ON auth.notifications FOR SELECT USING (user_id = (SELECT kernel.actor()));
CREATE POLICY own_inbox_mark ON auth.notifications FOR UPDATE
  USING (user_id = (SELECT kernel.actor())) WITH CHECK (user_id = (SELECT kernel.actor()));

CREATE TABLE auth.user_person_links (
  tenant_id   uuid                 NOT NULL DEFAULT kernel.tenant(),
  id          uuid                 NOT NULL,
  row_version int                  NOT NULL DEFAULT 1,
  created_at  timestamptz          NOT NULL DEFAULT now(),
  updated_at  timestamptz          NOT NULL DEFAULT now(),
  created_by  uuid                 DEFAULT kernel.actor(),
  updated_by  uuid,
  user_id     uuid                 NOT NULL,
  patient_id  uuid                 NOT NULL,
  relation    auth.person_relation NOT NULL,
  valid_from  date                 NOT NULL DEFAULT current_date,
  valid_to    date,
  revoked_at  timestamptz,
  CONSTRAINT user_person_links_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT user_person_links_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT user_person_links_period CHECK (valid_to >= valid_from)
);
CREATE INDEX user_person_links_user_ix ON auth.user_person_links (tenant_id, user_id);
CREATE INDEX user_person_links_patient_ix ON auth.user_person_links (tenant_id, patient_id);
CREATE UNIQUE INDEX user_person_links_active_uq ON auth.user_person_links (tenant_id, user_id, patient_id)
  WHERE revoked_at IS NULL;
COMMENT ON TABLE auth.user_person_links IS 'Which patients a user is, or may act for';
COMMENT ON COLUMN auth.user_person_links.valid_to IS 'Last day it holds; NULL: open';
COMMENT ON CONSTRAINT user_person_links_period ON auth.user_person_links IS 'Cannot end before it begins';
COMMENT ON INDEX auth.user_person_links_active_uq IS 'This user is linked to the patient already';
CALL kernel.protect('auth.user_person_links', class => 'C2');
-- Not bound to a subject: kernel.own_persons() reads this table, so its policy cannot call it back.
CREATE POLICY own_links ON auth.user_person_links FOR SELECT USING (user_id = (SELECT kernel.actor()));

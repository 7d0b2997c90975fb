-- Types and tables that every domain stands on.

-- Sealed values: 0xE5 0x01, algorithm, 8 bytes of key id, nonce, ciphertext, 16 bytes of tag.
-- The check admits nothing shorter or unmarked, so clear text cannot slip into a sealed column.
CREATE DOMAIN kernel.sealed_text AS bytea
  CONSTRAINT sealed_text_header CHECK (octet_length(VALUE) >= 39 AND substring(VALUE FROM 1 FOR 3) = '\xe50101');
CREATE DOMAIN kernel.sealed_date AS bytea
  CONSTRAINT sealed_date_header CHECK (octet_length(VALUE) >= 39 AND substring(VALUE FROM 1 FOR 3) = '\xe50101');
CREATE DOMAIN kernel.sealed_json AS bytea
  CONSTRAINT sealed_json_header CHECK (octet_length(VALUE) >= 39 AND substring(VALUE FROM 1 FOR 3) = '\xe50101');
CREATE DOMAIN kernel.blind_index AS bytea
  CONSTRAINT blind_index_length CHECK (octet_length(VALUE) = 16);
COMMENT ON DOMAIN kernel.sealed_text IS 'Encrypted text, padded to 32-byte steps';
COMMENT ON DOMAIN kernel.sealed_date IS 'Encrypted ISO 8601 date';
COMMENT ON DOMAIN kernel.sealed_json IS 'Encrypted JSON';
COMMENT ON DOMAIN kernel.blind_index IS 'HMAC-SHA-256 of a normalised value under a key of its tenant and column, first 16 bytes';
COMMENT ON CONSTRAINT sealed_text_header ON DOMAIN kernel.sealed_text IS 'Must be sealed by the server before it is stored';
COMMENT ON CONSTRAINT sealed_date_header ON DOMAIN kernel.sealed_date IS 'Must be sealed by the server before it is stored';
COMMENT ON CONSTRAINT sealed_json_header ON DOMAIN kernel.sealed_json IS 'Must be sealed by the server before it is stored';
COMMENT ON CONSTRAINT blind_index_length ON DOMAIN kernel.blind_index IS 'Must be 16 bytes';

CREATE DOMAIN kernel.data_class AS text CONSTRAINT data_class_values CHECK (VALUE IN ('C0', 'C1', 'C2', 'C3', 'C4'));
COMMENT ON DOMAIN kernel.data_class IS 'C0 public, C1 operational, C2 coded health data, C3 sealed identifiers and free text, C4 specially protected';
COMMENT ON CONSTRAINT data_class_values ON DOMAIN kernel.data_class IS 'Must be C0, C1, C2, C3 or C4';
CREATE DOMAIN kernel.key_class AS text CONSTRAINT key_class_values
  CHECK (VALUE IN ('identity', 'clinical', 'claims', 'messaging', 'documents', 'secrets', 'audit'));
COMMENT ON DOMAIN kernel.key_class IS 'Which of a tenant''s data keys seals a value';
COMMENT ON CONSTRAINT key_class_values ON DOMAIN kernel.key_class IS 'Must be identity, clinical, claims, messaging, documents, secrets or audit';

-- Tables of all tenants together -------------------------------------------------------------------

CREATE TABLE kernel.tables (
  table_name     text NOT NULL CONSTRAINT tables_pk PRIMARY KEY,
  subject_column name,
  class          kernel.data_class NOT NULL,
  key_class      kernel.key_class,
  retention      text NOT NULL,
  append_only    boolean NOT NULL DEFAULT false,
  shared_reason  text
);
COMMENT ON TABLE kernel.tables IS 'How each table is protected; written by kernel.protect and kernel.share';
CREATE TABLE kernel.fields (
  column_id     bigint NOT NULL CONSTRAINT fields_pk PRIMARY KEY,
  table_name    text NOT NULL CONSTRAINT fields_table_fk REFERENCES kernel.tables (table_name),
  column_name   name NOT NULL,
  class         kernel.data_class NOT NULL,
  key_class     kernel.key_class,
  subject_bound boolean NOT NULL DEFAULT false,
  search        text CONSTRAINT fields_search CHECK (search IN ('exact', 'identifier', 'phone', 'email', 'date', 'postal', 'name')),
  phi           text,
  CONSTRAINT fields_name_uq UNIQUE (table_name, column_name)
);
COMMENT ON TABLE kernel.fields IS 'The class of every column, and how sealed ones are sealed and searched';
COMMENT ON COLUMN kernel.fields.column_id IS 'Bound into each sealed value; survives renames';
COMMENT ON CONSTRAINT fields_search ON kernel.fields IS 'Must be exact, identifier, phone, email, date, postal or name';
COMMENT ON CONSTRAINT fields_name_uq ON kernel.fields IS 'A column is registered once';

CREATE DOMAIN kernel.tenant_state AS text CONSTRAINT tenant_state_values CHECK (VALUE IN ('active', 'suspended', 'closed'));
COMMENT ON DOMAIN kernel.tenant_state IS 'Whether a tenant is served';
COMMENT ON CONSTRAINT tenant_state_values ON DOMAIN kernel.tenant_state IS 'Must be active, suspended or closed';
CREATE TABLE kernel.tenants (
  id         uuid NOT NULL CONSTRAINT tenants_pk PRIMARY KEY,
  slug       text NOT NULL CONSTRAINT tenants_slug_uq UNIQUE
             CONSTRAINT tenants_slug_form CHECK (slug ~ '^[a-z][a-z0-9-]{1,39}$'),
  state      kernel.tenant_state NOT NULL DEFAULT 'active',
  is_demo    boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE kernel.tenants IS 'The list of tenants: address, state, nothing about them';
COMMENT ON CONSTRAINT tenants_slug_uq ON kernel.tenants IS 'This tenant name is taken';
COMMENT ON CONSTRAINT tenants_slug_form ON kernel.tenants IS 'A tenant name is 2 to 40 lower-case letters, digits and hyphens, and starts with a letter';
INSERT INTO kernel.tenants (id, slug) VALUES ('00000000-0000-0000-0000-000000000000', 'platform');

CREATE TABLE kernel.installation (
  one         boolean NOT NULL DEFAULT true CONSTRAINT installation_pk PRIMARY KEY CONSTRAINT installation_one CHECK (one),
  id          uuid NOT NULL DEFAULT gen_random_uuid(),
  production  boolean NOT NULL DEFAULT false,
  created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE kernel.installation IS 'One row: which installation this database belongs to, and whether it is production';
COMMENT ON CONSTRAINT installation_one ON kernel.installation IS 'There is one installation row';
INSERT INTO kernel.installation DEFAULT VALUES;

GRANT USAGE ON SCHEMA kernel TO salus_app, salus_reader, salus_sealer, salus_backup;
CALL kernel.share('kernel.tables', 'the description of the schema, the same for all tenants');
CALL kernel.share('kernel.fields', 'the description of the schema, the same for all tenants');
CALL kernel.share('kernel.tenants', 'the address book: a request finds its tenant here before it has one');
GRANT INSERT, UPDATE (state) ON kernel.tenants TO salus_app;
CALL kernel.share('kernel.installation', 'one row about the installation, nothing of a tenant');
CALL kernel.share('kernel.migrations', 'what was applied to the database');
CALL kernel.share('kernel.replaceables', 'what was applied to the database');

-- Keys -----------------------------------------------------------------------------------------------

CREATE DOMAIN kernel.key_kind AS text CONSTRAINT key_kind_values CHECK (VALUE IN ('tenant', 'class', 'index'));
COMMENT ON DOMAIN kernel.key_kind IS 'tenant: wraps the others; class: seals values; index: blind indexes and search tokens';
COMMENT ON CONSTRAINT key_kind_values ON DOMAIN kernel.key_kind IS 'Must be tenant, class or index';
CREATE DOMAIN kernel.key_state AS text CONSTRAINT key_state_values
  CHECK (VALUE IN ('pending', 'active', 'decrypt_only', 'retired', 'destroyed'));
COMMENT ON DOMAIN kernel.key_state IS 'Only active keys seal; decrypt_only keys still open';
COMMENT ON CONSTRAINT key_state_values ON DOMAIN kernel.key_state IS 'Must be pending, active, decrypt_only, retired or destroyed';

CREATE TABLE kernel.keys (
  tenant_id        uuid NOT NULL DEFAULT kernel.tenant(),
  id               uuid NOT NULL,
  row_version      int NOT NULL DEFAULT 1,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  created_by       uuid DEFAULT kernel.actor(),
  updated_by       uuid,
  key_no           bigint NOT NULL,
  kind             kernel.key_kind NOT NULL,
  key_class        kernel.key_class,
  generation       int NOT NULL DEFAULT 1,
  wrapped          bytea NOT NULL,
  wrap_kms         text NOT NULL,
  wrap_key_name    text NOT NULL,
  wrap_key_version int NOT NULL,
  state            kernel.key_state NOT NULL DEFAULT 'active',
  activated_at     timestamptz,
  not_after        timestamptz,
  seal_count       bigint NOT NULL DEFAULT 0,
  canary           bytea NOT NULL,
  CONSTRAINT keys_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT keys_no_uq UNIQUE (tenant_id, key_no),
  CONSTRAINT keys_generation_uq UNIQUE (tenant_id, kind, key_class, generation),
  CONSTRAINT keys_class_given CHECK ((kind = 'class') = (key_class IS NOT NULL)),
  CONSTRAINT keys_seal_count CHECK (seal_count >= 0 AND seal_count <= 2147483648)
);
COMMENT ON TABLE kernel.keys IS 'A tenant''s keys, each wrapped by the one above it; never in clear';
COMMENT ON COLUMN kernel.keys.key_no IS 'The random 64-bit number in the header of every value sealed with this key';
COMMENT ON COLUMN kernel.keys.seal_count IS 'Seals reserved so far; rotate at 2^30, hard stop at 2^31 (SP 800-38D, random 96-bit nonces)';
COMMENT ON COLUMN kernel.keys.canary IS 'A known text sealed with this key: opening it proves the key is right';
COMMENT ON CONSTRAINT keys_no_uq ON kernel.keys IS 'A key number is used once';
COMMENT ON CONSTRAINT keys_generation_uq ON kernel.keys IS 'A generation of a key exists once';
COMMENT ON CONSTRAINT keys_class_given ON kernel.keys IS 'A class key names its class, others do not';
COMMENT ON CONSTRAINT keys_seal_count ON kernel.keys IS 'This key has sealed as many values as is safe: rotate it';
CALL kernel.protect('kernel.keys', retention => 'keys');

CREATE TABLE kernel.subject_keys (
  tenant_id   uuid NOT NULL DEFAULT kernel.tenant(),
  id          uuid NOT NULL,
  row_version int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid DEFAULT kernel.actor(),
  updated_by  uuid,
  wrapped     bytea,
  destroyed_at timestamptz,
  CONSTRAINT subject_keys_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT subject_keys_state CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
COMMENT ON TABLE kernel.subject_keys IS 'One key a person, wrapped by the tenant key; destroying it erases what was sealed for that person';
COMMENT ON COLUMN kernel.subject_keys.id IS 'The person: medical.patients.id';
COMMENT ON CONSTRAINT subject_keys_state ON kernel.subject_keys IS 'A destroyed key holds nothing and says when';
CALL kernel.protect('kernel.subject_keys', subject => 'id', retention => 'keys');

CREATE TABLE kernel.search_tokens (
  tenant_id uuid  NOT NULL DEFAULT kernel.tenant(),
  token     bytea NOT NULL CONSTRAINT search_tokens_length CHECK (octet_length(token) = 4),
  id        uuid  NOT NULL,
  CONSTRAINT search_tokens_pk PRIMARY KEY (tenant_id, token, id)
);
COMMENT ON TABLE kernel.search_tokens IS 'Truncated HMACs of words, prefixes and sounds of sealed names; 32 bits, so that they collide on purpose';
COMMENT ON COLUMN kernel.search_tokens.id IS 'The row that holds the name';
COMMENT ON CONSTRAINT search_tokens_length ON kernel.search_tokens IS 'Must be 4 bytes';
CALL kernel.protect('kernel.search_tokens', retention => 'follows_row');

-- Work handed over, replies remembered, settings ---------------------------------------------------------

CREATE TABLE kernel.outbox (
  tenant_id    uuid NOT NULL DEFAULT kernel.tenant(),
  id           uuid NOT NULL,
  row_version  int NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  created_by   uuid DEFAULT kernel.actor(),
  updated_by   uuid,
  event        text NOT NULL,
  row_id       uuid,
  body         jsonb NOT NULL DEFAULT '{}',
  attempts     int NOT NULL DEFAULT 0,
  due_at       timestamptz NOT NULL DEFAULT now(),
  done_at      timestamptz,
  CONSTRAINT outbox_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT outbox_attempts CHECK (attempts >= 0)
);
CREATE INDEX outbox_due_ix ON kernel.outbox (tenant_id, due_at) WHERE done_at IS NULL;
COMMENT ON TABLE kernel.outbox IS 'Events for workers, WebSockets and integrations; written in the transaction they tell of';
COMMENT ON COLUMN kernel.outbox.body IS 'Ids and codes only, never health data in clear';
COMMENT ON CONSTRAINT outbox_attempts ON kernel.outbox IS 'Cannot be negative';
CALL kernel.protect('kernel.outbox', retention => 'operational');
CREATE POLICY any_caller ON kernel.outbox FOR INSERT WITH CHECK (true);

CREATE TABLE kernel.settings (
  tenant_id   uuid NOT NULL DEFAULT kernel.tenant(),
  id          uuid NOT NULL,
  row_version int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid DEFAULT kernel.actor(),
  updated_by  uuid,
  name        text NOT NULL CONSTRAINT settings_name_form CHECK (name ~ '^[a-z_]+(\.[a-z_]+)*$'),
  value       jsonb NOT NULL,
  CONSTRAINT settings_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT settings_name_uq UNIQUE (tenant_id, name)
);
COMMENT ON TABLE kernel.settings IS 'Choices of a tenant, such as its password rules';
COMMENT ON CONSTRAINT settings_name_form ON kernel.settings IS 'A setting''s name is lower-case words joined by dots';
COMMENT ON CONSTRAINT settings_name_uq ON kernel.settings IS 'This setting exists already: change it';
CALL kernel.protect('kernel.settings', retention => 'operational');

CREATE TABLE kernel.idempotency_keys (
  tenant_id   uuid NOT NULL DEFAULT kernel.tenant(),
  id          uuid NOT NULL,
  row_version int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid DEFAULT kernel.actor(),
  updated_by  uuid,
  key_hash    bytea NOT NULL CONSTRAINT idempotency_keys_hash_length CHECK (octet_length(key_hash) = 32),
  fingerprint bytea NOT NULL CONSTRAINT idempotency_keys_fingerprint_length CHECK (octet_length(fingerprint) = 32),
  status      int NOT NULL,
  etag        int,
  reply       kernel.sealed_json,
  expires_at  timestamptz NOT NULL,
  CONSTRAINT idempotency_keys_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT idempotency_keys_hash_uq UNIQUE (tenant_id, key_hash)
);
COMMENT ON TABLE kernel.idempotency_keys IS 'Replies to requests with an Idempotency-Key, kept 72 hours; the reply is sealed';
COMMENT ON CONSTRAINT idempotency_keys_hash_length ON kernel.idempotency_keys IS 'Must be a SHA-256';
COMMENT ON CONSTRAINT idempotency_keys_fingerprint_length ON kernel.idempotency_keys IS 'Must be a SHA-256';
COMMENT ON CONSTRAINT idempotency_keys_hash_uq ON kernel.idempotency_keys IS 'A request with this Idempotency-Key is being worked on or was answered';
CREATE INDEX idempotency_keys_expiry_ix ON kernel.idempotency_keys (tenant_id, expires_at);
CALL kernel.protect('kernel.idempotency_keys', key_class => 'secrets', retention => 'operational');
CREATE POLICY own_requests ON kernel.idempotency_keys FOR ALL USING (created_by = (SELECT kernel.actor())) WITH CHECK (created_by = (SELECT kernel.actor()));

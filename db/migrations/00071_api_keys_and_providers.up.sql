-- Two keys of one name may work at a time, so that one takes the other's place; and who else may say who somebody is.

ALTER TABLE auth.api_keys ADD COLUMN generation int NOT NULL DEFAULT 1;
COMMENT ON COLUMN auth.api_keys.generation IS 'Counts the keys of one name: a new one is made before the old one ends';
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  VALUES (kernel.column_id('auth.api_keys', 'generation'), 'auth.api_keys', 'generation', 'C1');
ALTER TABLE auth.api_keys
  DROP CONSTRAINT api_keys_name_uq,
  ADD CONSTRAINT api_keys_name_uq UNIQUE (tenant_id, user_id, name, generation),
  ADD CONSTRAINT api_keys_generation CHECK (generation >= 1);
COMMENT ON CONSTRAINT api_keys_name_uq ON auth.api_keys IS 'This user has a key of that name';
COMMENT ON CONSTRAINT api_keys_generation ON auth.api_keys IS 'Must be at least 1';

CREATE TABLE auth.identity_providers (
  tenant_id       uuid               NOT NULL DEFAULT kernel.tenant(),
  id              uuid               NOT NULL,
  row_version     int                NOT NULL DEFAULT 1,
  created_at      timestamptz        NOT NULL DEFAULT now(),
  updated_at      timestamptz        NOT NULL DEFAULT now(),
  created_by      uuid               DEFAULT kernel.actor(),
  updated_by      uuid,
  name            kernel.label       NOT NULL,
  issuer          kernel.label       NOT NULL,
  client_id       kernel.label       NOT NULL,
  client_secret   kernel.sealed_text,
  links_by_email  boolean            NOT NULL DEFAULT false,
  is_active       boolean            NOT NULL DEFAULT true,
  CONSTRAINT identity_providers_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT identity_providers_issuer_uq UNIQUE (tenant_id, issuer),
  CONSTRAINT identity_providers_issuer_form
    CHECK (issuer ~ '^https://[^/?#@ ]+(/[^?# ]*)?$' OR issuer ~ '^http://(localhost|127\.0\.0\.1)(:[0-9]+)?(/[^?# ]*)?$')
);
COMMENT ON TABLE auth.identity_providers IS 'Services that say who somebody is (OpenID Connect), as a tenant trusts them';
COMMENT ON COLUMN auth.identity_providers.name IS 'Words on the button of the sign-in page';
COMMENT ON COLUMN auth.identity_providers.issuer IS 'Its address; its settings are read from there (OpenID Connect Discovery)';
COMMENT ON COLUMN auth.identity_providers.client_id IS 'Its name for this installation';
COMMENT ON COLUMN auth.identity_providers.client_secret IS 'Secret that it gave; NULL: a public client, with PKCE alone';
COMMENT ON COLUMN auth.identity_providers.links_by_email IS
  'Whether an account that it vouches for is taken for the user with the same verified e-mail address';
COMMENT ON CONSTRAINT identity_providers_issuer_uq ON auth.identity_providers IS 'This provider exists already';
COMMENT ON CONSTRAINT identity_providers_issuer_form ON auth.identity_providers IS
  'Must be an https address without query, such as https://id.example.org; http only for this machine';
CALL kernel.protect('auth.identity_providers', key_class => 'secrets');
CALL kernel.classify('auth.identity_providers', 'client_secret', phi => 'secret');

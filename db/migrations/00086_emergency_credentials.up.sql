-- A credential for when nobody can sign in any more: split into shares that are kept apart, used once.

CREATE TABLE auth.emergency_credentials (
  tenant_id   uuid         NOT NULL DEFAULT kernel.tenant(),
  id          uuid         NOT NULL,
  row_version int          NOT NULL DEFAULT 1,
  created_at  timestamptz  NOT NULL DEFAULT now(),
  updated_at  timestamptz  NOT NULL DEFAULT now(),
  created_by  uuid         DEFAULT kernel.actor(),
  updated_by  uuid,
  role_id     uuid         NOT NULL,
  secret_hash audit.sha256 NOT NULL,
  shares      int          NOT NULL DEFAULT 5,
  needed      int          NOT NULL DEFAULT 3,
  ended_at    timestamptz,
  used_at     timestamptz,
  user_id     uuid,
  reason      kernel.sealed_text,
  CONSTRAINT emergency_credentials_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT emergency_credentials_role_fk FOREIGN KEY (tenant_id, role_id) REFERENCES auth.roles (tenant_id, id),
  CONSTRAINT emergency_credentials_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT emergency_credentials_secret_uq UNIQUE (tenant_id, secret_hash),
  CONSTRAINT emergency_credentials_split CHECK (needed >= 2 AND needed <= shares AND shares <= 16),
  CONSTRAINT emergency_credentials_use_whole
    CHECK ((used_at IS NULL) = (reason IS NULL) AND (used_at IS NULL OR ended_at IS NOT NULL))
);
CREATE INDEX emergency_credentials_role_ix ON auth.emergency_credentials (tenant_id, role_id);
CREATE INDEX emergency_credentials_user_ix ON auth.emergency_credentials (tenant_id, user_id);
CREATE UNIQUE INDEX emergency_credentials_one_uq ON auth.emergency_credentials (tenant_id) WHERE ended_at IS NULL;
COMMENT ON TABLE auth.emergency_credentials IS
  'Sealed credentials by which an administrator comes in when nobody can sign in (45 CFR 164.312(a)(2)(ii)); the secret itself is nowhere';
COMMENT ON COLUMN auth.emergency_credentials.role_id IS 'What it gives, for an hour';
COMMENT ON COLUMN auth.emergency_credentials.secret_hash IS 'SHA-256 of the secret that the shares make';
COMMENT ON COLUMN auth.emergency_credentials.shares IS 'Into how many shares it was split';
COMMENT ON COLUMN auth.emergency_credentials.needed IS 'How many of them together open';
COMMENT ON COLUMN auth.emergency_credentials.ended_at IS 'When it was used, or another took its place';
COMMENT ON COLUMN auth.emergency_credentials.user_id IS 'The account that its use made';
COMMENT ON COLUMN auth.emergency_credentials.reason IS 'Why it was used';
COMMENT ON CONSTRAINT emergency_credentials_secret_uq ON auth.emergency_credentials IS 'This credential exists already';
COMMENT ON CONSTRAINT emergency_credentials_split ON auth.emergency_credentials IS
  'At least two shares open, of sixteen at most';
COMMENT ON CONSTRAINT emergency_credentials_use_whole ON auth.emergency_credentials IS
  'A use has a time and a reason, and ends the credential';
COMMENT ON INDEX auth.emergency_credentials_one_uq IS 'There is one credential that works at a time';
CALL kernel.protect('auth.emergency_credentials', key_class => 'secrets', retention => 'audit_logs');

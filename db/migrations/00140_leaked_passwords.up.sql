-- A list of leaked passwords that the operator brings, kept as a filter (docs/decisions/0105): it tells whether a password is on
-- the list, and none can be read back from it.

CREATE TABLE auth.leaked_password_lists (
  id          uuid        NOT NULL CONSTRAINT leaked_password_lists_pk PRIMARY KEY,
  imported_at timestamptz NOT NULL DEFAULT now(),
  source      text        NOT NULL CONSTRAINT leaked_password_lists_source_length CHECK (length(source) BETWEEN 1 AND 200),
  sha256      bytea       NOT NULL CONSTRAINT leaked_password_lists_sha256_length CHECK (length(sha256) = 32),
  least_count integer     NOT NULL CONSTRAINT leaked_password_lists_least CHECK (least_count >= 1),
  entries     bigint      NOT NULL CONSTRAINT leaked_password_lists_entries CHECK (entries >= 1),
  blocks      bigint      NOT NULL CONSTRAINT leaked_password_lists_blocks CHECK (blocks >= 1)
);
COMMENT ON TABLE auth.leaked_password_lists IS 'The list of leaked passwords in use: one row, or none';
COMMENT ON COLUMN auth.leaked_password_lists.source IS 'Name of the file';
COMMENT ON COLUMN auth.leaked_password_lists.sha256 IS 'Digest of the file';
COMMENT ON COLUMN auth.leaked_password_lists.least_count IS 'Passwords seen less often than this were left out';
COMMENT ON COLUMN auth.leaked_password_lists.entries IS 'Passwords in it';
COMMENT ON COLUMN auth.leaked_password_lists.blocks IS 'Blocks of 32 bytes of its filter';
COMMENT ON CONSTRAINT leaked_password_lists_source_length ON auth.leaked_password_lists IS 'Must be 1 to 200 characters';
COMMENT ON CONSTRAINT leaked_password_lists_sha256_length ON auth.leaked_password_lists IS 'Must be 32 bytes';
COMMENT ON CONSTRAINT leaked_password_lists_least ON auth.leaked_password_lists IS 'Must be at least 1';
COMMENT ON CONSTRAINT leaked_password_lists_entries ON auth.leaked_password_lists IS 'Must be at least 1';
COMMENT ON CONSTRAINT leaked_password_lists_blocks ON auth.leaked_password_lists IS 'Must be at least 1';
CALL kernel.share('auth.leaked_password_lists', 'a list of the installation, nothing of a tenant');
GRANT INSERT, DELETE ON auth.leaked_password_lists TO salus_app;

CREATE TABLE auth.leaked_password_pages (
  list_id uuid   NOT NULL CONSTRAINT leaked_password_pages_list_fk REFERENCES auth.leaked_password_lists (id),
  number  bigint NOT NULL,
  bits    bytea  NOT NULL CONSTRAINT leaked_password_pages_length CHECK (length(bits) BETWEEN 32 AND 1920),
  CONSTRAINT leaked_password_pages_pk PRIMARY KEY (list_id, number)
);
-- No bit of a filter can be left out, so trying to press it is time lost.
ALTER TABLE auth.leaked_password_pages ALTER COLUMN bits SET STORAGE EXTERNAL;
COMMENT ON TABLE auth.leaked_password_pages IS 'The filter of a list of leaked passwords, 60 blocks in a row';
COMMENT ON COLUMN auth.leaked_password_pages.number IS 'From 0: a block stands in the row of its number divided by 60';
COMMENT ON COLUMN auth.leaked_password_pages.bits IS 'Blocks of eight 32-bit words, little-endian';
COMMENT ON CONSTRAINT leaked_password_pages_length ON auth.leaked_password_pages IS 'Must be 1 to 60 blocks of 32 bytes';
CALL kernel.share('auth.leaked_password_pages', 'a list of the installation, nothing of a tenant');
GRANT INSERT, DELETE ON auth.leaked_password_pages TO salus_app;

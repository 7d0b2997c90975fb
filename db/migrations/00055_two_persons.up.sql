-- What two persons decide together: to erase a person, to destroy or distrust a key, to exchange the key above the others.

ALTER TABLE kernel.keys ALTER COLUMN wrapped DROP NOT NULL,
  ADD COLUMN compromised_at timestamptz,
  ADD COLUMN destroyed_at   timestamptz,
  ADD CONSTRAINT keys_destroyed CHECK ((state = 'destroyed') = (wrapped IS NULL) AND (state = 'destroyed') = (destroyed_at IS NOT NULL)),
  ADD CONSTRAINT keys_distrusted CHECK (compromised_at IS NULL OR state <> 'pending');
COMMENT ON COLUMN kernel.keys.wrapped IS 'The key under the one above it; nothing once it was destroyed';
COMMENT ON COLUMN kernel.keys.compromised_at IS 'Since when it is taken to be known to somebody else';
COMMENT ON COLUMN kernel.keys.destroyed_at IS 'When it was destroyed in this database; backups from before still hold it';
COMMENT ON CONSTRAINT keys_destroyed ON kernel.keys IS 'A destroyed key holds nothing and says when';
COMMENT ON CONSTRAINT keys_distrusted ON kernel.keys IS 'A key that is not in use yet is discarded, not distrusted';
INSERT INTO kernel.fields (column_id, table_name, column_name, class) VALUES
  (kernel.column_id('kernel.keys', 'compromised_at'), 'kernel.keys', 'compromised_at', 'C1'),
  (kernel.column_id('kernel.keys', 'destroyed_at'), 'kernel.keys', 'destroyed_at', 'C1');

CREATE DOMAIN kernel.approval_act AS text CONSTRAINT approval_act_values
  CHECK (VALUE IN ('erase_tenant', 'erase_person', 'destroy_key', 'distrust_key', 'rotate_key'));
COMMENT ON DOMAIN kernel.approval_act IS
  'erase_person, erase_tenant: destroy their keys; destroy_key: a key under which nothing lies; distrust_key: one that may be known; rotate_key: the tenant key';
COMMENT ON CONSTRAINT approval_act_values ON DOMAIN kernel.approval_act IS
  'Must be erase_tenant, erase_person, destroy_key, distrust_key or rotate_key';
CREATE DOMAIN kernel.approval_state AS text CONSTRAINT approval_state_values
  CHECK (VALUE IN ('waiting', 'done', 'refused', 'withdrawn', 'expired'));
COMMENT ON DOMAIN kernel.approval_state IS 'waiting for another person; done; refused by another; withdrawn by who asked; expired';
COMMENT ON CONSTRAINT approval_state_values ON DOMAIN kernel.approval_state IS
  'Must be waiting, done, refused, withdrawn or expired';
CREATE DOMAIN kernel.asker AS text CONSTRAINT asker_values CHECK (VALUE IN ('user', 'service', 'operator'));
COMMENT ON DOMAIN kernel.asker IS 'user: a person who signed in; service: a program; operator: the person at the command line';
COMMENT ON CONSTRAINT asker_values ON DOMAIN kernel.asker IS 'Must be user, service or operator';

CREATE TABLE kernel.approvals (
  tenant_id    uuid NOT NULL DEFAULT kernel.tenant(),
  id           uuid NOT NULL,
  row_version  int NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  created_by   uuid DEFAULT kernel.actor(),
  updated_by   uuid,
  act          kernel.approval_act NOT NULL,
  person_id    uuid,
  key_id       uuid,
  reason       kernel.erasure_reason,
  note         kernel.sealed_text,
  state        kernel.approval_state NOT NULL DEFAULT 'waiting',
  asked_by     uuid NOT NULL,
  asked_kind   kernel.asker NOT NULL,
  expires_at   timestamptz NOT NULL,
  decided_by   uuid,
  decided_kind kernel.asker,
  decided_at   timestamptz,
  CONSTRAINT approvals_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT approvals_person_fk FOREIGN KEY (tenant_id, person_id) REFERENCES kernel.subject_keys (tenant_id, id),
  CONSTRAINT approvals_key_fk FOREIGN KEY (tenant_id, key_id) REFERENCES kernel.keys (tenant_id, id),
  CONSTRAINT approvals_person_given CHECK (act <> 'erase_person' OR (person_id IS NOT NULL AND reason IS NOT NULL)),
  CONSTRAINT approvals_key_given CHECK (act NOT IN ('destroy_key', 'distrust_key', 'rotate_key') OR key_id IS NOT NULL),
  CONSTRAINT approvals_second CHECK (state NOT IN ('done', 'refused') OR (decided_by <> asked_by AND decided_kind <> 'service')),
  CONSTRAINT approvals_end CHECK ((state = 'waiting') = (decided_at IS NULL))
);
COMMENT ON TABLE kernel.approvals IS 'What one person asked for and another decides: erasures, and acts on keys that cannot be taken back';
COMMENT ON COLUMN kernel.approvals.person_id IS 'Who is to be erased';
COMMENT ON COLUMN kernel.approvals.key_id IS 'The key it is about';
COMMENT ON COLUMN kernel.approvals.note IS 'Why, in words of who asked; unreadable once the person was erased';
COMMENT ON COLUMN kernel.approvals.asked_by IS 'The user or service that asked; nil for the operator';
COMMENT ON COLUMN kernel.approvals.decided_by IS 'Who did it, refused it or withdrew it; nil for the operator';
COMMENT ON COLUMN kernel.approvals.expires_at IS 'When nobody can confirm it any more';
COMMENT ON CONSTRAINT approvals_person_given ON kernel.approvals IS 'The erasure of a person names the person and the reason';
COMMENT ON CONSTRAINT approvals_key_given ON kernel.approvals IS 'An act on a key names the key';
COMMENT ON CONSTRAINT approvals_second ON kernel.approvals IS 'Another person decides than the one who asked';
COMMENT ON CONSTRAINT approvals_end ON kernel.approvals IS 'What was decided says when';
CREATE UNIQUE INDEX approvals_waiting_uq ON kernel.approvals (tenant_id, act, person_id, key_id) NULLS NOT DISTINCT
  WHERE state = 'waiting';
COMMENT ON INDEX kernel.approvals_waiting_uq IS 'This waits for another person already';
CREATE INDEX approvals_person_ix ON kernel.approvals (tenant_id, person_id);
CREATE INDEX approvals_key_ix ON kernel.approvals (tenant_id, key_id);
CALL kernel.protect('kernel.approvals', subject => 'person_id', key_class => 'secrets', retention => 'keys');
-- Who is to be erased is told by those who decide it, not by the table.
DROP POLICY own_person ON kernel.approvals;

-- The names of system 004 over the registry. It reads with the rights of who reads it.
CREATE VIEW kernel.encryption_keys WITH (security_invoker = true) AS
  SELECT k.tenant_id, k.id, k.row_version,
         concat_ws('-', k.kind, k.key_class, 'g' || k.generation) AS key_ref,
         CASE k.kind WHEN 'tenant' THEN 'TENANT_DEK' WHEN 'index' THEN 'BLIND_INDEX' ELSE 'FIELD_DEK' END AS key_type,
         coalesce(k.key_class::text, k.kind::text) AS purpose,
         k.generation,
         CASE k.kind WHEN 'index' THEN 'HMAC_SHA256' ELSE 'AES_256_GCM' END AS algorithm,
         CASE WHEN k.state = 'destroyed' THEN 'DESTROYED' WHEN k.compromised_at IS NOT NULL THEN 'COMPROMISED'
              WHEN k.state = 'decrypt_only' THEN 'ROTATING' ELSE upper(k.state) END AS status,
         (SELECT a.id FROM kernel.keys a WHERE a.tenant_id = k.tenant_id AND k.kind <> 'tenant' AND a.kind = 'tenant'
             AND a.generation = k.wrap_key_version) AS wrapped_by,
         'LOCAL_FILE' AS provider,
         lpad(to_hex(k.key_no), 16, '0') AS fingerprint,
         k.created_at, k.activated_at, k.retired_at, k.compromised_at, k.destroyed_at,
         r.days AS rotation_interval_days,
         CASE WHEN k.state = 'active' THEN k.activated_at + make_interval(days => r.days) END AS next_rotation_at,
         k.seal_count AS usage_count,
         CASE k.kind WHEN 'class' THEN 2147483648 END AS max_usage
    FROM kernel.keys k
    CROSS JOIN LATERAL (
      SELECT coalesce((SELECT CASE k.kind WHEN 'class' THEN (s.value ->> 'class_days')::int ELSE (s.value ->> 'other_days')::int END
                         FROM kernel.settings s WHERE s.tenant_id = k.tenant_id AND s.name = 'keys.rotation'),
                      CASE k.kind WHEN 'class' THEN 90 ELSE 365 END)) r (days);
COMMENT ON VIEW kernel.encryption_keys IS 'A tenant''s keys in the words of system 004; the wrapped bytes are not in it';
REVOKE ALL ON kernel.encryption_keys FROM PUBLIC;
GRANT SELECT ON kernel.encryption_keys TO salus_app, salus_reader, salus_backup;

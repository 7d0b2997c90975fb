-- Persons whose key was destroyed. The same is written to a file that backups do not hold, so that a restore repeats it.

CREATE DOMAIN kernel.erasure_reason AS text CONSTRAINT erasure_reason_values
  CHECK (VALUE IN ('subject_request', 'retention_over', 'legal_order', 'recorded_in_error'));
COMMENT ON DOMAIN kernel.erasure_reason IS 'Why a person was erased';
COMMENT ON CONSTRAINT erasure_reason_values ON DOMAIN kernel.erasure_reason IS
  'Must be subject_request, retention_over, legal_order or recorded_in_error';

CREATE TABLE kernel.erasures (
  tenant_id   uuid NOT NULL DEFAULT kernel.tenant(),
  id          uuid NOT NULL,
  row_version int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid DEFAULT kernel.actor(),
  updated_by  uuid,
  person_id   uuid NOT NULL,
  reason      kernel.erasure_reason NOT NULL,
  erased_at   timestamptz NOT NULL,
  CONSTRAINT erasures_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT erasures_person_uq UNIQUE (tenant_id, person_id),
  CONSTRAINT erasures_person_fk FOREIGN KEY (tenant_id, person_id) REFERENCES kernel.subject_keys (tenant_id, id)
);
COMMENT ON TABLE kernel.erasures IS 'Persons whose key was destroyed: what was sealed for them opens for nobody';
COMMENT ON COLUMN kernel.erasures.person_id IS 'Whose key it was; the id tells nothing about the person any more';
COMMENT ON COLUMN kernel.erasures.erased_at IS 'When the key was destroyed; backups from before still hold it';
COMMENT ON CONSTRAINT erasures_person_uq ON kernel.erasures IS 'This person was erased already';
CALL kernel.protect('kernel.erasures', subject => 'person_id', retention => 'keys');

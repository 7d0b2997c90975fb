-- What other systems sent, kept whole, so that nothing a source said is lost.
CREATE SCHEMA exchange;
COMMENT ON SCHEMA exchange IS 'Traffic with other systems, and the sealed originals of what they sent';
GRANT USAGE ON SCHEMA exchange TO salus_app, salus_reader, salus_sealer, salus_backup;

CREATE TABLE exchange.fhir_resources (
  tenant_id     uuid               NOT NULL DEFAULT kernel.tenant(),
  id            uuid               NOT NULL,
  row_version   int                NOT NULL DEFAULT 1,
  created_at    timestamptz        NOT NULL DEFAULT now(),
  updated_at    timestamptz        NOT NULL DEFAULT now(),
  created_by    uuid               DEFAULT kernel.actor(),
  updated_by    uuid,
  source        kernel.label       NOT NULL,
  resource_type kernel.code        NOT NULL,
  resource_key  kernel.blind_index NOT NULL,
  digest        audit.sha256       NOT NULL,
  body          kernel.sealed_json NOT NULL,
  patient_id    uuid,
  row_table     kernel.code,
  row_id        uuid,
  unmapped      jsonb              NOT NULL DEFAULT '[]',
  imported_at   timestamptz        NOT NULL DEFAULT now(),
  CONSTRAINT fhir_resources_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT fhir_resources_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT fhir_resources_key_uq UNIQUE (tenant_id, source, resource_type, resource_key),
  CONSTRAINT fhir_resources_row CHECK ((row_table IS NULL) = (row_id IS NULL)),
  CONSTRAINT fhir_resources_unmapped_array CHECK (jsonb_typeof(unmapped) = 'array')
);
CREATE INDEX fhir_resources_patient_ix ON exchange.fhir_resources (tenant_id, patient_id);
CREATE INDEX fhir_resources_row_ix ON exchange.fhir_resources (tenant_id, row_table, row_id);
COMMENT ON TABLE exchange.fhir_resources IS 'FHIR resources as they arrived, sealed, and the rows made from them';
COMMENT ON COLUMN exchange.fhir_resources.source IS 'The sending system';
COMMENT ON COLUMN exchange.fhir_resources.resource_key IS
  'Keyed digest of type and id: a resource''s address can hold a person''s number';
COMMENT ON COLUMN exchange.fhir_resources.digest IS
  'Keyed digest of the canonical resource: an unchanged one is not read twice';
COMMENT ON COLUMN exchange.fhir_resources.patient_id IS 'Whom it is about; NULL: nobody, such as an Organization';
COMMENT ON COLUMN exchange.fhir_resources.row_table IS 'The table it was read into; NULL: kept whole only';
COMMENT ON COLUMN exchange.fhir_resources.unmapped IS 'Paths of what the tables cannot hold yet; never values';
COMMENT ON CONSTRAINT fhir_resources_key_uq ON exchange.fhir_resources IS
  'This resource of that source is here already';
COMMENT ON CONSTRAINT fhir_resources_row ON exchange.fhir_resources IS 'A row is named by its table and id';
COMMENT ON CONSTRAINT fhir_resources_unmapped_array ON exchange.fhir_resources IS 'Must be a list of paths';
CALL kernel.protect('exchange.fhir_resources',
  subject => 'patient_id', class => 'C2', key_class => 'clinical', retention => 'medical_records');

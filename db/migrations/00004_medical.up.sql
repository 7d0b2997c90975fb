-- The person receiving care, who provides it, and the tenant's catalogue of services.
CREATE SCHEMA medical;
COMMENT ON SCHEMA medical IS 'Patients, providers, the catalogue of services, and the payer''s decisions about them';
GRANT USAGE ON SCHEMA medical TO salus_app, salus_reader, salus_sealer, salus_backup;

CREATE DOMAIN medical.sex AS text CONSTRAINT sex_values CHECK (VALUE IN ('F', 'M', 'X', 'UNK'));
COMMENT ON DOMAIN medical.sex IS 'Administrative sex; UNK when not known';
COMMENT ON CONSTRAINT sex_values ON DOMAIN medical.sex IS 'Must be F, M, X or UNK';
CREATE DOMAIN medical.patient_status AS text CONSTRAINT patient_status_values
  CHECK (VALUE IN ('ACTIVE', 'INACTIVE', 'DECEASED', 'MERGED', 'ERASED'));
COMMENT ON DOMAIN medical.patient_status IS 'MERGED rows point at the survivor; ERASED rows keep no identity';
COMMENT ON CONSTRAINT patient_status_values ON DOMAIN medical.patient_status IS
  'Must be ACTIVE, INACTIVE, DECEASED, MERGED or ERASED';
CREATE DOMAIN medical.record_regime AS text CONSTRAINT record_regime_values
  CHECK (VALUE IN ('HIPAA', 'FERPA', 'FERPA_AND_STATE', 'HIPAA_AND_PART2', 'LGPD', 'NONE'));
COMMENT ON DOMAIN medical.record_regime IS 'Which law rules the record';
COMMENT ON CONSTRAINT record_regime_values ON DOMAIN medical.record_regime IS
  'Must be HIPAA, FERPA, FERPA_AND_STATE, HIPAA_AND_PART2, LGPD or NONE';
CREATE DOMAIN medical.risk_level AS text CONSTRAINT risk_level_values
  CHECK (VALUE IN ('low', 'rising', 'high', 'complex'));
COMMENT ON DOMAIN medical.risk_level IS 'How much care a person is likely to need';
COMMENT ON CONSTRAINT risk_level_values ON DOMAIN medical.risk_level IS 'Must be low, rising, high or complex';
CREATE DOMAIN medical.identifier_type AS text CONSTRAINT identifier_type_values
  CHECK (VALUE IN ('MR', 'SS4', 'MA', 'SID', 'SN', 'NI', 'DL', 'PI', 'PPN', 'OTHER'));
COMMENT ON DOMAIN medical.identifier_type IS
  'Kind of identifier (HL7 table 0203 where it has one); SS4: last four digits, a whole SSN is refused';
COMMENT ON CONSTRAINT identifier_type_values ON DOMAIN medical.identifier_type IS
  'Must be MR, SS4, MA, SID, SN, NI, DL, PI, PPN or OTHER';
CREATE DOMAIN medical.name_use AS text CONSTRAINT name_use_values
  CHECK (VALUE IN ('USUAL', 'OFFICIAL', 'TEMP', 'NICKNAME', 'ANONYMOUS', 'OLD', 'MAIDEN'));
COMMENT ON DOMAIN medical.name_use IS 'What a name is for (FHIR NameUse)';
COMMENT ON CONSTRAINT name_use_values ON DOMAIN medical.name_use IS
  'Must be USUAL, OFFICIAL, TEMP, NICKNAME, ANONYMOUS, OLD or MAIDEN';
CREATE DOMAIN medical.address_use AS text CONSTRAINT address_use_values
  CHECK (VALUE IN ('HOME', 'WORK', 'TEMP', 'OLD', 'BILLING'));
COMMENT ON DOMAIN medical.address_use IS 'What an address is for (FHIR AddressUse)';
COMMENT ON CONSTRAINT address_use_values ON DOMAIN medical.address_use IS 'Must be HOME, WORK, TEMP, OLD or BILLING';
CREATE DOMAIN medical.telecom_system AS text CONSTRAINT telecom_system_values
  CHECK (VALUE IN ('PHONE', 'FAX', 'EMAIL', 'PAGER', 'URL', 'SMS', 'OTHER'));
COMMENT ON DOMAIN medical.telecom_system IS 'How a person is reached (FHIR ContactPointSystem)';
COMMENT ON CONSTRAINT telecom_system_values ON DOMAIN medical.telecom_system IS
  'Must be PHONE, FAX, EMAIL, PAGER, URL, SMS or OTHER';
CREATE DOMAIN medical.telecom_use AS text CONSTRAINT telecom_use_values
  CHECK (VALUE IN ('HOME', 'WORK', 'TEMP', 'OLD', 'MOBILE'));
COMMENT ON DOMAIN medical.telecom_use IS 'What a contact point is for (FHIR ContactPointUse)';
COMMENT ON CONSTRAINT telecom_use_values ON DOMAIN medical.telecom_use IS 'Must be HOME, WORK, TEMP, OLD or MOBILE';
CREATE DOMAIN medical.portal_access AS text CONSTRAINT portal_access_values CHECK (VALUE IN ('NONE', 'VIEW', 'FULL'));
COMMENT ON DOMAIN medical.portal_access IS 'What a contact sees of the record';
COMMENT ON CONSTRAINT portal_access_values ON DOMAIN medical.portal_access IS 'Must be NONE, VIEW or FULL';
CREATE DOMAIN medical.repository_kind AS text CONSTRAINT repository_kind_values
  CHECK (VALUE IN ('PRIMARY', 'EHR_IMPORT', 'UPLOADS', 'SCHOOL', 'EXTERNAL'));
COMMENT ON DOMAIN medical.repository_kind IS 'Where the facts of a repository come from';
COMMENT ON CONSTRAINT repository_kind_values ON DOMAIN medical.repository_kind IS
  'Must be PRIMARY, EHR_IMPORT, UPLOADS, SCHOOL or EXTERNAL';
CREATE DOMAIN medical.repository_status AS text CONSTRAINT repository_status_values
  CHECK (VALUE IN ('ACTIVE', 'FROZEN', 'EXPORTED', 'PURGED'));
COMMENT ON DOMAIN medical.repository_status IS 'FROZEN takes no new facts';
COMMENT ON CONSTRAINT repository_status_values ON DOMAIN medical.repository_status IS
  'Must be ACTIVE, FROZEN, EXPORTED or PURGED';
CREATE DOMAIN medical.provider_kind AS text CONSTRAINT provider_kind_values
  CHECK (VALUE IN ('individual', 'organization'));
COMMENT ON DOMAIN medical.provider_kind IS 'A person or a facility';
COMMENT ON CONSTRAINT provider_kind_values ON DOMAIN medical.provider_kind IS 'Must be individual or organization';
CREATE DOMAIN medical.network_status AS text CONSTRAINT network_status_values
  CHECK (VALUE IN ('in', 'out', 'tiered', 'leased'));
COMMENT ON DOMAIN medical.network_status IS 'Standing in the payer''s network';
COMMENT ON CONSTRAINT network_status_values ON DOMAIN medical.network_status IS 'Must be in, out, tiered or leased';
CREATE DOMAIN medical.sanction_status AS text CONSTRAINT sanction_status_values
  CHECK (VALUE IN ('clear', 'excluded', 'unknown'));
COMMENT ON DOMAIN medical.sanction_status IS 'Found on an exclusion list or not';
COMMENT ON CONSTRAINT sanction_status_values ON DOMAIN medical.sanction_status IS 'Must be clear, excluded or unknown';
CREATE DOMAIN medical.provider_status AS text CONSTRAINT provider_status_values CHECK (VALUE IN ('active', 'inactive'));
COMMENT ON DOMAIN medical.provider_status IS 'Whether a provider may be chosen';
COMMENT ON CONSTRAINT provider_status_values ON DOMAIN medical.provider_status IS 'Must be active or inactive';
CREATE DOMAIN medical.complexity AS text CONSTRAINT complexity_values CHECK (VALUE IN ('basic', 'special', 'high'));
COMMENT ON DOMAIN medical.complexity IS 'Complexity of a service; high is the Brazilian PAC';
COMMENT ON CONSTRAINT complexity_values ON DOMAIN medical.complexity IS 'Must be basic, special or high';
CREATE DOMAIN medical.authorization_need AS text CONSTRAINT authorization_need_values
  CHECK (VALUE IN ('never', 'always', 'rule'));
COMMENT ON DOMAIN medical.authorization_need IS 'rule: decided by the authorization rules';
COMMENT ON CONSTRAINT authorization_need_values ON DOMAIN medical.authorization_need IS 'Must be never, always or rule';

CREATE TABLE medical.patients (
  tenant_id          uuid                   NOT NULL DEFAULT kernel.tenant(),
  id                 uuid                   NOT NULL,
  row_version        int                    NOT NULL DEFAULT 1,
  created_at         timestamptz            NOT NULL DEFAULT now(),
  updated_at         timestamptz            NOT NULL DEFAULT now(),
  created_by         uuid                   DEFAULT kernel.actor(),
  updated_by         uuid,
  mrn                kernel.sealed_text,
  mrn_bidx           kernel.blind_index,
  pseudonym          kernel.code            NOT NULL DEFAULT kernel.new_pseudonym(),
  family_name        kernel.sealed_text,
  given_names        kernel.sealed_text,
  preferred_name     kernel.sealed_text,
  suffix             kernel.sealed_text,
  birth_date         kernel.sealed_date,
  birth_date_bidx    kernel.blind_index,
  birth_month        date,
  sex                medical.sex            NOT NULL DEFAULT 'UNK',
  gender_identity    kernel.sealed_text,
  pronouns           kernel.sealed_text,
  race_codes         text[],
  ethnicity_code     kernel.code,
  preferred_language kernel.language,
  interpreter_needed boolean                NOT NULL DEFAULT false,
  multiple_birth     boolean,
  birth_order        int,
  deceased_on        date,
  record_regime      medical.record_regime  NOT NULL DEFAULT 'HIPAA',
  status             medical.patient_status NOT NULL DEFAULT 'ACTIVE',
  merged_into        uuid,
  risk_level         medical.risk_level,
  risk_score         int,
  unlisted_contact   boolean                NOT NULL DEFAULT false,
  CONSTRAINT patients_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT patients_merged_into_fk FOREIGN KEY (tenant_id, merged_into) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT patients_mrn_uq UNIQUE (tenant_id, mrn_bidx),
  CONSTRAINT patients_pseudonym_uq UNIQUE (tenant_id, pseudonym),
  CONSTRAINT patients_pseudonym_form CHECK (pseudonym ~ '^P-[0-9A-HJKMNP-TV-Z]{8}$'),
  CONSTRAINT patients_birth_month_first CHECK (extract(day FROM birth_month) = 1),
  CONSTRAINT patients_birth_order CHECK (birth_order BETWEEN 1 AND 20),
  CONSTRAINT patients_risk_score CHECK (risk_score BETWEEN 0 AND 10000),
  CONSTRAINT patients_merged CHECK ((status = 'MERGED') = (merged_into IS NOT NULL)),
  CONSTRAINT patients_not_into_itself CHECK (merged_into <> id)
);
CREATE INDEX patients_merged_into_ix ON medical.patients (tenant_id, merged_into);
CREATE INDEX patients_birth_date_ix ON medical.patients (tenant_id, birth_date_bidx);
CREATE INDEX patients_cohort_ix ON medical.patients (tenant_id, birth_month, sex);
CREATE INDEX patients_status_ix ON medical.patients (tenant_id, status, id);
COMMENT ON TABLE medical.patients IS
  'One row for each person receiving care; what others say of the same person is merged into it';
COMMENT ON COLUMN medical.patients.mrn IS 'Medical record number in this tenant';
COMMENT ON COLUMN medical.patients.pseudonym IS
  'What those without permission to see identity call the person: P- and 8 characters';
COMMENT ON COLUMN medical.patients.given_names IS 'All given names, separated by spaces';
COMMENT ON COLUMN medical.patients.birth_month IS
  'First of the month of birth: narrows a cohort before dates are opened';
COMMENT ON COLUMN medical.patients.race_codes IS 'CDCREC codes';
COMMENT ON COLUMN medical.patients.ethnicity_code IS 'CDCREC code';
COMMENT ON COLUMN medical.patients.birth_order IS 'Place in a multiple birth, first is 1';
COMMENT ON COLUMN medical.patients.merged_into IS 'The record that survived';
COMMENT ON COLUMN medical.patients.risk_score IS 'Hundredths, 0 to 10000; NULL: not scored';
COMMENT ON COLUMN medical.patients.unlisted_contact IS 'A court restricts who may learn where this person is';
COMMENT ON CONSTRAINT patients_mrn_uq ON medical.patients IS 'Another patient has this medical record number';
COMMENT ON CONSTRAINT patients_pseudonym_uq ON medical.patients IS 'Another patient has this pseudonym';
COMMENT ON CONSTRAINT patients_pseudonym_form ON medical.patients IS
  'A pseudonym is P- and 8 characters of Crockford base 32';
COMMENT ON CONSTRAINT patients_birth_month_first ON medical.patients IS 'Must be the first day of a month';
COMMENT ON CONSTRAINT patients_birth_order ON medical.patients IS 'Must be 1 to 20';
COMMENT ON CONSTRAINT patients_risk_score ON medical.patients IS 'Must be 0 to 10000 hundredths';
COMMENT ON CONSTRAINT patients_merged ON medical.patients IS
  'A merged record, and only that, names the one it was merged into';
COMMENT ON CONSTRAINT patients_not_into_itself ON medical.patients IS 'A record cannot be merged into itself';
CALL kernel.protect('medical.patients',
  subject => 'id', class => 'C2', key_class => 'identity', retention => 'medical_records');
CALL kernel.classify('medical.patients', 'mrn', search => 'identifier', phi => 'mrn');
CALL kernel.classify('medical.patients', 'family_name', search => 'name', phi => 'name');
CALL kernel.classify('medical.patients', 'given_names', search => 'name', phi => 'name');
CALL kernel.classify('medical.patients', 'preferred_name', search => 'name', phi => 'name');
CALL kernel.classify('medical.patients', 'suffix', phi => 'name');
CALL kernel.classify('medical.patients', 'birth_date', search => 'date', phi => 'date');
CALL kernel.classify('medical.patients', 'gender_identity', class => 'C4');
CALL kernel.classify('medical.patients', 'pronouns', class => 'C4');

CREATE TABLE medical.patient_identifiers (
  tenant_id    uuid               NOT NULL DEFAULT kernel.tenant(),
  id           uuid               NOT NULL,
  row_version  int                NOT NULL DEFAULT 1,
  created_at   timestamptz        NOT NULL DEFAULT now(),
  updated_at   timestamptz        NOT NULL DEFAULT now(),
  created_by   uuid               DEFAULT kernel.actor(),
  updated_by   uuid,
  patient_id   uuid               NOT NULL,
  system       kernel.label       NOT NULL,
  value        kernel.sealed_text NOT NULL,
  value_bidx   kernel.blind_index NOT NULL,
  type         medical.identifier_type NOT NULL,
  sensitivity  kernel.code,
  assigner     kernel.label,
  period_start date,
  period_end   date,
  CONSTRAINT patient_identifiers_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT patient_identifiers_patient_fk
    FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT patient_identifiers_period CHECK (period_end >= period_start)
);
CREATE INDEX patient_identifiers_patient_ix ON medical.patient_identifiers (tenant_id, patient_id);
CREATE UNIQUE INDEX patient_identifiers_value_uq ON medical.patient_identifiers (tenant_id, system, value_bidx)
  WHERE type NOT IN ('SS4', 'OTHER');
CREATE INDEX patient_identifiers_value_ix ON medical.patient_identifiers (tenant_id, value_bidx);
COMMENT ON TABLE medical.patient_identifiers IS 'Numbers others know the person by';
COMMENT ON COLUMN medical.patient_identifiers.system IS 'URI or OID of the register';
COMMENT ON COLUMN medical.patient_identifiers.value IS 'Upper case, trimmed';
COMMENT ON COLUMN medical.patient_identifiers.sensitivity IS
  'Label that needs its own permission; set for Medicaid and national numbers';
COMMENT ON INDEX medical.patient_identifiers_value_uq IS 'Another patient has this identifier';
COMMENT ON CONSTRAINT patient_identifiers_period ON medical.patient_identifiers IS 'Cannot end before it begins';
CALL kernel.protect('medical.patient_identifiers',
  subject => 'patient_id', class => 'C2', key_class => 'identity', retention => 'medical_records');
CALL kernel.classify('medical.patient_identifiers', 'value', search => 'identifier', phi => 'other_id');

CREATE TABLE medical.patient_names (
  tenant_id    uuid               NOT NULL DEFAULT kernel.tenant(),
  id           uuid               NOT NULL,
  row_version  int                NOT NULL DEFAULT 1,
  created_at   timestamptz        NOT NULL DEFAULT now(),
  updated_at   timestamptz        NOT NULL DEFAULT now(),
  created_by   uuid               DEFAULT kernel.actor(),
  updated_by   uuid,
  patient_id   uuid               NOT NULL,
  use          medical.name_use   NOT NULL,
  prefix       kernel.sealed_text,
  family_name  kernel.sealed_text,
  given_names  kernel.sealed_text,
  suffix       kernel.sealed_text,
  period_start date,
  period_end   date,
  CONSTRAINT patient_names_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT patient_names_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT patient_names_given CHECK (coalesce(family_name::bytea, given_names) IS NOT NULL),
  CONSTRAINT patient_names_period CHECK (period_end >= period_start)
);
CREATE INDEX patient_names_patient_ix ON medical.patient_names (tenant_id, patient_id);
COMMENT ON TABLE medical.patient_names IS 'Former and other names of a person';
COMMENT ON COLUMN medical.patient_names.given_names IS 'All given names, separated by spaces';
COMMENT ON CONSTRAINT patient_names_given ON medical.patient_names IS 'Needs a family name or given names';
COMMENT ON CONSTRAINT patient_names_period ON medical.patient_names IS 'Cannot end before it begins';
CALL kernel.protect('medical.patient_names',
  subject => 'patient_id', class => 'C2', key_class => 'identity', retention => 'medical_records');
CALL kernel.classify('medical.patient_names', 'prefix', phi => 'name');
CALL kernel.classify('medical.patient_names', 'family_name', search => 'name', phi => 'name');
CALL kernel.classify('medical.patient_names', 'given_names', search => 'name', phi => 'name');
CALL kernel.classify('medical.patient_names', 'suffix', phi => 'name');

CREATE TABLE medical.patient_addresses (
  tenant_id        uuid                NOT NULL DEFAULT kernel.tenant(),
  id               uuid                NOT NULL,
  row_version      int                 NOT NULL DEFAULT 1,
  created_at       timestamptz         NOT NULL DEFAULT now(),
  updated_at       timestamptz         NOT NULL DEFAULT now(),
  created_by       uuid                DEFAULT kernel.actor(),
  updated_by       uuid,
  patient_id       uuid                NOT NULL,
  use              medical.address_use NOT NULL DEFAULT 'HOME',
  lines            kernel.sealed_text,
  district         kernel.sealed_text,
  city             kernel.sealed_text,
  state            kernel.code,
  postal_code      kernel.sealed_text,
  postal_code_bidx kernel.blind_index,
  postal_area      kernel.code,
  country          kernel.code,
  period_start     date,
  period_end       date,
  CONSTRAINT patient_addresses_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT patient_addresses_patient_fk
    FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT patient_addresses_period CHECK (period_end >= period_start)
);
CREATE INDEX patient_addresses_patient_ix ON medical.patient_addresses (tenant_id, patient_id);
CREATE INDEX patient_addresses_postal_ix ON medical.patient_addresses (tenant_id, postal_code_bidx);
COMMENT ON TABLE medical.patient_addresses IS 'Where a person lives or is written to; never an exact place on the map';
COMMENT ON COLUMN medical.patient_addresses.lines IS 'Street and number, one line each';
COMMENT ON COLUMN medical.patient_addresses.postal_area IS
  'First three characters where more than 20,000 people live there (45 CFR 164.514(b)(2)(i)(B))';
COMMENT ON COLUMN medical.patient_addresses.country IS 'ISO 3166 code, or what the source said';
COMMENT ON CONSTRAINT patient_addresses_period ON medical.patient_addresses IS 'Cannot end before it begins';
CALL kernel.protect('medical.patient_addresses',
  subject => 'patient_id', class => 'C2', key_class => 'identity', retention => 'medical_records');
CALL kernel.classify('medical.patient_addresses', 'lines', phi => 'address');
CALL kernel.classify('medical.patient_addresses', 'district', phi => 'address');
CALL kernel.classify('medical.patient_addresses', 'city', phi => 'address');
CALL kernel.classify('medical.patient_addresses', 'postal_code', search => 'postal', phi => 'address');

CREATE TABLE medical.patient_telecoms (
  tenant_id     uuid                   NOT NULL DEFAULT kernel.tenant(),
  id            uuid                   NOT NULL,
  row_version   int                    NOT NULL DEFAULT 1,
  created_at    timestamptz            NOT NULL DEFAULT now(),
  updated_at    timestamptz            NOT NULL DEFAULT now(),
  created_by    uuid                   DEFAULT kernel.actor(),
  updated_by    uuid,
  patient_id    uuid                   NOT NULL,
  system        medical.telecom_system NOT NULL,
  use           medical.telecom_use,
  rank          int,
  phone         kernel.sealed_text,
  phone_bidx    kernel.blind_index,
  email         kernel.sealed_text,
  email_bidx    kernel.blind_index,
  other         kernel.sealed_text,
  consent_sms   boolean                NOT NULL DEFAULT false,
  consent_voice boolean                NOT NULL DEFAULT false,
  verified_at   timestamptz,
  bounced_at    timestamptz,
  period_start  date,
  period_end    date,
  CONSTRAINT patient_telecoms_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT patient_telecoms_patient_fk
    FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT patient_telecoms_one_value
    CHECK (num_nonnulls(phone, email, other) = 1 AND (phone IS NOT NULL) = (system IN ('PHONE', 'FAX', 'PAGER',
      'SMS')) AND (email IS NOT NULL) = (system = 'EMAIL')),
  CONSTRAINT patient_telecoms_rank CHECK (rank >= 1),
  CONSTRAINT patient_telecoms_period CHECK (period_end >= period_start)
);
CREATE INDEX patient_telecoms_patient_ix ON medical.patient_telecoms (tenant_id, patient_id);
CREATE INDEX patient_telecoms_phone_ix ON medical.patient_telecoms (tenant_id, phone_bidx);
CREATE INDEX patient_telecoms_email_ix ON medical.patient_telecoms (tenant_id, email_bidx);
COMMENT ON TABLE medical.patient_telecoms IS 'How a person is reached; exactly one of phone, email and other is given';
COMMENT ON COLUMN medical.patient_telecoms.rank IS 'Order of preference, first is 1';
COMMENT ON COLUMN medical.patient_telecoms.phone IS 'Number of a PHONE, FAX, PAGER or SMS, E.164 where it can be told';
COMMENT ON COLUMN medical.patient_telecoms.email IS 'Address of an EMAIL';
COMMENT ON COLUMN medical.patient_telecoms.other IS 'A URL or OTHER';
COMMENT ON COLUMN medical.patient_telecoms.bounced_at IS 'Last message came back';
COMMENT ON CONSTRAINT patient_telecoms_one_value ON medical.patient_telecoms IS
  'Give phone for PHONE, FAX, PAGER and SMS, email for EMAIL, other for URL and OTHER, and only that one';
COMMENT ON CONSTRAINT patient_telecoms_rank ON medical.patient_telecoms IS 'Counts from 1';
COMMENT ON CONSTRAINT patient_telecoms_period ON medical.patient_telecoms IS 'Cannot end before it begins';
CALL kernel.protect('medical.patient_telecoms',
  subject => 'patient_id', class => 'C2', key_class => 'identity', retention => 'medical_records');
CALL kernel.classify('medical.patient_telecoms', 'phone', search => 'phone', phi => 'phone');
CALL kernel.classify('medical.patient_telecoms', 'email', search => 'email', phi => 'email');
CALL kernel.classify('medical.patient_telecoms', 'other', phi => 'url');

CREATE TABLE medical.patient_contacts (
  tenant_id            uuid                  NOT NULL DEFAULT kernel.tenant(),
  id                   uuid                  NOT NULL,
  row_version          int                   NOT NULL DEFAULT 1,
  created_at           timestamptz           NOT NULL DEFAULT now(),
  updated_at           timestamptz           NOT NULL DEFAULT now(),
  created_by           uuid                  DEFAULT kernel.actor(),
  updated_by           uuid,
  patient_id           uuid                  NOT NULL,
  person_patient_id    uuid,
  name                 kernel.sealed_text,
  relationship         kernel.code           NOT NULL,
  phone                kernel.sealed_text,
  phone_bidx           kernel.blind_index,
  email                kernel.sealed_text,
  email_bidx           kernel.blind_index,
  address              kernel.sealed_text,
  legal_custody        boolean               NOT NULL DEFAULT false,
  may_pick_up          boolean               NOT NULL DEFAULT false,
  portal_access        medical.portal_access NOT NULL DEFAULT 'NONE',
  receives_health_info boolean               NOT NULL DEFAULT false,
  court_restriction    kernel.sealed_text,
  priority             int                   NOT NULL DEFAULT 1,
  language             kernel.language,
  CONSTRAINT patient_contacts_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT patient_contacts_patient_fk
    FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT patient_contacts_person_fk
    FOREIGN KEY (tenant_id, person_patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT patient_contacts_named CHECK (person_patient_id IS NOT NULL OR name IS NOT NULL),
  CONSTRAINT patient_contacts_not_self CHECK (person_patient_id <> patient_id),
  CONSTRAINT patient_contacts_priority CHECK (priority >= 1)
);
CREATE INDEX patient_contacts_patient_ix ON medical.patient_contacts (tenant_id, patient_id);
CREATE INDEX patient_contacts_person_ix ON medical.patient_contacts (tenant_id, person_patient_id);
CREATE INDEX patient_contacts_phone_ix ON medical.patient_contacts (tenant_id, phone_bidx);
CREATE INDEX patient_contacts_email_ix ON medical.patient_contacts (tenant_id, email_bidx);
COMMENT ON TABLE medical.patient_contacts IS 'Guardians, next of kin and emergency contacts';
COMMENT ON COLUMN medical.patient_contacts.person_patient_id IS 'The contact''s own record, when there is one';
COMMENT ON COLUMN medical.patient_contacts.relationship IS 'HL7 table 0063 or v2-0131 code';
COMMENT ON COLUMN medical.patient_contacts.may_pick_up IS 'May fetch the child from school';
COMMENT ON COLUMN medical.patient_contacts.receives_health_info IS
  'May be told about health; false overrides portal access';
COMMENT ON COLUMN medical.patient_contacts.priority IS 'Order in which to call, first is 1';
COMMENT ON CONSTRAINT patient_contacts_named ON medical.patient_contacts IS 'Needs a name or the contact''s own record';
COMMENT ON CONSTRAINT patient_contacts_not_self ON medical.patient_contacts IS 'A person is not their own contact';
COMMENT ON CONSTRAINT patient_contacts_priority ON medical.patient_contacts IS 'Counts from 1';
CALL kernel.protect('medical.patient_contacts',
  subject => 'patient_id', class => 'C2', key_class => 'identity', retention => 'medical_records');
CALL kernel.classify('medical.patient_contacts', 'name', search => 'name', phi => 'name');
CALL kernel.classify('medical.patient_contacts', 'phone', search => 'phone', phi => 'phone');
CALL kernel.classify('medical.patient_contacts', 'email', search => 'email', phi => 'email');
CALL kernel.classify('medical.patient_contacts', 'address', phi => 'address');
CALL kernel.classify('medical.patient_contacts', 'court_restriction', class => 'C4');

CREATE TABLE medical.patient_repositories (
  tenant_id        uuid         NOT NULL DEFAULT kernel.tenant(),
  id               uuid         NOT NULL,
  row_version      int          NOT NULL DEFAULT 1,
  created_at       timestamptz  NOT NULL DEFAULT now(),
  updated_at       timestamptz  NOT NULL DEFAULT now(),
  created_by       uuid         DEFAULT kernel.actor(),
  updated_by       uuid,
  patient_id       uuid         NOT NULL,
  name             kernel.label NOT NULL,
  kind             medical.repository_kind NOT NULL,
  status           medical.repository_status NOT NULL DEFAULT 'ACTIVE',
  sharing_default  boolean      NOT NULL DEFAULT false,
  document_count   int          NOT NULL DEFAULT 0,
  byte_count       bigint       NOT NULL DEFAULT 0,
  last_activity_at timestamptz,
  CONSTRAINT patient_repositories_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT patient_repositories_patient_fk
    FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT patient_repositories_name_uq UNIQUE (tenant_id, patient_id, name),
  CONSTRAINT patient_repositories_counts CHECK (document_count >= 0 AND byte_count >= 0)
);
CREATE INDEX patient_repositories_patient_ix ON medical.patient_repositories (tenant_id, patient_id);
CREATE UNIQUE INDEX patient_repositories_primary_uq ON medical.patient_repositories (tenant_id, patient_id)
  WHERE kind = 'PRIMARY';
COMMENT ON TABLE medical.patient_repositories IS
  'Bundles of facts by where they came from, so that one source can be removed as a whole';
COMMENT ON COLUMN medical.patient_repositories.name IS 'Name of the source, not of a person';
COMMENT ON COLUMN medical.patient_repositories.sharing_default IS 'Whether its facts are shared unless told otherwise';
COMMENT ON CONSTRAINT patient_repositories_name_uq ON medical.patient_repositories IS
  'This patient has a repository of that name';
COMMENT ON INDEX medical.patient_repositories_primary_uq IS 'A patient has one primary repository';
COMMENT ON CONSTRAINT patient_repositories_counts ON medical.patient_repositories IS 'Cannot be negative';
CALL kernel.protect('medical.patient_repositories',
  subject => 'patient_id', class => 'C2', key_class => 'identity', retention => 'medical_records');

CREATE TABLE medical.providers (
  tenant_id           uuid                   NOT NULL DEFAULT kernel.tenant(),
  id                  uuid                   NOT NULL,
  row_version         int                    NOT NULL DEFAULT 1,
  created_at          timestamptz            NOT NULL DEFAULT now(),
  updated_at          timestamptz            NOT NULL DEFAULT now(),
  created_by          uuid                   DEFAULT kernel.actor(),
  updated_by          uuid,
  kind                medical.provider_kind  NOT NULL,
  organization_id     uuid,
  name                kernel.label           NOT NULL,
  npi                 kernel.code,
  tax_id              kernel.sealed_text,
  tax_id_bidx         kernel.blind_index,
  tax_id_kind         auth.tax_id_kind,
  council             kernel.code,
  council_number      kernel.code,
  council_region      kernel.code,
  cnes                kernel.code,
  taxonomy_code       kernel.code,
  specialty_code      kernel.code,
  specialty           kernel.label,
  phone               kernel.code,
  email               kernel.label,
  address_line        kernel.label,
  city                kernel.label,
  state               kernel.code,
  postal_code         kernel.code,
  country             kernel.code,
  bank_account        kernel.sealed_text,
  bank_account_bidx   kernel.blind_index,
  network_status      medical.network_status,
  network_from        date,
  network_to          date,
  sanction_status     medical.sanction_status NOT NULL DEFAULT 'unknown',
  sanction_source     kernel.label,
  sanction_checked_at timestamptz,
  gold_card_until     date,
  status              medical.provider_status NOT NULL DEFAULT 'active',
  CONSTRAINT providers_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT providers_organization_fk
    FOREIGN KEY (tenant_id, organization_id) REFERENCES auth.organizations (tenant_id, id),
  CONSTRAINT providers_npi_uq UNIQUE (tenant_id, npi),
  CONSTRAINT providers_tax_id_uq UNIQUE (tenant_id, tax_id_bidx),
  CONSTRAINT providers_council_uq UNIQUE (tenant_id, council, council_region, council_number),
  CONSTRAINT providers_npi_form CHECK (npi ~ '^[0-9]{10}$'),
  CONSTRAINT providers_council_whole CHECK (num_nonnulls(council, council_number) IN (0, 2)),
  CONSTRAINT providers_cnes_form CHECK (cnes ~ '^[0-9]{7}$'),
  CONSTRAINT providers_network_period CHECK (network_to >= network_from)
);
CREATE INDEX providers_organization_ix ON medical.providers (tenant_id, organization_id);
CREATE INDEX providers_specialty_ix ON medical.providers (tenant_id, specialty_code);
COMMENT ON TABLE medical.providers IS 'Clinicians and facilities that give care';
COMMENT ON COLUMN medical.providers.organization_id IS
  'The organization a clinician acts for, or the one a facility is';
COMMENT ON COLUMN medical.providers.npi IS 'National provider identifier; its check digit is verified by the server';
COMMENT ON COLUMN medical.providers.tax_id IS 'CPF, CNPJ, EIN';
COMMENT ON COLUMN medical.providers.council IS 'Professional council: CRM, CRO, COREN, CRP, CREFITO, …';
COMMENT ON COLUMN medical.providers.council_region IS 'State of the council';
COMMENT ON COLUMN medical.providers.cnes IS 'Register of Brazilian health facilities, 7 digits';
COMMENT ON COLUMN medical.providers.taxonomy_code IS 'NUCC health care provider taxonomy';
COMMENT ON COLUMN medical.providers.phone IS 'Business number';
COMMENT ON COLUMN medical.providers.email IS 'Business address';
COMMENT ON COLUMN medical.providers.gold_card_until IS 'Until when requests of this provider need no review';
COMMENT ON CONSTRAINT providers_npi_uq ON medical.providers IS 'Another provider has this NPI';
COMMENT ON CONSTRAINT providers_tax_id_uq ON medical.providers IS 'Another provider has this tax number';
COMMENT ON CONSTRAINT providers_council_uq ON medical.providers IS 'Another provider has this council number';
COMMENT ON CONSTRAINT providers_npi_form ON medical.providers IS 'An NPI has 10 digits';
COMMENT ON CONSTRAINT providers_council_whole ON medical.providers IS 'A council number comes with its council';
COMMENT ON CONSTRAINT providers_cnes_form ON medical.providers IS 'A CNES number has 7 digits';
COMMENT ON CONSTRAINT providers_network_period ON medical.providers IS 'Cannot end before it begins';
CALL kernel.protect('medical.providers', key_class => 'identity');
CALL kernel.classify('medical.providers', 'tax_id', search => 'identifier', phi => 'account');
CALL kernel.classify('medical.providers', 'bank_account', search => 'exact', phi => 'account');
CREATE POLICY any_caller ON medical.providers FOR SELECT USING ((SELECT kernel.scope()) = 'own');

CREATE TABLE medical.procedures (
  tenant_id         uuid               NOT NULL DEFAULT kernel.tenant(),
  id                uuid               NOT NULL,
  row_version       int                NOT NULL DEFAULT 1,
  created_at        timestamptz        NOT NULL DEFAULT now(),
  updated_at        timestamptz        NOT NULL DEFAULT now(),
  created_by        uuid               DEFAULT kernel.actor(),
  updated_by        uuid,
  code_system       kernel.code        NOT NULL,
  code              kernel.code        NOT NULL,
  display           kernel.label       NOT NULL,
  category          kernel.code        NOT NULL,
  complexity        medical.complexity NOT NULL DEFAULT 'basic',
  requires_auth     medical.authorization_need NOT NULL DEFAULT 'rule',
  sex_restriction   medical.sex,
  min_age_days      int,
  max_age_days      int,
  max_units_per_day int,
  base_price_minor  bigint,
  currency          kernel.currency,
  valid_from        date               NOT NULL,
  valid_to          date,
  CONSTRAINT procedures_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT procedures_code_uq UNIQUE (tenant_id, code_system, code, valid_from),
  CONSTRAINT procedures_price CHECK (base_price_minor >= 0 AND (base_price_minor IS NULL) = (currency IS NULL)),
  CONSTRAINT procedures_ages
    CHECK (min_age_days >= 0 AND max_age_days >= 0 AND max_age_days >= coalesce(min_age_days, 0)),
  CONSTRAINT procedures_units CHECK (max_units_per_day >= 1),
  CONSTRAINT procedures_period CHECK (valid_to >= valid_from)
);
COMMENT ON TABLE medical.procedures IS 'The tenant''s catalogue of services, with prices and what needs authorization';
COMMENT ON COLUMN medical.procedures.code_system IS 'CPT, HCPCS, TUSS, CBHPM, ICD10PCS, SIGTAP or REVENUE';
COMMENT ON COLUMN medical.procedures.base_price_minor IS 'In the smallest unit of the currency';
COMMENT ON COLUMN medical.procedures.valid_to IS 'Last day; NULL: open';
COMMENT ON CONSTRAINT procedures_code_uq ON medical.procedures IS 'This code is in the catalogue from that day already';
COMMENT ON CONSTRAINT procedures_price ON medical.procedures IS 'A price is not negative and has a currency';
COMMENT ON CONSTRAINT procedures_ages ON medical.procedures IS 'Ages in days, from the lower to the higher';
COMMENT ON CONSTRAINT procedures_units ON medical.procedures IS 'Must be at least 1';
COMMENT ON CONSTRAINT procedures_period ON medical.procedures IS 'Cannot end before it begins';
CALL kernel.protect('medical.procedures');
CREATE POLICY any_caller ON medical.procedures FOR SELECT USING ((SELECT kernel.scope()) = 'own');

-- The link of users to patients was made before patients were.
ALTER TABLE auth.user_person_links ADD CONSTRAINT user_person_links_patient_fk
  FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id);
COMMENT ON CONSTRAINT user_person_links_patient_fk ON auth.user_person_links IS
  'Must name an existing record of patients';

-- Drugs and what they do to each other, the same for all tenants; and what a student must not get.
CREATE SCHEMA ref;
COMMENT ON SCHEMA ref IS 'Reference data: drugs, interactions, code systems; read by all tenants';
GRANT USAGE ON SCHEMA ref TO salus_app, salus_reader, salus_sealer, salus_backup;
CREATE DOMAIN ref.interaction_severity AS text CONSTRAINT interaction_severity_values
  CHECK (VALUE IN (
    'CONTRAINDICATED', 'SEVERE', 'MAJOR', 'MODERATE', 'MINOR', 'UNKNOWN'));
COMMENT ON DOMAIN ref.interaction_severity IS 'What an interaction may do';
COMMENT ON CONSTRAINT interaction_severity_values ON DOMAIN ref.interaction_severity IS
  'Must be CONTRAINDICATED, SEVERE, MAJOR, MODERATE, MINOR or UNKNOWN';
CREATE DOMAIN ref.evidence_level AS text CONSTRAINT evidence_level_values
  CHECK (VALUE IN (
    'ESTABLISHED', 'PROBABLE', 'SUSPECTED', 'THEORETICAL', 'UNKNOWN'));
COMMENT ON DOMAIN ref.evidence_level IS 'How well an interaction is shown';
COMMENT ON CONSTRAINT evidence_level_values ON DOMAIN ref.evidence_level IS
  'Must be ESTABLISHED, PROBABLE, SUSPECTED, THEORETICAL or UNKNOWN';
CREATE DOMAIN ref.term_type AS text CONSTRAINT term_type_values
  CHECK (VALUE IN (
    'IN', 'PIN', 'MIN', 'SCD', 'SBD', 'SCDC', 'DF'));
COMMENT ON DOMAIN ref.term_type IS 'RxNorm term type';
COMMENT ON CONSTRAINT term_type_values ON DOMAIN ref.term_type IS 'Must be IN, PIN, MIN, SCD, SBD, SCDC or DF';
CREATE DOMAIN ref.route_scope AS text CONSTRAINT route_scope_values
  CHECK (VALUE IN (
    'ANY', 'SYSTEMIC', 'SYSTEMIC_ORAL'));
COMMENT ON DOMAIN ref.route_scope IS 'For which routes an interaction holds';
COMMENT ON CONSTRAINT route_scope_values ON DOMAIN ref.route_scope IS 'Must be ANY, SYSTEMIC or SYSTEMIC_ORAL';
CREATE DOMAIN ref.onset AS text CONSTRAINT onset_values CHECK (VALUE IN ('RAPID', 'DELAYED'));
COMMENT ON DOMAIN ref.onset IS 'How fast an interaction shows';
COMMENT ON CONSTRAINT onset_values ON DOMAIN ref.onset IS 'Must be RAPID or DELAYED';
CREATE DOMAIN ref.review_state AS text CONSTRAINT review_state_values
  CHECK (VALUE IN (
    'DRAFT', 'PHARMACIST_REVIEWED', 'RETIRED'));
COMMENT ON DOMAIN ref.review_state IS 'Who has looked at it';
COMMENT ON CONSTRAINT review_state_values ON DOMAIN ref.review_state IS 'Must be DRAFT, PHARMACIST_REVIEWED or RETIRED';
CREATE DOMAIN ref.dea_schedule AS text CONSTRAINT dea_schedule_values CHECK (VALUE IN ('0', 'II', 'III', 'IV', 'V'));
COMMENT ON DOMAIN ref.dea_schedule IS 'Schedule of controlled substances; 0: not controlled';
COMMENT ON CONSTRAINT dea_schedule_values ON DOMAIN ref.dea_schedule IS 'Must be 0, II, III, IV or V';
CREATE DOMAIN school.reaction_type AS text CONSTRAINT reaction_type_values
  CHECK (VALUE IN (
    'IGE_IMMEDIATE', 'DELAYED_MILD', 'SEVERE_CUTANEOUS', 'ORGAN', 'INTOLERANCE', 'UNKNOWN'));
COMMENT ON DOMAIN school.reaction_type IS 'Mechanism of a reaction to a drug';
COMMENT ON CONSTRAINT reaction_type_values ON DOMAIN school.reaction_type IS
  'Must be IGE_IMMEDIATE, DELAYED_MILD, SEVERE_CUTANEOUS, ORGAN, INTOLERANCE or UNKNOWN';
CREATE DOMAIN school.reaction_severity AS text CONSTRAINT reaction_severity_values
  CHECK (VALUE IN (
    'MILD', 'MODERATE', 'SEVERE', 'ANAPHYLAXIS'));
COMMENT ON DOMAIN school.reaction_severity IS 'How bad a reaction was';
COMMENT ON CONSTRAINT reaction_severity_values ON DOMAIN school.reaction_severity IS
  'Must be MILD, MODERATE, SEVERE or ANAPHYLAXIS';
CREATE DOMAIN school.allergy_verification AS text CONSTRAINT allergy_verification_values
  CHECK (VALUE IN (
    'REPORTED', 'CONFIRMED', 'REFUTED'));
COMMENT ON DOMAIN school.allergy_verification IS 'Who vouches for an allergy';
COMMENT ON CONSTRAINT allergy_verification_values ON DOMAIN school.allergy_verification IS
  'Must be REPORTED, CONFIRMED or REFUTED';

CREATE TABLE ref.drug_catalog (
  id                uuid             NOT NULL,
  rxcui             kernel.code      NOT NULL,
  name              kernel.label     NOT NULL,
  tty               ref.term_type    NOT NULL,
  ingredient_rxcuis text[]           NOT NULL DEFAULT '{}',
  ingredient_names  text[]           NOT NULL DEFAULT '{}',
  ndc_codes         text[]           NOT NULL DEFAULT '{}',
  class_codes       text[]           NOT NULL DEFAULT '{}',
  route             kernel.code,
  dose_form         kernel.code,
  strength          kernel.label,
  dea_schedule      ref.dea_schedule NOT NULL DEFAULT '0',
  is_otc            boolean          NOT NULL DEFAULT false,
  is_school_stock   boolean          NOT NULL DEFAULT false,
  is_emergency      boolean          NOT NULL DEFAULT false,
  unii              kernel.code,
  spl_set_id        uuid,
  source_release_id kernel.code      NOT NULL,
  active            boolean          NOT NULL DEFAULT true,
  CONSTRAINT drug_catalog_pk PRIMARY KEY (id),
  CONSTRAINT drug_catalog_rxcui_uq UNIQUE (rxcui)
);
CREATE INDEX drug_catalog_ingredients_ix ON ref.drug_catalog USING gin (ingredient_rxcuis);
CREATE INDEX drug_catalog_name_ix ON ref.drug_catalog (lower(name::text) text_pattern_ops);
COMMENT ON TABLE ref.drug_catalog IS 'Drugs by RxNorm concept';
COMMENT ON COLUMN ref.drug_catalog.ndc_codes IS '11 digits each';
COMMENT ON COLUMN ref.drug_catalog.class_codes IS 'Our own list of classes';
COMMENT ON COLUMN ref.drug_catalog.is_emergency IS 'Documenting or giving it is never blocked';
COMMENT ON CONSTRAINT drug_catalog_rxcui_uq ON ref.drug_catalog IS 'This concept is in the catalogue already';
CALL kernel.share('ref.drug_catalog', 'drug knowledge is the same for all tenants');

CREATE TABLE ref.drug_interactions (
  id                uuid                     NOT NULL,
  drug_a_rxcui      kernel.code              NOT NULL,
  drug_b_rxcui      kernel.code              NOT NULL,
  route_scope       ref.route_scope          NOT NULL DEFAULT 'ANY',
  severity          ref.interaction_severity NOT NULL,
  evidence          ref.evidence_level       NOT NULL,
  mechanism         kernel.prose,
  clinical_effect   kernel.prose             NOT NULL,
  management        kernel.prose,
  onset             ref.onset,
  references_cited  jsonb                    NOT NULL,
  origin_rule_id    kernel.code,
  knowledge_release kernel.code              NOT NULL,
  review_state      ref.review_state         NOT NULL DEFAULT 'DRAFT',
  reviewed_by       kernel.label,
  CONSTRAINT drug_interactions_pk PRIMARY KEY (id),
  CONSTRAINT drug_interactions_order CHECK (drug_a_rxcui < drug_b_rxcui),
  CONSTRAINT drug_interactions_cited
    CHECK (jsonb_typeof(references_cited) = 'array' AND jsonb_array_length(references_cited) >= 1),
  CONSTRAINT drug_interactions_reviewed CHECK (review_state <> 'PHARMACIST_REVIEWED' OR reviewed_by IS NOT NULL)
);
CREATE INDEX drug_interactions_second_ix ON ref.drug_interactions (drug_b_rxcui, severity);
CREATE UNIQUE INDEX drug_interactions_pair_uq ON ref.drug_interactions (drug_a_rxcui, drug_b_rxcui, route_scope, knowledge_release);
COMMENT ON TABLE ref.drug_interactions IS 'Pairs of ingredients, the lower concept first';
COMMENT ON COLUMN ref.drug_interactions.references_cited IS 'At least one: SPL set id and section, PMID or guideline';
COMMENT ON CONSTRAINT drug_interactions_order ON ref.drug_interactions IS 'The lower concept comes first';
COMMENT ON CONSTRAINT drug_interactions_cited ON ref.drug_interactions IS 'Names at least one source';
COMMENT ON CONSTRAINT drug_interactions_reviewed ON ref.drug_interactions IS 'A review names who reviewed';
COMMENT ON INDEX ref.drug_interactions_pair_uq IS 'This pair is in the release already';
CALL kernel.share('ref.drug_interactions', 'drug knowledge is the same for all tenants');

CREATE TABLE school.student_drug_allergies (
  tenant_id        uuid                     NOT NULL DEFAULT kernel.tenant(),
  id               uuid                     NOT NULL,
  row_version      int                      NOT NULL DEFAULT 1,
  created_at       timestamptz              NOT NULL DEFAULT now(),
  updated_at       timestamptz              NOT NULL DEFAULT now(),
  created_by       uuid                     DEFAULT kernel.actor(),
  updated_by       uuid,
  student_id       uuid                     NOT NULL,
  allergy_id       uuid,
  allergen_rxcui   kernel.code,
  class_code       kernel.code,
  cross_group      kernel.code,
  reaction_type    school.reaction_type     NOT NULL DEFAULT 'UNKNOWN',
  severity         school.reaction_severity NOT NULL,
  manifestations   text[]                   NOT NULL DEFAULT '{}',
  last_reaction_on date,
  verified         school.allergy_verification NOT NULL DEFAULT 'REPORTED',
  epinephrine_plan boolean                  NOT NULL DEFAULT false,
  note             kernel.sealed_text,
  active           boolean                  NOT NULL DEFAULT true,
  CONSTRAINT student_drug_allergies_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT student_drug_allergies_student_fk
    FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT student_drug_allergies_allergy_fk
    FOREIGN KEY (tenant_id, allergy_id) REFERENCES records.allergies (tenant_id, id),
  CONSTRAINT student_drug_allergies_allergen CHECK (num_nonnulls(allergen_rxcui, class_code, cross_group) >= 1)
);
CREATE INDEX student_drug_allergies_allergy_ix ON school.student_drug_allergies (tenant_id, allergy_id);
CREATE INDEX student_drug_allergies_student_ix ON school.student_drug_allergies (tenant_id, student_id) WHERE active;
CREATE INDEX student_drug_allergies_of_student_ix ON school.student_drug_allergies (tenant_id, student_id, created_at DESC);
COMMENT ON TABLE school.student_drug_allergies IS
  'Drugs a student must not get, coded so that orders are checked against them';
COMMENT ON CONSTRAINT student_drug_allergies_allergen ON school.student_drug_allergies IS
  'Names a drug, a class or a group';
COMMENT ON INDEX school.student_drug_allergies_student_ix IS 'What holds for a student';
CALL kernel.protect('school.student_drug_allergies',
  subject => 'student_id', class => 'C2', key_class => 'clinical', retention => 'student_health');

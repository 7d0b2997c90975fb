-- Symptoms as they are seen, signals of outbreaks, and the clusters in them.
CREATE DOMAIN school.symptom_source AS text CONSTRAINT symptom_source_values
  CHECK (VALUE IN (
    'VISIT', 'ABSENCE_CALL', 'PORTAL', 'STAFF', 'LAB'));
COMMENT ON DOMAIN school.symptom_source IS 'Where a symptom was learned';
COMMENT ON CONSTRAINT symptom_source_values ON DOMAIN school.symptom_source IS
  'Must be VISIT, ABSENCE_CALL, PORTAL, STAFF or LAB';
CREATE DOMAIN school.syndrome AS text CONSTRAINT syndrome_values
  CHECK (VALUE IN (
    'ILI', 'GI', 'RESP', 'RASH', 'RASH_FEVER', 'CONJUNCTIVITIS', 'STREP', 'NEURO', 'HEAT', 'OTHER'));
COMMENT ON DOMAIN school.syndrome IS 'Group of symptoms that is counted';
COMMENT ON CONSTRAINT syndrome_values ON DOMAIN school.syndrome IS
  'Must be ILI, GI, RESP, RASH, RASH_FEVER, CONJUNCTIVITIS, STREP, NEURO, HEAT or OTHER';
CREATE DOMAIN school.case_class AS text CONSTRAINT case_class_values
  CHECK (VALUE IN (
    'SUSPECT', 'PROBABLE', 'CONFIRMED', 'RULED_OUT'));
COMMENT ON DOMAIN school.case_class IS 'How sure a case is';
COMMENT ON CONSTRAINT case_class_values ON DOMAIN school.case_class IS
  'Must be SUSPECT, PROBABLE, CONFIRMED or RULED_OUT';
CREATE DOMAIN school.outbreak_level AS text CONSTRAINT outbreak_level_values
  CHECK (VALUE IN (
    'CLASS', 'GRADE', 'BUS', 'SCHOOL', 'FEEDER', 'DISTRICT'));
COMMENT ON DOMAIN school.outbreak_level IS 'Among whom the cases are';
COMMENT ON CONSTRAINT outbreak_level_values ON DOMAIN school.outbreak_level IS
  'Must be CLASS, GRADE, BUS, SCHOOL, FEEDER or DISTRICT';
CREATE DOMAIN school.outbreak_state AS text CONSTRAINT outbreak_state_values
  CHECK (VALUE IN (
    'SIGNAL', 'UNDER_REVIEW', 'DISMISSED', 'CLUSTER', 'OUTBREAK', 'REPORTED', 'MONITORING',
    'CONTROLLED', 'CLOSED'));
COMMENT ON DOMAIN school.outbreak_state IS 'Where an alert stands, from the first signal to its end';
COMMENT ON CONSTRAINT outbreak_state_values ON DOMAIN school.outbreak_state IS
  'Must be SIGNAL, UNDER_REVIEW, DISMISSED, CLUSTER, OUTBREAK, REPORTED, MONITORING, CONTROLLED or CLOSED';
CREATE DOMAIN school.cluster_kind AS text CONSTRAINT cluster_kind_values
  CHECK (VALUE IN (
    'HOMEROOM', 'GRADE', 'BUS', 'TEAM', 'HOUSEHOLD', 'GEO'));
COMMENT ON DOMAIN school.cluster_kind IS 'What the cases of a cluster share';
COMMENT ON CONSTRAINT cluster_kind_values ON DOMAIN school.cluster_kind IS
  'Must be HOMEROOM, GRADE, BUS, TEAM, HOUSEHOLD or GEO';

CREATE TABLE school.symptom_tracking (
  tenant_id     uuid                  NOT NULL DEFAULT kernel.tenant(),
  id            uuid                  NOT NULL,
  row_version   int                   NOT NULL DEFAULT 1,
  created_at    timestamptz           NOT NULL DEFAULT now(),
  updated_at    timestamptz           NOT NULL DEFAULT now(),
  created_by    uuid                  DEFAULT kernel.actor(),
  updated_by    uuid,
  student_id    uuid                  NOT NULL,
  school_id     uuid                  NOT NULL,
  visit_id      uuid,
  group_ids     text[]                NOT NULL DEFAULT '{}',
  onset_on      date                  NOT NULL,
  reported_at   timestamptz           NOT NULL DEFAULT now(),
  source        school.symptom_source NOT NULL,
  symptoms      text[]                NOT NULL DEFAULT '{}',
  syndrome      school.syndrome       NOT NULL,
  temperature   numeric,
  absent        boolean               NOT NULL DEFAULT false,
  household_key bytea,
  case_class    school.case_class     NOT NULL DEFAULT 'SUSPECT',
  disease_code  kernel.code,
  lab_result_id uuid,
  note          kernel.sealed_text,
  CONSTRAINT symptom_tracking_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT symptom_tracking_student_fk
    FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT symptom_tracking_school_fk FOREIGN KEY (tenant_id, school_id) REFERENCES school.schools (tenant_id, id),
  CONSTRAINT symptom_tracking_lab_result_fk
    FOREIGN KEY (tenant_id, lab_result_id) REFERENCES records.lab_results (tenant_id, id),
  CONSTRAINT symptom_tracking_temperature_range CHECK (temperature >= 30 AND temperature <= 45),
  CONSTRAINT symptom_tracking_household_length
    CHECK (octet_length(household_key) >= 16 AND octet_length(household_key) <= 32)
);
CREATE INDEX symptom_tracking_lab_result_ix ON school.symptom_tracking (tenant_id, lab_result_id);
CREATE INDEX symptom_tracking_stream_ix ON school.symptom_tracking (tenant_id, school_id, syndrome, onset_on);
CREATE INDEX symptom_tracking_student_ix ON school.symptom_tracking (tenant_id, student_id, onset_on DESC);
COMMENT ON TABLE school.symptom_tracking IS 'Symptoms of one student on one day, with the syndrome they count for';
COMMENT ON COLUMN school.symptom_tracking.visit_id IS 'school.clinic_visits.id';
COMMENT ON COLUMN school.symptom_tracking.group_ids IS 'school.class_groups the student was in that day';
COMMENT ON COLUMN school.symptom_tracking.temperature IS 'Degrees Celsius';
COMMENT ON COLUMN school.symptom_tracking.household_key IS
  'Keyed digest of the home address: the same home is found, not which';
COMMENT ON CONSTRAINT symptom_tracking_temperature_range ON school.symptom_tracking IS
  'Must be 30 to 45 degrees Celsius';
COMMENT ON CONSTRAINT symptom_tracking_household_length ON school.symptom_tracking IS 'Must be 16 to 32 bytes';
CALL kernel.protect('school.symptom_tracking',
  subject => 'student_id', class => 'C2', key_class => 'clinical', retention => 'symptom_line_list');

CREATE TABLE school.outbreak_alerts (
  tenant_id                uuid                  NOT NULL DEFAULT kernel.tenant(),
  id                       uuid                  NOT NULL,
  row_version              int                   NOT NULL DEFAULT 1,
  created_at               timestamptz           NOT NULL DEFAULT now(),
  updated_at               timestamptz           NOT NULL DEFAULT now(),
  created_by               uuid                  DEFAULT kernel.actor(),
  updated_by               uuid,
  number                   kernel.code           NOT NULL,
  syndrome                 school.syndrome       NOT NULL,
  disease_code             kernel.code,
  level                    school.outbreak_level NOT NULL,
  school_id                uuid,
  scope_ids                text[]                NOT NULL DEFAULT '{}',
  method                   kernel.code           NOT NULL,
  statistic                double precision,
  threshold                double precision,
  observed                 int                   NOT NULL,
  expected                 double precision,
  p_value                  double precision,
  q_value                  double precision,
  recurrence_interval_days int,
  first_signal_on          date                  NOT NULL,
  severity                 alerts.alert_severity NOT NULL DEFAULT 'MEDIUM',
  state                    school.outbreak_state NOT NULL DEFAULT 'SIGNAL',
  params                   jsonb                 NOT NULL DEFAULT '{}',
  declared_by              uuid,
  reported_to              kernel.label,
  reported_at              timestamptz,
  closed_reason            kernel.code,
  CONSTRAINT outbreak_alerts_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT outbreak_alerts_school_fk FOREIGN KEY (tenant_id, school_id) REFERENCES school.schools (tenant_id, id),
  CONSTRAINT outbreak_alerts_declared_by_fk FOREIGN KEY (tenant_id, declared_by) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT outbreak_alerts_number_uq UNIQUE (tenant_id, number),
  CONSTRAINT outbreak_alerts_probability CHECK (p_value >= 0 AND p_value <= 1 AND q_value >= 0 AND q_value <= 1),
  CONSTRAINT outbreak_alerts_observed_count CHECK (observed >= 0),
  CONSTRAINT outbreak_alerts_dismissed CHECK (state <> 'DISMISSED' OR closed_reason IS NOT NULL)
);
CREATE INDEX outbreak_alerts_school_ix ON school.outbreak_alerts (tenant_id, school_id);
CREATE INDEX outbreak_alerts_declared_by_ix ON school.outbreak_alerts (tenant_id, declared_by);
CREATE INDEX outbreak_alerts_state_ix ON school.outbreak_alerts (tenant_id, state, first_signal_on DESC);
CREATE INDEX outbreak_alerts_open_ix ON school.outbreak_alerts (tenant_id, syndrome, level)
  WHERE state NOT IN ('DISMISSED', 'CLOSED');
COMMENT ON TABLE school.outbreak_alerts IS 'Signals of an outbreak, with all that is needed to compute them again';
COMMENT ON COLUMN school.outbreak_alerts.scope_ids IS 'Schools, grades or groups it is about';
COMMENT ON COLUMN school.outbreak_alerts.method IS 'C1, C2, C3, CUSUM, FARRINGTON, SCAN, RULE';
COMMENT ON COLUMN school.outbreak_alerts.q_value IS 'After Benjamini and Hochberg over the streams of the day';
COMMENT ON CONSTRAINT outbreak_alerts_number_uq ON school.outbreak_alerts IS 'This number was given already';
COMMENT ON CONSTRAINT outbreak_alerts_probability ON school.outbreak_alerts IS 'Must be 0 to 1';
COMMENT ON CONSTRAINT outbreak_alerts_observed_count ON school.outbreak_alerts IS 'Cannot be negative';
COMMENT ON CONSTRAINT outbreak_alerts_dismissed ON school.outbreak_alerts IS 'A dismissal says why';
COMMENT ON INDEX school.outbreak_alerts_open_ix IS 'Alerts that are not over';
CALL kernel.protect('school.outbreak_alerts', retention => 'operational');

CREATE TABLE school.outbreak_case_clusters (
  tenant_id     uuid                NOT NULL DEFAULT kernel.tenant(),
  id            uuid                NOT NULL,
  row_version   int                 NOT NULL DEFAULT 1,
  created_at    timestamptz         NOT NULL DEFAULT now(),
  updated_at    timestamptz         NOT NULL DEFAULT now(),
  created_by    uuid                DEFAULT kernel.actor(),
  updated_by    uuid,
  alert_id      uuid                NOT NULL,
  cluster_kind  school.cluster_kind NOT NULL,
  key           kernel.code         NOT NULL,
  members       text[]              NOT NULL DEFAULT '{}',
  case_count    int                 NOT NULL,
  population    int                 NOT NULL,
  attack_rate   double precision,
  relative_risk double precision,
  llr           double precision,
  index_case_id uuid,
  center_cell   kernel.code,
  radius_m      int,
  period_from   date,
  period_to     date,
  CONSTRAINT outbreak_case_clusters_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT outbreak_case_clusters_alert_fk
    FOREIGN KEY (tenant_id, alert_id) REFERENCES school.outbreak_alerts (tenant_id, id),
  CONSTRAINT outbreak_case_clusters_index_case_fk
    FOREIGN KEY (tenant_id, index_case_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT outbreak_case_clusters_counts CHECK (case_count >= 0 AND population >= case_count),
  CONSTRAINT outbreak_case_clusters_period CHECK (period_to >= period_from)
);
CREATE INDEX outbreak_case_clusters_index_case_ix ON school.outbreak_case_clusters (tenant_id, index_case_id);
CREATE INDEX outbreak_case_clusters_alert_ix ON school.outbreak_case_clusters (tenant_id, alert_id, cluster_kind);
COMMENT ON TABLE school.outbreak_case_clusters IS 'Groups in which the cases of an alert stand together';
COMMENT ON COLUMN school.outbreak_case_clusters.key IS 'Group, grade or cell';
COMMENT ON COLUMN school.outbreak_case_clusters.members IS 'Ids of the students';
COMMENT ON COLUMN school.outbreak_case_clusters.llr IS 'Log likelihood ratio of the scan';
COMMENT ON CONSTRAINT outbreak_case_clusters_counts ON school.outbreak_case_clusters IS
  'There are no more cases than persons';
COMMENT ON CONSTRAINT outbreak_case_clusters_period ON school.outbreak_case_clusters IS 'Cannot end before it begins';
-- It names students of whatever schools they go to: only who reaches the whole district sees it.
CALL kernel.protect('school.outbreak_case_clusters', class => 'C2', retention => 'symptom_line_list');

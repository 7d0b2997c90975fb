-- What calls for action by its number of cases alone, and who sees which signal of an outbreak.
CREATE DOMAIN school.rule_scope AS text CONSTRAINT rule_scope_values
  CHECK (VALUE IN ('CLASS', 'GROUP', 'SCHOOL', 'DISTRICT'));
COMMENT ON DOMAIN school.rule_scope IS
  'Among whom the cases of a rule are counted: one homeroom, any homeroom, bus or team, one school, or all schools';
COMMENT ON CONSTRAINT rule_scope_values ON DOMAIN school.rule_scope IS 'Must be CLASS, GROUP, SCHOOL or DISTRICT';

CREATE TABLE school.outbreak_rules (
  tenant_id       uuid                  NOT NULL DEFAULT kernel.tenant(),
  id              uuid                  NOT NULL,
  row_version     int                   NOT NULL DEFAULT 1,
  created_at      timestamptz           NOT NULL DEFAULT now(),
  updated_at      timestamptz           NOT NULL DEFAULT now(),
  created_by      uuid                  DEFAULT kernel.actor(),
  updated_by      uuid,
  code            kernel.code           NOT NULL,
  disease_code    kernel.code,
  syndrome        school.syndrome,
  case_count      int                   NOT NULL,
  share_percent   int,
  window_days     int                   NOT NULL,
  scope           school.rule_scope     NOT NULL,
  severity        alerts.alert_severity NOT NULL DEFAULT 'HIGH',
  action          kernel.label          NOT NULL,
  citation        kernel.label          NOT NULL,
  incubation_days int                   NOT NULL,
  is_active       boolean               NOT NULL DEFAULT true,
  confirmed_by    uuid,
  confirmed_at    timestamptz,
  CONSTRAINT outbreak_rules_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT outbreak_rules_confirmed_by_fk FOREIGN KEY (tenant_id, confirmed_by) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT outbreak_rules_code_uq UNIQUE (tenant_id, code),
  CONSTRAINT outbreak_rules_about CHECK (num_nonnulls(disease_code, syndrome) = 1),
  CONSTRAINT outbreak_rules_counts CHECK (case_count >= 1 AND case_count <= 10000),
  CONSTRAINT outbreak_rules_share CHECK (share_percent >= 1 AND share_percent <= 100),
  CONSTRAINT outbreak_rules_days
    CHECK (window_days >= 1 AND window_days <= 90 AND incubation_days >= 1 AND incubation_days <= 180)
);
CREATE INDEX outbreak_rules_confirmed_by_ix ON school.outbreak_rules (tenant_id, confirmed_by);
COMMENT ON TABLE school.outbreak_rules IS
  'Numbers of cases that raise an alert by themselves; until somebody confirmed one with the health department it is marked so';
COMMENT ON COLUMN school.outbreak_rules.code IS 'Short name, such as gi_class';
COMMENT ON COLUMN school.outbreak_rules.disease_code IS 'The disease whose cases count; none when a syndrome is given';
COMMENT ON COLUMN school.outbreak_rules.syndrome IS 'The syndrome whose cases count; none when a disease is given';
COMMENT ON COLUMN school.outbreak_rules.case_count IS 'So many persons';
COMMENT ON COLUMN school.outbreak_rules.share_percent IS
  'Or so many percent of the group, two persons at least; whichever is fewer';
COMMENT ON COLUMN school.outbreak_rules.window_days IS 'Within so many days of onset, the first and the last counted';
COMMENT ON COLUMN school.outbreak_rules.action IS 'What is to be done';
COMMENT ON COLUMN school.outbreak_rules.citation IS 'Where the numbers are from';
COMMENT ON COLUMN school.outbreak_rules.incubation_days IS
  'Longest incubation: an outbreak is controlled after one without a case, over after two';
COMMENT ON COLUMN school.outbreak_rules.confirmed_by IS 'Who compared it with what the health department asks for';
COMMENT ON CONSTRAINT outbreak_rules_code_uq ON school.outbreak_rules IS 'Another rule has this code';
COMMENT ON CONSTRAINT outbreak_rules_about ON school.outbreak_rules IS 'Must be about a disease or a syndrome, not both';
COMMENT ON CONSTRAINT outbreak_rules_counts ON school.outbreak_rules IS 'Must be 1 to 10,000 cases';
COMMENT ON CONSTRAINT outbreak_rules_share ON school.outbreak_rules IS 'Must be 1 to 100 percent';
COMMENT ON CONSTRAINT outbreak_rules_days ON school.outbreak_rules IS
  'Must be a window of 1 to 90 days and an incubation of 1 to 180 days';
CALL kernel.protect('school.outbreak_rules', retention => 'operational');

CREATE FUNCTION school.own_schools() RETURNS SETOF uuid
  LANGUAGE sql STABLE AS $$
  SELECT s.id FROM school.schools s
    JOIN auth.user_units u ON u.tenant_id = s.tenant_id AND u.organization_id = s.organization_id
   WHERE u.user_id = kernel.actor() AND u.valid_from <= current_date AND (u.valid_to IS NULL OR u.valid_to >= current_date)
$$;
COMMENT ON FUNCTION school.own_schools() IS 'The schools that the actor works at today';

-- A signal tells of the students of its school: who works at one school does not see another's, and one of the whole district
-- is for those who reach all of it. Its clusters are seen with it.
DROP POLICY staff ON school.outbreak_alerts;
CREATE POLICY own_school ON school.outbreak_alerts FOR ALL
  USING ((SELECT kernel.is_staff()) AND school_id IN (SELECT school.own_schools()))
  WITH CHECK ((SELECT kernel.is_staff()) AND school_id IN (SELECT school.own_schools()));
CREATE POLICY own_school ON school.outbreak_case_clusters FOR SELECT
  USING ((SELECT kernel.is_staff()) AND alert_id IN (SELECT a.id FROM school.outbreak_alerts a));

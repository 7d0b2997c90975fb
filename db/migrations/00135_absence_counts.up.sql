-- How many students of a school, a grade or a class stay at home ill on a day, as the attendance office counts them.
CREATE TABLE school.absence_counts (
  tenant_id   uuid         NOT NULL DEFAULT kernel.tenant(),
  id          uuid         NOT NULL,
  row_version int          NOT NULL DEFAULT 1,
  created_at  timestamptz  NOT NULL DEFAULT now(),
  updated_at  timestamptz  NOT NULL DEFAULT now(),
  created_by  uuid         DEFAULT kernel.actor(),
  updated_by  uuid,
  school_id   uuid         NOT NULL,
  day         date         NOT NULL,
  grade       school.grade,
  homeroom_id uuid,
  enrolled    int          NOT NULL,
  absent      int          NOT NULL,
  CONSTRAINT absence_counts_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT absence_counts_school_fk FOREIGN KEY (tenant_id, school_id) REFERENCES school.schools (tenant_id, id),
  CONSTRAINT absence_counts_homeroom_fk
    FOREIGN KEY (tenant_id, homeroom_id) REFERENCES school.class_groups (tenant_id, id),
  CONSTRAINT absence_counts_once_uq UNIQUE NULLS NOT DISTINCT (tenant_id, school_id, day, grade, homeroom_id),
  CONSTRAINT absence_counts_place CHECK (grade IS NULL OR homeroom_id IS NULL),
  CONSTRAINT absence_counts_counts CHECK (absent >= 0 AND enrolled >= 1 AND enrolled >= absent)
);
CREATE INDEX absence_counts_homeroom_ix ON school.absence_counts (tenant_id, homeroom_id);
COMMENT ON TABLE school.absence_counts IS
  'Absence through illness by day: of a whole school, or of a grade or a homeroom of it. Counts, no students';
COMMENT ON COLUMN school.absence_counts.grade IS 'The grade that is counted; none for the school or a homeroom';
COMMENT ON COLUMN school.absence_counts.homeroom_id IS 'The homeroom that is counted; none for the school or a grade';
COMMENT ON COLUMN school.absence_counts.enrolled IS 'Students who should have been there';
COMMENT ON COLUMN school.absence_counts.absent IS 'Of these, who stayed at home ill';
COMMENT ON CONSTRAINT absence_counts_once_uq ON school.absence_counts IS 'This day was counted already: change its count';
COMMENT ON CONSTRAINT absence_counts_place ON school.absence_counts IS 'Must be of a grade or of a homeroom, not of both';
COMMENT ON CONSTRAINT absence_counts_counts ON school.absence_counts IS
  'Must be of at least one student, of whom no more can be absent than are enrolled';
CALL kernel.protect('school.absence_counts', class => 'C2', retention => 'operational');

-- Who works at a school counts it and sees its counts.
CREATE POLICY own_school ON school.absence_counts FOR ALL
  USING ((SELECT kernel.is_staff()) AND school_id IN (SELECT school.own_schools()))
  WITH CHECK ((SELECT kernel.is_staff()) AND school_id IN (SELECT school.own_schools()));
COMMENT ON COLUMN school.outbreak_alerts.method IS 'C1, C2, C3, CUSUM, FARRINGTON, SCAN, RULE, ABSENCE';

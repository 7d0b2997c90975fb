-- How schools stood with immunization on a day: once a week, and on each day of the state's report.
CREATE DOMAIN school.snapshot_kind AS text CONSTRAINT snapshot_kind_values CHECK (VALUE IN ('WEEKLY', 'REPORT'));
COMMENT ON DOMAIN school.snapshot_kind IS 'Why a snapshot was taken: each week, or for a day of the state''s report';
COMMENT ON CONSTRAINT snapshot_kind_values ON DOMAIN school.snapshot_kind IS 'Must be WEEKLY or REPORT';

CREATE TABLE school.compliance_snapshots (
  tenant_id         uuid                 NOT NULL DEFAULT kernel.tenant(),
  id                uuid                 NOT NULL,
  row_version       int                  NOT NULL DEFAULT 1,
  created_at        timestamptz          NOT NULL DEFAULT now(),
  updated_at        timestamptz          NOT NULL DEFAULT now(),
  created_by        uuid                 DEFAULT kernel.actor(),
  updated_by        uuid,
  school_id         uuid                 NOT NULL,
  grade             school.grade         NOT NULL,
  kind              school.snapshot_kind NOT NULL,
  period_on         date                 NOT NULL,
  taken_on          date                 NOT NULL,
  release_id        uuid                 NOT NULL,
  compliant         int                  NOT NULL,
  conditional       int                  NOT NULL,
  provisional       int                  NOT NULL,
  exempt            int                  NOT NULL,
  noncompliant      int                  NOT NULL,
  excluded          int                  NOT NULL,
  no_record         int                  NOT NULL,
  not_applicable    int                  NOT NULL,
  not_evaluated     int                  NOT NULL,
  measles_protected int                  NOT NULL,
  scored            int                  NOT NULL,
  score_total       double precision     NOT NULL,
  CONSTRAINT compliance_snapshots_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT compliance_snapshots_school_fk
    FOREIGN KEY (tenant_id, school_id) REFERENCES school.schools (tenant_id, id),
  CONSTRAINT compliance_snapshots_release_fk
    FOREIGN KEY (tenant_id, release_id) REFERENCES school.schedule_releases (tenant_id, id),
  CONSTRAINT compliance_snapshots_period_uq UNIQUE (tenant_id, school_id, kind, period_on, grade),
  CONSTRAINT compliance_snapshots_order CHECK (taken_on >= period_on),
  CONSTRAINT compliance_snapshots_counts
    CHECK (least(compliant, conditional, provisional, exempt, noncompliant, excluded, no_record, not_applicable, not_evaluated, measles_protected, scored) >= 0),
  CONSTRAINT compliance_snapshots_part
    CHECK (greatest(measles_protected, scored) <= compliant + conditional + provisional + exempt + noncompliant + excluded + no_record + not_applicable)
);
CREATE INDEX compliance_snapshots_release_ix ON school.compliance_snapshots (tenant_id, release_id);
COMMENT ON TABLE school.compliance_snapshots IS
  'How many students of each school and grade stood how with immunization on a day, each in one way; never changed afterwards';
COMMENT ON COLUMN school.compliance_snapshots.period_on IS 'The Monday of the week, or the day of the report';
COMMENT ON COLUMN school.compliance_snapshots.taken_on IS 'The school''s day on which it was taken; later than its day when Salus did not run then';
COMMENT ON COLUMN school.compliance_snapshots.release_id IS 'The schedule by which the doses were judged';
COMMENT ON COLUMN school.compliance_snapshots.exempt IS 'By any exemption';
COMMENT ON COLUMN school.compliance_snapshots.not_evaluated IS 'Nothing was said of them: the date of birth is missing';
COMMENT ON COLUMN school.compliance_snapshots.measles_protected IS 'What is required against measles is fulfilled by doses or immunity';
COMMENT ON COLUMN school.compliance_snapshots.scored IS 'Students who have a score';
COMMENT ON COLUMN school.compliance_snapshots.score_total IS 'Sum of their scores';
COMMENT ON CONSTRAINT compliance_snapshots_period_uq ON school.compliance_snapshots IS 'This snapshot was taken already';
COMMENT ON CONSTRAINT compliance_snapshots_order ON school.compliance_snapshots IS 'Cannot be taken before its day';
COMMENT ON CONSTRAINT compliance_snapshots_counts ON school.compliance_snapshots IS 'Counts cannot be negative';
COMMENT ON CONSTRAINT compliance_snapshots_part ON school.compliance_snapshots IS 'Cannot be more than all who were judged';
CALL kernel.protect('school.compliance_snapshots', class => 'C2', retention => 'operational');

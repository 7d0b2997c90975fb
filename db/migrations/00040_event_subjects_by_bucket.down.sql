-- Events that are not sealed yet get their rows here as well, so nobody's accesses are forgotten.
CREATE TABLE audit.event_subjects_after (
  tenant_id   uuid        NOT NULL DEFAULT kernel.tenant(),
  subject_id  uuid        NOT NULL,
  recorded_at timestamptz NOT NULL,
  id          uuid        NOT NULL,
  CONSTRAINT event_subjects_after_pk PRIMARY KEY (tenant_id, subject_id, recorded_at, id)
);
INSERT INTO audit.event_subjects_after (tenant_id, subject_id, recorded_at, id)
  SELECT s.tenant_id, e.person, e.recorded_at, e.id FROM audit.event_subjects s CROSS JOIN LATERAL audit.subject_entries(s.entries) e
  UNION
  SELECT l.tenant_id, p.person, l.recorded_at, l.id FROM audit.activity_logs l CROSS JOIN LATERAL audit.header_subjects(l.header) p (person);
CALL kernel.forget('audit.subject_index');
CALL kernel.forget('audit.event_subjects');
ALTER TABLE audit.event_subjects_after RENAME TO event_subjects;
ALTER TABLE audit.event_subjects RENAME CONSTRAINT event_subjects_after_pk TO event_subjects_pk;
COMMENT ON TABLE audit.event_subjects IS 'Which persons an event is about, for "who saw this record"; can be rebuilt from the headers';
CALL kernel.protect('audit.event_subjects', subject => 'subject_id', retention => 'audit_logs', append_only => true);
CREATE POLICY any_caller ON audit.event_subjects FOR INSERT WITH CHECK (true);
GRANT INSERT ON audit.event_subjects TO salus_reader;
GRANT SELECT ON audit.event_subjects TO salus_sealer;

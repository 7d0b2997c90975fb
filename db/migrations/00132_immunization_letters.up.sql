-- Letters to families about immunization: that one was made, never what it said.
CREATE DOMAIN school.letter_kind AS text CONSTRAINT letter_kind_values CHECK (VALUE IN ('EXCLUSION', 'REMINDER'));
COMMENT ON DOMAIN school.letter_kind IS
  'What a letter to a family is about: EXCLUSION that the student is kept home, REMINDER that doses are missing';
COMMENT ON CONSTRAINT letter_kind_values ON DOMAIN school.letter_kind IS 'Must be EXCLUSION or REMINDER';

CREATE TABLE school.immunization_letters (
  tenant_id   uuid               NOT NULL DEFAULT kernel.tenant(),
  id          uuid               NOT NULL,
  row_version int                NOT NULL DEFAULT 1,
  created_at  timestamptz        NOT NULL DEFAULT now(),
  updated_at  timestamptz        NOT NULL DEFAULT now(),
  created_by  uuid               DEFAULT kernel.actor(),
  updated_by  uuid,
  student_id  uuid               NOT NULL,
  school_id   uuid               NOT NULL,
  kind        school.letter_kind NOT NULL,
  language    kernel.language    NOT NULL DEFAULT 'en',
  contact_id  uuid               NOT NULL,
  written_on  date               NOT NULL,
  deadline_on date,
  CONSTRAINT immunization_letters_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT immunization_letters_student_fk
    FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT immunization_letters_school_fk FOREIGN KEY (tenant_id, school_id) REFERENCES school.schools (tenant_id, id),
  CONSTRAINT immunization_letters_contact_fk
    FOREIGN KEY (tenant_id, contact_id) REFERENCES medical.patient_contacts (tenant_id, id)
);
CREATE INDEX immunization_letters_student_ix ON school.immunization_letters (tenant_id, student_id, written_on DESC);
CREATE INDEX immunization_letters_school_ix ON school.immunization_letters (tenant_id, school_id, written_on DESC);
CREATE INDEX immunization_letters_contact_ix ON school.immunization_letters (tenant_id, contact_id);
COMMENT ON TABLE school.immunization_letters IS
  'Letters that were made for families: about whom, to which guardian and when. The letter itself is not kept';
COMMENT ON COLUMN school.immunization_letters.language IS 'Language it is written in';
COMMENT ON COLUMN school.immunization_letters.contact_id IS 'The guardian it is to';
COMMENT ON COLUMN school.immunization_letters.written_on IS 'The school''s day';
COMMENT ON COLUMN school.immunization_letters.deadline_on IS 'The day that it names: from when the student is kept home, or until when doses are expected';
CALL kernel.protect('school.immunization_letters',
  subject => 'student_id', class => 'C2', key_class => 'identity', retention => 'student_health');

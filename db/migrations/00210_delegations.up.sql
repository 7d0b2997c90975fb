-- Who may give medication in a nurse's place: a person of a school, a way of giving, and for how long the training counts.
CREATE TABLE school.delegations (
  tenant_id     uuid         NOT NULL DEFAULT kernel.tenant(),
  id            uuid         NOT NULL,
  row_version   int          NOT NULL DEFAULT 1,
  created_at    timestamptz  NOT NULL DEFAULT now(),
  updated_at    timestamptz  NOT NULL DEFAULT now(),
  created_by    uuid         DEFAULT kernel.actor(),
  updated_by    uuid,
  user_id       uuid         NOT NULL,
  school_id     uuid         NOT NULL,
  route         kernel.code  NOT NULL,
  trained_on    date         NOT NULL,
  valid_until   date         NOT NULL,
  delegated_by  uuid,
  revoked_at    timestamptz,
  revoke_reason kernel.label,
  CONSTRAINT delegations_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT delegations_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT delegations_school_fk FOREIGN KEY (tenant_id, school_id) REFERENCES school.schools (tenant_id, id),
  CONSTRAINT delegations_delegated_by_fk FOREIGN KEY (tenant_id, delegated_by) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT delegations_period CHECK (valid_until >= trained_on AND valid_until <= trained_on + 731),
  CONSTRAINT delegations_other_person CHECK (delegated_by <> user_id),
  CONSTRAINT delegations_revoked CHECK ((revoked_at IS NULL) = (revoke_reason IS NULL))
);
CREATE INDEX delegations_user_ix ON school.delegations (tenant_id, user_id, route);
CREATE INDEX delegations_school_ix ON school.delegations (tenant_id, school_id, valid_until);
CREATE INDEX delegations_delegated_by_ix ON school.delegations (tenant_id, delegated_by);
COMMENT ON TABLE school.delegations IS
  'Whom a nurse lets give medication at a school, in which way, as long as their training counts';
COMMENT ON COLUMN school.delegations.route IS 'The way of giving that was trained, as orders name it: ORAL, INHALED';
COMMENT ON COLUMN school.delegations.trained_on IS 'When a nurse saw that the person can do it; the first day it counts';
COMMENT ON COLUMN school.delegations.valid_until IS 'The last day it counts';
COMMENT ON COLUMN school.delegations.delegated_by IS 'The nurse who answers for it; NULL: entered by a program';
COMMENT ON COLUMN school.delegations.revoked_at IS 'From then on it counts no more';
COMMENT ON COLUMN school.delegations.revoke_reason IS 'Why it was taken back, without health data';
COMMENT ON CONSTRAINT delegations_user_fk ON school.delegations IS 'Must name a user of this organization';
COMMENT ON CONSTRAINT delegations_school_fk ON school.delegations IS 'Must name a school';
COMMENT ON CONSTRAINT delegations_delegated_by_fk ON school.delegations IS 'Must name a user of this organization';
COMMENT ON CONSTRAINT delegations_period ON school.delegations IS
  'Ends on or after the day of training, and within two years of it';
COMMENT ON CONSTRAINT delegations_other_person ON school.delegations IS 'Nobody delegates to themselves';
COMMENT ON CONSTRAINT delegations_revoked ON school.delegations IS 'What is taken back says why';
CALL kernel.protect('school.delegations');

CREATE FUNCTION school.is_delegated(medication_order uuid, to_user uuid, on_day date) RETURNS boolean
  LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT EXISTS (SELECT FROM school.student_medication_orders o
    JOIN school.student_profiles p ON p.tenant_id = o.tenant_id AND p.patient_id = o.student_id
    JOIN school.delegations g ON g.tenant_id = o.tenant_id AND g.school_id = p.school_id AND g.route = o.route
   WHERE o.id = medication_order AND o.delegable AND g.user_id = to_user
     AND on_day BETWEEN g.trained_on AND g.valid_until AND g.revoked_at IS NULL)
$$;
COMMENT ON FUNCTION school.is_delegated(uuid, uuid, date) IS
  'Whether an order may be given by a user who is no nurse: it is delegable, and the user''s training for its way of giving counts that day';

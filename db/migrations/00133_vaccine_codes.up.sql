-- Which vaccine codes are used for doses that are given today, as the list that the user imported says.
CREATE DOMAIN school.vaccine_code_status AS text CONSTRAINT vaccine_code_status_values
  CHECK (VALUE IN ('ACTIVE', 'INACTIVE', 'PENDING', 'NEVER_ACTIVE', 'NON_US'));
COMMENT ON DOMAIN school.vaccine_code_status IS
  'Whether a vaccine code is used for doses given today: ACTIVE, not any more, not yet, never, or not in the United States';
COMMENT ON CONSTRAINT vaccine_code_status_values ON DOMAIN school.vaccine_code_status IS
  'Must be ACTIVE, INACTIVE, PENDING, NEVER_ACTIVE or NON_US';

CREATE TABLE school.vaccine_codes (
  tenant_id   uuid                       NOT NULL DEFAULT kernel.tenant(),
  id          uuid                       NOT NULL,
  row_version int                        NOT NULL DEFAULT 1,
  created_at  timestamptz                NOT NULL DEFAULT now(),
  updated_at  timestamptz                NOT NULL DEFAULT now(),
  created_by  uuid                       DEFAULT kernel.actor(),
  updated_by  uuid,
  cvx         kernel.code                NOT NULL,
  label       kernel.label               NOT NULL,
  status      school.vaccine_code_status NOT NULL,
  is_vaccine  boolean                    NOT NULL,
  changed_on  date                       NOT NULL,
  CONSTRAINT vaccine_codes_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT vaccine_codes_cvx_uq UNIQUE (tenant_id, cvx),
  CONSTRAINT vaccine_codes_cvx_form CHECK (cvx ~ '^[0-9]{1,3}$')
);
COMMENT ON TABLE school.vaccine_codes IS
  'Vaccine codes (CVX) as the list says that the user imported; a dose that is given here has an active one';
COMMENT ON COLUMN school.vaccine_codes.is_vaccine IS 'False for immune globulins, skin tests and reasons why nothing was given';
COMMENT ON COLUMN school.vaccine_codes.changed_on IS 'Last change, by the list';
COMMENT ON CONSTRAINT vaccine_codes_cvx_uq ON school.vaccine_codes IS 'This code is in the list already';
COMMENT ON CONSTRAINT vaccine_codes_cvx_form ON school.vaccine_codes IS 'Must be one to three digits';
CALL kernel.protect('school.vaccine_codes', retention => 'operational');

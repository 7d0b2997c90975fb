-- 40 bits repeat among half a million persons of a tenant in one of nine cases, and the record that meets the second one was
-- refused. 60 bits do so among fifty million in one of nine hundred.
ALTER TABLE medical.patients DROP CONSTRAINT patients_pseudonym_form,
  ADD CONSTRAINT patients_pseudonym_form CHECK (pseudonym ~ '^P-[0-9A-HJKMNP-TV-Z]{8}([0-9A-HJKMNP-TV-Z]{4})?$');
COMMENT ON CONSTRAINT patients_pseudonym_form ON medical.patients IS
  'A pseudonym is P- and 12 characters of Crockford base 32, or 8 in records made before';
COMMENT ON COLUMN medical.patients.pseudonym IS
  'What those without permission to see identity call the person: P- and 12 characters, 8 in older records';

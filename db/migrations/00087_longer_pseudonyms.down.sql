-- lossy: longer pseudonyms lose their last four characters
UPDATE medical.patients SET pseudonym = left(pseudonym, 10) WHERE length(pseudonym) > 10;
ALTER TABLE medical.patients DROP CONSTRAINT patients_pseudonym_form,
  ADD CONSTRAINT patients_pseudonym_form CHECK (pseudonym ~ '^P-[0-9A-HJKMNP-TV-Z]{8}$');
COMMENT ON CONSTRAINT patients_pseudonym_form ON medical.patients IS
  'A pseudonym is P- and 8 characters of Crockford base 32';
COMMENT ON COLUMN medical.patients.pseudonym IS
  'What those without permission to see identity call the person: P- and 8 characters';

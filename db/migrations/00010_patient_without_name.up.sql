-- A patient who comes without a name: found unconscious, just born, or protected.

CREATE DOMAIN medical.name_absence AS text CONSTRAINT name_absence_values
  CHECK (VALUE IN ('UNKNOWN', 'NOT_NAMED_YET', 'WITHHELD'));
COMMENT ON DOMAIN medical.name_absence IS
  'Why a patient has no name: nobody knows it, a newborn has none yet, or it is protected';
COMMENT ON CONSTRAINT name_absence_values ON DOMAIN medical.name_absence IS
  'Must be UNKNOWN, NOT_NAMED_YET or WITHHELD';
ALTER TABLE medical.patients ADD COLUMN name_absence medical.name_absence;
COMMENT ON COLUMN medical.patients.name_absence IS
  'Why there is neither a family nor a given name; a patient made by hand has one of the three';
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  VALUES (kernel.column_id('medical.patients', 'name_absence'), 'medical.patients', 'name_absence', 'C2');
